package gateway

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/config"
)

const chunkedPost = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"

// elevenMegabytes is a chunked body above the cap.
var elevenMegabytes = sync.OnceValue(func() string {
	return chunkedPost + strings.Repeat(fmt.Sprintf("%x\r\n%s\r\n", 1<<20, strings.Repeat("x", 1<<20)), 11) + "0\r\n\r\n"
})

func TestCheck7OneClientsFaultsHurtNobodyElse(t *testing.T) {
	h := before(t, script(t, func(c net.Conn, head string) {
		if strings.HasPrefix(head, "GET") {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			return
		}
		// An app that answers before it has read: that must not hide what is wrong with the upload.
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		_, _ = io.Copy(io.Discard, c)
	}), func(c *config.Config) {
		c.HTTP.Door.Timeouts.Idle, c.HTTP.Door.Timeouts.BodyRate = time.Second, 0
		c.HTTP.App.Breaker.Failures = 1
	})
	var all sync.WaitGroup
	limit := make(chan struct{}, 24)
	ask := func(text, want string) {
		all.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			if got := h.raw("http", text); !strings.HasPrefix(got, "HTTP/1.1 "+want+" ") {
				t.Errorf("%.90q: got %.60q, want %s", text, got, want)
			}
		})
	}
	for i := range 50 {
		ask(chunkedPost+"5\r\nhelloX\r\n", "400")
		ask(chunkedPost+"5\r\nhello\r\n", "408") // and then silence
		if i%10 == 0 {
			ask(elevenMegabytes(), "413")
		}
		all.Go(func() {
			if c, err := net.Dial("tcp4", h.at.HTTP); err == nil {
				_, _ = io.WriteString(c, chunkedPost+"5\r\nhel")
				_ = c.Close()
			}
		})
	}
	all.Wait()
	if got := h.get("http", "/").status; got != http.StatusOK {
		t.Errorf("innocent GET: got %d, want 200", got)
	}
	eventually(t, "50 clients that left are logged", func() bool { return strings.Count(h.log.String(), `"status":499`) == 50 })
	if s := h.current.Load().app.Snapshot(); s.Breaker != "closed" || s.Failed != 0 {
		t.Errorf("breaker %s after %d failures, want closed after none", s.Breaker, s.Failed)
	}
}

// mortal is an app at one address that can be stopped and started.
type mortal struct {
	t       *testing.T
	address string
	server  *http.Server
	ended   chan struct{}
}

func (m *mortal) start() {
	m.t.Helper()
	if m.address == "" {
		m.address = "127.0.0.1:0"
	}
	var ln net.Listener
	eventually(m.t, "the app's port is free", func() (got bool) {
		var err error
		ln, err = net.Listen("tcp4", m.address)
		return err == nil
	})
	m.address, m.server, m.ended = ln.Addr().String(), &http.Server{Handler: http.HandlerFunc(hello)}, make(chan struct{})
	go func(s *http.Server, ended chan struct{}) { _ = s.Serve(ln); close(ended) }(m.server, m.ended)
}

func (m *mortal) stop() { _ = m.server.Close(); <-m.ended }

func TestCheck7StoppedAppIs502Then503AndClosesAfterOneProbe(t *testing.T) {
	app := &mortal{t: t}
	app.start()
	defer func() { app.stop() }()
	const openFor = 1500 * time.Millisecond
	h := before(t, "http://"+app.address, func(c *config.Config) {
		c.HTTP.App.Breaker.Failures, c.HTTP.App.Breaker.OpenFor, c.HTTP.App.Health.Every = 3, openFor, 0
	})
	if got := h.get("http", "/").status; got != 200 {
		t.Fatalf("before: got %d, want 200", got)
	}
	app.stop()
	for i := range 3 {
		if got := h.get("http", "/").status; got != 502 {
			t.Errorf("request %d to a stopped app: got %d, want 502", i+1, got)
		}
	}
	opened := time.Now()
	refused := h.get("http", "/")
	if wait, err := strconv.Atoi(refused.header.Get("Retry-After")); refused.status != 503 || err != nil || wait < 1 || wait > 2 {
		t.Errorf("with the circuit open: got %d and Retry-After %q, want 503 and a second or two", refused.status, refused.header.Get("Retry-After"))
	}
	for time.Since(opened) < openFor+300*time.Millisecond { // figures are polled past the end of the open state
		h.get("admin", "/metrics")
		h.get("admin", "/api/hardening/metrics")
		h.get("admin", "/api/hardening/health")
	}
	if kinds := h.kinds(); strings.Count(kinds, "app-breaker-open") != 1 || strings.Contains(kinds, "half-open") || strings.Contains(kinds, "closed") {
		t.Errorf("events after polling: got %s, want one opening and nothing else of the circuit", kinds)
	}
	app.start()
	if got := h.get("http", "/").status; got != 200 {
		t.Errorf("the probe: got %d, want 200", got)
	}
	if got := h.current.Load().app.Snapshot().Breaker; got != "closed" {
		t.Errorf("after one probe: the circuit is %s, want closed", got)
	}
	if kinds := h.kinds(); strings.Count(kinds, "app-breaker-half-open") != 1 || strings.Count(kinds, "app-breaker-closed") != 1 {
		t.Errorf("events: got %s, want one trial and one closing", kinds)
	}
}
