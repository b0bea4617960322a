//go:build prove && linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// launch builds the program and starts it on s's settings; stop sends SIGTERM and returns the exit code and how long it took.
func (s *stormy) launch() (pid int, stop func() (int, time.Duration)) {
	s.t.Helper()
	program := filepath.Join(s.t.TempDir(), "sallyport")
	build := exec.Command("go", "build", "-buildvcs=false", "-trimpath", "-tags=nomsgpack", "-o", program, ".")
	if out, err := build.CombinedOutput(); err != nil {
		s.t.Fatalf("build: %v\n%s", err, out)
	}
	log, err := os.Create(filepath.Join(s.t.TempDir(), "log"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = log.Close() })
	cmd := exec.Command(program, "run", "--config", s.file)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.hangup = func() error { return cmd.Process.Signal(syscall.SIGHUP) }
	stop = func() (int, time.Duration) {
		began := time.Now()
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		return cmd.ProcessState.ExitCode(), time.Since(began)
	}
	s.ready()
	return cmd.Process.Pid, stop
}

// TestProveReloadStorm reloads the program a hundred times, by signal and by the API, at 200 requests per second.
func TestProveReloadStorm(t *testing.T) {
	s := newStormy(t)
	_, stop := s.launch()
	s.report(s.storm(100, 200), 100)
	if code, _ := stop(); code != 0 {
		t.Errorf("run: exit %d, want 0", code)
	}
}

// TestProveTermEndsInOrder is check 9 on the program: a slow GET, an event stream and a WebSocket at SIGTERM.
func TestProveTermEndsInOrder(t *testing.T) {
	s := newStormy(t)
	s.replace(fmt.Sprintf("version: 1\nhttp: {listen: %s, upstream: %q, timeouts: {drain: 5s}}\nadmin: {listen: %s}\n", s.door, s.app.URL, s.admin))
	_, stop := s.launch()
	slow := make(chan string, 1)
	began := make(chan struct{})
	go func() {
		res, err := http.Get("http://" + s.door + "/stream") // a second in all
		close(began)
		if err != nil {
			slow <- err.Error()
			return
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		slow <- fmt.Sprint(strings.Count(string(text), "tick"), err)
	}()
	<-began
	code, took := stop()
	if got := <-slow; got != "20<nil>" && got != "20 <nil>" {
		t.Errorf("a running answer: got %q, want its 20 ticks and no error", got)
	}
	if code != 0 || took > 5*time.Second {
		t.Errorf("SIGTERM: exit %d after %v, want 0 within the drain time of 5 s", code, took)
	}
	t.Logf("SIGTERM: exit %d after %v, the running answer complete", code, took)
}

// TestProveMillionClients is check 6 on the program: a million clients cost it less than 64 MB, and clients from before are
// limited as if they had not come.
func TestProveMillionClients(t *testing.T) {
	s := newStormy(t)
	s.replace(fmt.Sprintf("version: 1\nhttp: {listen: %s, upstream: %q, rate_limit: {requests: 100, per: 24h}}\nadmin: {listen: %s}\n", s.door, s.app.URL, s.admin))
	pid, stop := s.launch()
	if got := s.flood(t, 0, 20_000, func(i int) string { return fmt.Sprintf("10.99.%d.%d", i/1000, i%250) }); got[200] != 20_000 {
		t.Fatalf("warming: got %v, want 200 for all", got)
	}
	same := func(client string) func(int) string { return func(int) string { return client } }
	if got := s.flood(t, 0, 120, same("192.0.2.1")); got[200] != 100 || got[429] != 20 {
		t.Errorf("busy client: got %v, want 100 × 200 and 20 × 429", got)
	}
	if got := s.flood(t, 0, 50, same("192.0.2.2")); got[200] != 50 {
		t.Errorf("honest client: got %v, want 50 × 200", got)
	}
	before, began := resident(t, pid), time.Now()
	var all sync.WaitGroup
	for part := range 4 {
		all.Go(func() {
			got := s.flood(t, part*250_000, 250_000, func(i int) string { return fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255) })
			if got[200] != 250_000 {
				t.Errorf("clients from %d: got %v, want 200 for all", part*250_000, got)
			}
		})
	}
	all.Wait()
	grown := resident(t, pid) - before
	t.Logf("1,000,000 clients in %v: resident memory %.1f MB before, grown by %.1f MB", time.Since(began).Round(time.Second), float64(before)/(1<<20), float64(grown)/(1<<20))
	if grown >= 64<<20 {
		t.Errorf("resident memory grew by %d MB, want less than 64", grown>>20)
	}
	if got := s.flood(t, 0, 20, same("192.0.2.1")); got[429] != 20 {
		t.Errorf("busy client afterwards: got %v, want 20 × 429", got)
	}
	if got := s.flood(t, 0, 70, same("192.0.2.2")); got[200] != 50 || got[429] != 20 {
		t.Errorf("honest client afterwards: got %v, want the 50 it had left", got)
	}
	if code, _ := stop(); code != 0 {
		t.Errorf("run: exit %d, want 0", code)
	}
}

// flood sends n requests of clients from the given number on over one connection, fifty at a time, and counts the statuses.
func (s *stormy) flood(t *testing.T, from, n int, client func(int) string) map[int]int {
	got := map[int]int{}
	c, err := net.Dial("tcp4", s.door)
	if err != nil {
		t.Error(err)
		return got
	}
	defer c.Close()
	r := bufio.NewReaderSize(c, 64<<10)
	for sent := 0; sent < n; {
		var batch strings.Builder
		size := min(50, n-sent)
		for i := range size {
			batch.WriteString("GET /m HTTP/1.1\r\nHost: a\r\nCF-Connecting-IP: " + client(from+sent+i) + "\r\n\r\n")
		}
		if _, err := io.WriteString(c, batch.String()); err != nil {
			t.Error(err)
			return got
		}
		for range size {
			res, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Error(err)
				return got
			}
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
			got[res.StatusCode]++
		}
		sent += size
	}
	return got
}

// resident returns the bytes of process pid that are in memory.
func resident(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Fatal(err)
	}
	var total, pages int
	if _, err := fmt.Sscan(string(text), &total, &pages); err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}
