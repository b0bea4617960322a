package gateway

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"sallyport/config"
)

func TestCheck8SteadyUploadPassesAndStalledOneIs408(t *testing.T) {
	h := open(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		_, _ = w.Write(b)
	}, func(c *config.Config) { c.HTTP.Door.Timeouts.Idle = 1500 * time.Millisecond })
	c, err := net.Dial("tcp4", h.at.HTTP)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 120\r\n\r\n")
	for range 12 {
		time.Sleep(200 * time.Millisecond) // the client's pace: longer than the idle time in all
		_, _ = io.WriteString(c, "0123456789")
	}
	if all, _ := io.ReadAll(c); !bytes.HasPrefix(all, []byte("HTTP/1.1 200 ")) || !bytes.HasSuffix(all, []byte("\r\n\r\n"+strings.Repeat("0123456789", 12))) {
		t.Errorf("steady upload: got %q, want 200 and the 120 bytes", all)
	}
	began := time.Now()
	if got := h.raw("http", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\nx"); !strings.HasPrefix(got, "HTTP/1.1 408 ") {
		t.Errorf("stalled upload: got %.80q, want 408", got)
	}
	if took := time.Since(began); took > 9*time.Second {
		t.Errorf("stalled upload: answered after %v, want soon after 1.5s", took)
	}
}

func TestCheck8QuietStreamsOutliveTheIdleTime(t *testing.T) {
	app := &mixed{arrived: make(chan string, 2), release: make(chan struct{}), every: 2 * time.Second}
	defer close(app.release)
	h := open(t, app.serve, func(c *config.Config) { // a time in which a busy machine's app answers
		c.HTTP.Door.Timeouts.Idle, c.HTTP.Door.Timeouts.Upstream, c.HTTP.App.Timeout = time.Second, time.Second, time.Second
	})
	socket, frames := h.dialSocket(t)
	defer socket.Close()
	stream, err := h.client.Get("http://" + h.at.HTTP + "/ticks")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	lines := bufio.NewReader(stream.Body)
	for i := range 3 { // an event each two seconds: twice the idle time
		if line, err := lines.ReadString('\n'); err != nil || line != "data: tick\n" {
			t.Fatalf("event %d: got %q, %v; want the stream to live on", i, line, err)
		}
		if _, err := lines.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	_, _ = io.WriteString(socket, "\x82\x80\x00\x00\x00\x00") // an empty frame, after six seconds of silence
	_ = socket.SetReadDeadline(time.Now().Add(10 * time.Second))
	got := make([]byte, 6)
	if _, err := io.ReadFull(frames, got); err != nil || string(got) != "\x82\x80\x00\x00\x00\x00" {
		t.Errorf("the idle WebSocket: got %q, %v; want the frame back", got, err)
	}
}

// stall opens n connections that send text and then nothing; they are closed at the end of the test.
func (h *house) stall(n int, text string) {
	h.t.Helper()
	for range n {
		c, err := net.Dial("tcp4", h.at.HTTP)
		if err != nil {
			h.t.Fatal(err)
		}
		h.t.Cleanup(func() { _ = c.Close() })
		if _, err := io.WriteString(c, text); err != nil {
			h.t.Fatal(err)
		}
	}
}

const (
	stalledHead = "GET / HTTP/1.1\r\nHost: a\r\nX-Stalled: "
	stalledBody = "POST / HTTP/1.1\r\nHost: a\r\nCF-Connecting-IP: 192.0.2.99\r\nContent-Length: 100000\r\n\r\nx"
)

func TestCheck8StalledHeadsAndBodiesDelayNobody(t *testing.T) {
	h := open(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	h.stall(200, stalledHead)
	h.stall(40, stalledBody)
	for i := range 50 {
		began := time.Now()
		if got := h.get("http", "/").status; got != http.StatusOK {
			t.Fatalf("GET %d: got %d, want 200", i, got)
		}
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("GET %d took %v beside 240 stalled requests", i, took)
		}
	}
}
