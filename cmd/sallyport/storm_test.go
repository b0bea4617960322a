//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// stormy is a running instance whose settings file changes all the time.
type stormy struct {
	t           *testing.T
	file        string
	door, admin string
	app         *httptest.Server
	// hangup sends SIGHUP to the instance.
	hangup func() error
}

func newStormy(t *testing.T) *stormy {
	t.Helper()
	s := &stormy{t: t, door: free(t), admin: free(t), file: filepath.Join(t.TempDir(), "s.yaml")}
	s.app = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/stream" {
			_, _ = io.WriteString(w, "hello")
			return
		}
		for range 20 {
			fmt.Fprintln(w, "tick")
			_ = http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}))
	t.Cleanup(s.app.Close)
	s.write(0)
	return s
}

// write makes settings number n: each of its headers and its budget name n.
func (s *stormy) write(n int) {
	s.replace(fmt.Sprintf(`version: 1
http:
  listen: %s
  upstream: %q
  connections: %d
  body_max: %dKB
  headers: %s
  header_rules: {X-One: {value: "%d"}, X-Two: {value: "%d"}}
  timeouts: {idle: %ds, upstream: %ds}
  rate_limit: {requests: %d, per: 15m, concurrent: 0}
  cors: {origins: ["https://n%d.example"]}
admin: {listen: %s}
`, s.door, s.app.URL, 16+n%3, 100+n, []string{"strict", "relaxed"}[n%2], n, n, 20+n%5, 20+n%7, 1_000_000+n, n, s.admin))
}

// replace puts text into the file at once, as a careful editor does.
func (s *stormy) replace(text string) {
	if err := os.WriteFile(s.file+".new", []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(s.file+".new", s.file); err != nil {
		s.t.Fatal(err)
	}
}

// ready waits until the instance serves.
func (s *stormy) ready() {
	s.t.Helper()
	for until := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if res, err := http.Get("http://" + s.admin + "/readyz"); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(until) {
			s.t.Fatal("the instance is not ready after 20 s")
		}
	}
}

// reloads returns the good and the refused reloads so far.
func (s *stormy) reloads() (good, refused int) {
	res, err := http.Get("http://" + s.admin + "/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	for line := range strings.SplitSeq(string(text), "\n") {
		_, _ = fmt.Sscanf(line, `sallyport_settings_reloads_total{outcome="ok"} %d`, &good)
		_, _ = fmt.Sscanf(line, `sallyport_settings_reloads_total{outcome="refused"} %d`, &refused)
	}
	return good, refused
}

// reload makes the instance read its settings, by signal and by the API in turns, and waits until it has.
func (s *stormy) reload(n int) {
	good, refused := s.reloads()
	if n%2 == 0 {
		if err := s.hangup(); err != nil {
			s.t.Error(err)
		}
	} else if res, err := http.Post("http://"+s.admin+"/-/reload", "", nil); err != nil {
		s.t.Error(err)
	} else {
		_ = res.Body.Close()
	}
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); time.Sleep(time.Millisecond) {
		if a, b := s.reloads(); a+b > good+refused {
			return
		}
	}
	s.t.Fatalf("reload %d was not carried out within 20 s", n)
}

// weathered is what requests met during a storm.
type weathered struct {
	mu       sync.Mutex // guards what follows
	took     []time.Duration
	failures []string
}

func (w *weathered) add(took time.Duration, failure string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.took = append(w.took, took)
	if failure != "" {
		w.failures = append(w.failures, failure)
	}
}

// ask makes one request. All that the answer says must come from one generation of settings.
func (s *stormy) ask(client *http.Client, w *weathered) {
	began := time.Now()
	res, err := client.Get("http://" + s.door + "/")
	if err != nil {
		w.add(time.Since(began), err.Error())
		return
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	one, two, policy := res.Header.Get("X-One"), res.Header.Get("X-Two"), res.Header.Get("Ratelimit-Policy")
	var n int
	_, _ = fmt.Sscanf(one, "%d", &n)
	failure := ""
	if want := fmt.Sprintf(`"default";q=%d;w=900`, 1_000_000+n); err != nil || res.StatusCode != 200 || string(body) != "hello" || one != two || policy != want {
		failure = fmt.Sprintf("%d %q, %v, generations %s, %s and %s", res.StatusCode, body, err, one, two, policy)
	}
	w.add(time.Since(began), failure)
}

// storm reloads many times while requests come at rate per second, a third of the reloads from a bad file.
func (s *stormy) storm(reloads, rate int) *weathered {
	s.t.Helper()
	w := &weathered{}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: 20 * time.Second}
	defer client.CloseIdleConnections()
	over := make(chan struct{})
	var load sync.WaitGroup
	load.Go(func() {
		tick := time.NewTicker(time.Second / time.Duration(rate))
		defer tick.Stop()
		for {
			load.Go(func() { s.ask(client, w) })
			select {
			case <-over:
				return
			case <-tick.C:
			}
		}
	})
	load.Go(func() {
		res, err := client.Get("http://" + s.door + "/stream") // lives through many generations
		if err != nil {
			w.add(0, err.Error())
			return
		}
		defer res.Body.Close()
		if text, err := io.ReadAll(res.Body); err != nil || strings.Count(string(text), "tick") != 20 {
			w.add(0, fmt.Sprintf("stream: %q, %v", text, err))
		}
	})
	pace := time.NewTicker(100 * time.Millisecond)
	defer pace.Stop()
	for n := 1; n <= reloads; n++ {
		if n%3 == 0 {
			s.replace("version: 1\nhttp: {body_max: 0}\n")
		} else {
			s.write(n)
		}
		s.reload(n)
		<-pace.C
	}
	close(over)
	load.Wait()
	return w
}

// report says what the storm did.
func (s *stormy) report(w *weathered, reloads int) {
	s.t.Helper()
	slices.Sort(w.took)
	good, refused := s.reloads()
	s.t.Logf("%d requests, %d failed, p50 %v, p99 %v, worst %v; %d reloads: %d good, %d refused", len(w.took), len(w.failures), w.took[len(w.took)/2], w.took[len(w.took)*99/100], w.took[len(w.took)-1], reloads, good, refused)
	if len(w.failures) > 0 {
		s.t.Errorf("failed: got %d of %d requests, want none: %v", len(w.failures), len(w.took), w.failures[:min(len(w.failures), 5)])
	}
	if good != reloads-reloads/3 || refused != reloads/3 {
		s.t.Errorf("reloads: got %d good and %d refused, want %d and %d", good, refused, reloads-reloads/3, reloads/3)
	}
}

func TestReloadsUnderLoadFailNoRequestAndMixNoSettings(t *testing.T) {
	s := newStormy(t)
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(t.Context()))
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, []string{"run", "--config", s.file}, new(bytes.Buffer), new(bytes.Buffer)) }()
	defer func() {
		cancel(errTerminated)
		if code := <-ended; code != codeGood {
			t.Errorf("run: exit %d, want 0", code)
		}
	}()
	s.ready()
	s.hangup = func() error { return syscall.Kill(os.Getpid(), syscall.SIGHUP) }
	s.report(s.storm(18, 100), 18)
}
