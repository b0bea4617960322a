package upstream

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestClientThatLeavesFreesTheApp(t *testing.T) {
	inside, freed := make(chan struct{}, 1), make(chan struct{}, 1)
	d := front(t, rawApp(t, func(c net.Conn, _ string) {
		inside <- struct{}{}
		_, _ = io.Copy(io.Discard, c)
		freed <- struct{}{}
	}), nil)
	c := d.dial()
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	<-inside
	_ = c.Close()
	select {
	case <-freed:
	case <-time.After(15 * time.Second):
		t.Fatal("the app's connection stayed open for 15s after the client left")
	}
	eventually(t, "499", func() bool { return len(d.refusals()) == 1 })
	if s := d.up.Snapshot(); s.Failed != 0 || s.Breaker != "closed" {
		t.Errorf("counted %d failures, want 0", s.Failed)
	}
}

func TestSilenceInsideAnAnswerEndsItAndProgressDoesNot(t *testing.T) {
	d := front(t, rawApp(t, func(c net.Conn, head string) {
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
		for range 8 {
			time.Sleep(200 * time.Millisecond) // the app's pace, not a wait for anything
			_, _ = io.WriteString(c, "1\r\nx\r\n")
		}
		if strings.HasPrefix(head, "GET /stall ") {
			_, _ = io.Copy(io.Discard, c)
		}
		_, _ = io.WriteString(c, "0\r\n\r\n")
	}), func(s *Settings, _ *Parts) { s.Timeout, s.StreamIdle = 5*time.Second, time.Second })
	if status, body := d.get("/"); status != 200 || body != "xxxxxxxx" {
		t.Errorf("steady stream: got %d %q, want 200 and 8 bytes", status, body)
	}
	res, err := http.Get("http://" + d.addr + "/stall")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); string(b) != "xxxxxxxx" || err != io.ErrUnexpectedEOF {
		t.Errorf("stalled stream: got %q, %v, want 8 bytes and %v", b, err, io.ErrUnexpectedEOF)
	}
}

func TestConnectionsToTheAppAreUsedAgain(t *testing.T) {
	var opened atomic.Int64
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }),
		ConnState: func(_ net.Conn, s http.ConnState) {
			if s == http.StateNew {
				opened.Add(1)
			}
		}}
	ln := listen(t)
	go func() { _ = srv.Serve(ln) }()
	t.Cleanup(func() { _ = srv.Close() })
	d := front(t, ln.Addr().String(), nil)
	for range 50 {
		if status, _ := d.get("/"); status != 200 {
			t.Fatalf("got %d, want 200", status)
		}
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("50 requests took %d connections, want 1", n)
	}
}

func TestConnectionThatDiedIdleFailsNoRequest(t *testing.T) {
	var served atomic.Int64
	d := front(t, rawApp(t, func(c net.Conn, head string) {
		for ; head != "" && served.Load() >= 0; head = readHead(c) {
			served.Add(1)
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			if strings.Contains(head, "/last") {
				return
			}
		}
	}), nil)
	for i := range 20 {
		method := []string{"GET", "POST"}[i%2]
		if status, _ := d.get("/last"); status != 200 {
			t.Fatalf("round %d: got %d, want 200", i, status)
		}
		eventually(t, "the connection back, and closed by the app", func() bool {
			d.up.pool.mu.Lock()
			defer d.up.pool.mu.Unlock()
			return len(d.up.pool.idle) == 0 || !d.up.pool.idle[0].open()
		})
		req, _ := http.NewRequest(method, "http://"+d.addr+"/", nil)
		res, err := http.DefaultClient.Do(req)
		if err != nil || res.StatusCode != 200 {
			t.Fatalf("round %d: %s on a connection that died idle: got %v, %v, want 200", i, method, res, err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
	}
	if s := d.up.Snapshot(); s.Failed != 0 || s.Retries != 0 {
		t.Errorf("counted %d failures and %d retries, want none", s.Failed, s.Retries)
	}
}

func TestIdleConnectionsAreClosedBeforeTheAppDoes(t *testing.T) {
	d := front(t, rawApp(t, func(c net.Conn, head string) {
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nKeep-Alive: timeout=5\r\n\r\n")
		_, _ = io.Copy(io.Discard, c)
	}), nil)
	d.get("/")
	eventually(t, "one idle connection", func() bool { return d.idle() == 1 })
	d.up.pool.trim(time.Now().Add(3900 * time.Millisecond))
	if d.idle() != 1 {
		t.Errorf("after 3.9s: the connection is closed, want it kept")
	}
	d.up.pool.trim(time.Now().Add(4100 * time.Millisecond))
	if d.idle() != 0 {
		t.Errorf("after 4.1s: the connection is kept, want it closed: the app said timeout=5")
	}
}

func TestHealthTellsOnlyChanges(t *testing.T) {
	ill := atomic.Bool{}
	app := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/up" && ill.Load() {
			w.WriteHeader(503)
		}
	}))
	told := make(chan Health, 16)
	d := front(t, app, func(s *Settings, p *Parts) {
		s.Health = HealthCheck{Path: "/up", Every: 5 * time.Millisecond, Timeout: time.Second}
		p.OnHealth = func(h Health) { told <- h }
	})
	eventually(t, "first look", func() bool { return !d.up.Snapshot().Health.At.IsZero() })
	ill.Store(true)
	if h := <-told; h.Healthy || h.Err != "answer: status 503" {
		t.Errorf("told %+v, want it ill with status 503", h)
	}
	ill.Store(false)
	if h := <-told; !h.Healthy || h.Err != "" {
		t.Errorf("told %+v, want it well", h)
	}
	if n := len(told); n != 0 {
		t.Errorf("%d more changes told, want none", n)
	}
}

func TestHealthCheckIsTheTrialOfAnOpenCircuit(t *testing.T) {
	ln := listen(t)
	addr := ln.Addr().String()
	_ = ln.Close()
	d := front(t, addr, func(s *Settings, _ *Parts) {
		s.Breaker = Breaker{Failures: 1, OpenFor: 50 * time.Millisecond}
		s.Retry.Attempts = 1
		s.Health.Every = 10 * time.Millisecond
	})
	if status, _ := d.get("/"); status != 502 && status != 503 {
		t.Fatalf("dead app: got %d, want 502 or 503", status)
	}
	again, err := net.Listen("tcp4", addr)
	if err != nil {
		t.Fatal(err)
	}
	app := &http.Server{Handler: http.NotFoundHandler()}
	go func() { _ = app.Serve(again) }()
	defer app.Close()
	// No request is made: the check alone closes the circuit.
	eventually(t, "closed circuit", func() bool { return d.up.Snapshot().Breaker == "closed" })
}

func TestSettingsTellEachMistake(t *testing.T) {
	if bad := Defaults().Validate(); len(bad) != 0 {
		t.Errorf("defaults: %v", bad)
	}
	bad := Settings{URL: "http://localhost:3000", Health: HealthCheck{Every: -1, Path: "x"}}.Validate()
	for i, key := range []string{
		"upstream is", "connections is", "dial_timeout is", "stream_idle is", "timeouts.upstream is", "breaker.failures is", "breaker.open_for is",
		"retry.attempts is", "retry.base is", "health.every is", "health.timeout is", "health.path is",
	} {
		if i >= len(bad) || !strings.HasPrefix(bad[i].Error(), key) {
			t.Fatalf("got %v, want a mistake that begins with %q at %d", bad, key, i)
		}
	}
	for _, url := range []string{"", "127.0.0.1:3000", "https://127.0.0.1", "http://127.0.0.1/app", "http://a@127.0.0.1", "http://127.0.0.1?x", "http://LOCALHOST"} {
		if validURL(url) == nil {
			t.Errorf("upstream %q: no mistake told", url)
		}
	}
}

func TestQuantilesAreWithinAQuarter(t *testing.T) {
	var m meter
	for i := range 1000 {
		m.observe(time.Duration(i+1) * time.Millisecond)
	}
	m.turn()
	for _, tc := range []struct {
		q    float64
		want time.Duration
	}{{0.5, 500 * time.Millisecond}, {0.95, 950 * time.Millisecond}} {
		if got := m.quantile(tc.q); got < tc.want || got > tc.want*5/4+time.Millisecond {
			t.Errorf("quantile %v: got %v, want %v to a quarter more", tc.q, got, tc.want)
		}
	}
	m.turn()
	if got := m.quantile(0.95); got != 0 {
		t.Errorf("after two windows: got %v, want 0", got)
	}
}

func TestWhatTheAppSaysUnaskedIsNobodysAnswer(t *testing.T) {
	for _, first := range []struct{ method, answer string }{
		{"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 70\r\n\r\n"},
		{"GET", "HTTP/1.1 304 Not Modified\r\n\r\n"},
		{"GET", "HTTP/1.1 204 No Content\r\n\r\n"},
		{"GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"},
	} {
		say, said := make(chan struct{}), make(chan struct{})
		d := front(t, rawApp(t, func(c net.Conn, head string) {
			if !strings.Contains(head, " /first ") {
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmine")
				return
			}
			_, _ = io.WriteString(c, first.answer)
			<-say
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\nSet-Cookie: a=b\r\n\r\ninjected")
			close(said)
			_, _ = io.Copy(io.Discard, c)
		}), nil)
		d.send(first.method + " /first HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		eventually(t, "the connection back in the pool", func() bool { return d.idle() == 1 })
		close(say)
		<-said
		eventually(t, "the app's words have come", func() bool {
			d.up.pool.mu.Lock()
			defer d.up.pool.mu.Unlock()
			return !d.up.pool.idle[0].open()
		})
		if status, body := d.get("/second"); status != 200 || body != "mine" {
			t.Errorf("after %s and %.20q: got %d %q, want 200 and mine", first.method, first.answer, status, body)
		}
	}
}
