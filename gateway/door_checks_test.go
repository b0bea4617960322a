package gateway

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/config"
)

// script is an app that answers each connection's first request with bytes of its own.
func script(t *testing.T, say func(c net.Conn, head string)) string {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	t.Cleanup(func() { _ = ln.Close(); running.Wait() })
	running.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(20 * time.Second))
				r, err := http.ReadRequest(bufio.NewReader(c))
				if err != nil {
					return
				}
				var head bytes.Buffer
				fmt.Fprintf(&head, "%s %s\r\nHost: %s\r\n", r.Method, r.RequestURI, r.Host)
				_ = r.Header.Write(&head)
				say(c, head.String())
			})
		}
	})
	return "http://" + ln.Addr().String()
}

// before puts the gateway in front of the app at url; a busy test has a budget that it does not use up.
func before(t *testing.T, url string, changes ...func(*config.Config)) *house {
	t.Helper()
	return open(t, nil, append([]func(*config.Config){func(c *config.Config) {
		c.HTTP.App.URL = url
		c.HTTP.Door.RateLimit.Requests = 100_000
	}}, changes...)...)
}

const cookieAndToken = "Cookie: session=geheim\r\nCf-Access-Jwt-Assertion: eyJgeheim\r\nConnection: close\r\n\r\n"

func TestBrokenAnswerNeverLooksCompleteAndNoSecretIsLogged(t *testing.T) {
	h := before(t, script(t, func(c net.Conn, _ string) {
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[1,2,\r\n")
	}))
	got := h.raw("http", "GET / HTTP/1.1\r\nHost: a\r\n"+cookieAndToken)
	if strings.Contains(got, "0\r\n\r\n") || !strings.Contains(got, "[1,2,") {
		t.Errorf("client got %q, want the first chunk and no end", got)
	}
	resp, err := h.client.Get("http://" + h.at.HTTP + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.ReadAll(resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("body: got %v, want %v", err, io.ErrUnexpectedEOF)
	}
	if log := h.log.String(); strings.Contains(log, "geheim") {
		t.Errorf("the log holds a cookie or token: %s", log)
	}
}

// once are headers that every answer bears exactly once.
var once = []string{"Content-Security-Policy-Report-Only", "X-Frame-Options", "X-Content-Type-Options", "Strict-Transport-Security", "Ratelimit"}

func TestEveryKindOfAnswerBearsEachHeaderOnce(t *testing.T) {
	h := before(t, script(t, func(c net.Conn, head string) {
		switch {
		case strings.HasPrefix(head, "GET /early"):
			_, _ = io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Frame-Options: ALLOW\r\nStrict-Transport-Security: max-age=1\r\n\r\nok")
		case strings.HasPrefix(head, "GET /empty"):
			_, _ = io.WriteString(c, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
		}
	}))
	for _, tc := range []struct {
		name, text string
		status     int
	}{
		{"103, then 200", "GET /early HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200},
		{"empty 404", "GET /empty HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 404},
		{"502", "POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", 502},
		{"413", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11000000\r\nConnection: close\r\n\r\n", 413},
	} {
		all := h.raw("http", tc.text)
		if early, rest, ok := strings.Cut(all, "\r\n\r\n"); ok && strings.HasPrefix(early, "HTTP/1.1 103 ") {
			if want := "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload"; early != want {
				t.Errorf("%s: the early answer is %q, want %q", tc.name, early, want)
			}
			all = rest
		} else if tc.status == 200 {
			t.Errorf("%s: got %q, want a 103 first", tc.name, all)
		}
		res, err := http.ReadResponse(bufio.NewReader(strings.NewReader(all)), nil)
		if err != nil {
			t.Fatalf("%s: %q: %v", tc.name, all, err)
		}
		_ = res.Body.Close()
		if res.StatusCode != tc.status {
			t.Errorf("%s: got %d, want %d", tc.name, res.StatusCode, tc.status)
		}
		for _, name := range once {
			if n := len(res.Header[name]); n != 1 {
				t.Errorf("%s: %d times %s, want once: %v", tc.name, n, name, res.Header)
			}
		}
		if res.Header.Get("X-Frame-Options") == "ALLOW" {
			t.Errorf("%s: the app's X-Frame-Options won", tc.name)
		}
	}
}

func TestOneClientsFaultsHurtNobodyElse(t *testing.T) {
	h := open(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }, func(c *config.Config) {
		c.HTTP.Door.RateLimit.Requests = 100_000
		c.HTTP.Door.Timeouts.Idle = 2 * time.Second
	})
	post := "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
	large := post + strings.Repeat(fmt.Sprintf("%x\r\n%s\r\n", 1<<20, strings.Repeat("x", 1<<20)), 11) + "0\r\n\r\n"
	var all sync.WaitGroup
	limit := make(chan struct{}, 24)
	ask := func(text, want string) {
		all.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			if got := h.raw("http", text); want != "" && !strings.HasPrefix(got, "HTTP/1.1 "+want+" ") {
				t.Errorf("%.90q: got %.60q, want %s", text, got, want)
			}
		})
	}
	for i := range 50 {
		ask(post+"5\r\nhelloX\r\n", "400")
		if i%3 == 0 {
			ask(post+"5\r\nhello\r\n", "408") // and then silence
		}
		if i%10 == 0 {
			ask(large, "413")
		}
		all.Go(func() {
			if c, err := net.Dial("tcp4", h.at.HTTP); err == nil {
				_, _ = io.WriteString(c, post+"5\r\nhel")
				_ = c.Close()
			}
		})
	}
	all.Wait()
	if got := h.get("http", "/").status; got != http.StatusOK {
		t.Errorf("innocent GET: got %d, want 200", got)
	}
	if s := h.current.Load().app.Snapshot(); s.Breaker != "closed" || s.Failed != 0 {
		t.Errorf("breaker %s after %d failures, want closed after none", s.Breaker, s.Failed)
	}
}

func TestSteadyUploadPassesAndStalledOneIs408(t *testing.T) {
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

func TestStalledHeadsDelayNobody(t *testing.T) {
	h := open(t, func(http.ResponseWriter, *http.Request) {})
	for range 200 {
		c, err := net.Dial("tcp4", h.at.HTTP)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nX-Stalled: ")
	}
	for i := range 50 {
		began := time.Now()
		if got := h.get("http", "/").status; got != http.StatusOK {
			t.Fatalf("GET %d: got %d, want 200", i, got)
		}
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("GET %d took %v beside 200 stalled heads", i, took)
		}
	}
}

func TestConnectionHeaderRemovesNothingOfOurs(t *testing.T) {
	got := make(chan string, 1)
	h := before(t, script(t, func(c net.Conn, head string) {
		got <- head
		_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n")
	}))
	h.raw("http", "GET /?q=100%&a;b HTTP/1.1\r\nHost: shop.example\r\nX-Hop: 1\r\nConnection: close, X-Request-Id, X-Forwarded-For, X-Real-Ip, Forwarded, X-Hop\r\n\r\n")
	head := <-got
	if !strings.HasPrefix(head, "GET /?q=100%&a;b\r\nHost: shop.example\r\n") {
		t.Errorf("app got %q, want the target byte for byte", head)
	}
	for _, name := range []string{"X-Request-Id", "X-Forwarded-For", "X-Real-Ip", "Forwarded", "X-Forwarded-Proto", "X-Forwarded-Host", "Traceparent"} {
		if n := strings.Count(head, "\n"+name+": "); n != 1 {
			t.Errorf("app got %s %d times, want once: %q", name, n, head)
		}
	}
	if strings.Contains(head, "X-Hop") {
		t.Errorf("app got %q, want no X-Hop", head)
	}
}
