//go:build prove

package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/config"
)

// TestProveSlowClientsCostNobodyTime measures honest GETs beside 1,000 stalled heads and 200 stalled bodies, and without them, in
// turns of one run: the 99th percentile may at most double.
func TestProveSlowClientsCostNobodyTime(t *testing.T) {
	h := open(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body); hello(w, r) }, func(c *config.Config) {
		c.HTTP.Door.RateLimit.Requests = 0
		c.HTTP.Door.Timeouts.Header, c.HTTP.Head.HeaderTimeout, c.HTTP.Door.Timeouts.Idle = time.Minute, time.Minute, time.Minute
	})
	var calm, beside []time.Duration
	h.percentile99(t, 2000) // warm
	for round := range 7 {
		quiet := h.percentile99(t, 2000)
		stalled := h.stalled(t, 1000, 200)
		eventually(t, "200 bodies are under way", func() bool { return h.visitors.InFlight.Load() >= 200 })
		busy := h.percentile99(t, 2000)
		if n := h.visitors.InFlight.Load(); n < 200 {
			t.Errorf("round %d: %d stalled bodies were left, want 200", round, n)
		}
		for _, c := range stalled {
			_ = c.Close()
		}
		eventually(t, "the stalled are gone", func() bool { return h.visitors.InFlight.Load() == 0 })
		t.Logf("round %d: p99 calm %v, beside 1,200 stalled clients %v", round+1, quiet, busy)
		calm, beside = append(calm, quiet), append(beside, busy)
	}
	slices.Sort(calm)
	slices.Sort(beside)
	a, b := calm[len(calm)/2], beside[len(beside)/2]
	t.Logf("median of the p99s: calm %v, beside 1,200 stalled clients %v, ratio %.2f", a, b, float64(b)/float64(a))
	if b > 2*a {
		t.Errorf("p99 went from %v to %v, want at most twice", a, b)
	}
}

// stalled opens connections with half a head, and others with a byte of a body, each of a client of its own.
func (h *house) stalled(t *testing.T, heads, bodies int) []net.Conn {
	t.Helper()
	var all []net.Conn
	for i := range heads + bodies {
		c, err := net.Dial("tcp4", h.at.HTTP)
		if err != nil {
			t.Fatal(err)
		}
		text := stalledHead
		if i >= heads {
			text = strings.Replace(stalledBody, "192.0.2.99", fmt.Sprintf("198.18.%d.%d", i/250, i%250), 1)
		}
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	return all
}

// percentile99 makes n honest GETs over two kept connections and returns the 99th percentile of what they took.
func (h *house) percentile99(t *testing.T, n int) time.Duration {
	t.Helper()
	var mu sync.Mutex // guards took
	var took []time.Duration
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			var mine []time.Duration
			for range n / 2 {
				began := time.Now()
				if got, err := h.try("http", "GET", "/", nil); err != nil || got.status != 200 {
					t.Errorf("an honest GET: got %d, %v", got.status, err)
					return
				}
				mine = append(mine, time.Since(began))
			}
			mu.Lock()
			defer mu.Unlock()
			took = append(took, mine...)
		})
	}
	both.Wait()
	slices.Sort(took)
	return took[len(took)*99/100]
}

// TestProveStreamsLiveForAMinute is check 8 with its own figures: default limits, and an idle limit of 2 s for the uploads.
func TestProveStreamsLiveForAMinute(t *testing.T) {
	app := &mixed{arrived: make(chan string, 2), every: 20 * time.Second}
	h := open(t, app.serve)
	fast := open(t, func(w http.ResponseWriter, r *http.Request) { n, _ := io.Copy(io.Discard, r.Body); fmt.Fprint(w, n) }, func(c *config.Config) { c.HTTP.Door.Timeouts.Idle = 2 * time.Second })
	var all sync.WaitGroup
	all.Go(func() { h.idleSocket(t, time.Minute) })
	all.Go(func() { h.slowEvents(t) })
	all.Go(func() { fast.steadyUpload(t) })
	all.Go(func() { fast.stalledUpload(t) })
	all.Wait()
}

func (h *house) stalledUpload(t *testing.T) {
	c, err := net.Dial("tcp4", h.at.HTTP)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	began := time.Now()
	_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\nx")
	_ = c.SetReadDeadline(began.Add(10 * time.Second))
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if took := time.Since(began); err != nil || res.StatusCode != http.StatusRequestTimeout || took > 3*time.Second {
		t.Errorf("stalled upload: got %v, %v after %v; want 408 within 3 s", res, err, took)
		return
	}
	_ = res.Body.Close()
	t.Logf("stalled upload: 408 after %v", time.Since(began))
}

func (h *house) idleSocket(t *testing.T, silence time.Duration) {
	socket, frames := h.dialSocket(t)
	defer socket.Close()
	time.Sleep(silence) // the silence that is tested
	_ = socket.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(socket, "\x82\x80\x00\x00\x00\x00")
	got := make([]byte, 6)
	if _, err := io.ReadFull(frames, got); err != nil {
		t.Errorf("a WebSocket after %v of silence: %v", silence, err)
		return
	}
	t.Logf("WebSocket: alive after %v of silence", silence)
}

func (h *house) slowEvents(t *testing.T) {
	began := time.Now()
	c, err := net.Dial("tcp4", h.at.HTTP)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	_, _ = io.WriteString(c, "GET /ticks HTTP/1.1\r\nHost: a\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Error(err)
		return
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || strings.Count(string(text), "data: tick\n\n") != 3 || time.Since(began) < time.Minute {
		t.Errorf("events: got %q, %v after %v; want three and a proper end after a minute", text, err, time.Since(began))
		return
	}
	t.Logf("event stream: three events in %v, ended by the app", time.Since(began))
}

func (h *house) steadyUpload(t *testing.T) {
	c, err := net.Dial("tcp4", h.at.HTTP)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	const size = 300
	fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n", size)
	began := time.Now()
	for range size {
		time.Sleep(100 * time.Millisecond) // the client's pace
		_, _ = io.WriteString(c, "x")
	}
	if all, err := io.ReadAll(c); err != nil || !strings.HasPrefix(string(all), "HTTP/1.1 200 ") || !strings.HasSuffix(string(all), "300") {
		t.Errorf("steady upload: got %q, %v; want 200 and 300 bytes taken", all, err)
		return
	}
	t.Logf("steady upload: 200 after %v at a byte each 100 ms", time.Since(began))
}
