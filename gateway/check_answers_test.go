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
func script(t testing.TB, say func(c net.Conn, head string)) string {
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
func before(t testing.TB, url string, changes ...func(*config.Config)) *house {
	t.Helper()
	return open(t, nil, append([]func(*config.Config){func(c *config.Config) {
		c.HTTP.App.URL = url
		c.HTTP.Door.RateLimit.Requests = 100_000
	}}, changes...)...)
}

const cookieAndToken = "Cookie: session=geheim\r\nCf-Access-Jwt-Assertion: eyJgeheim\r\nConnection: close\r\n\r\n"

func TestCheck1BrokenAnswerNeverLooksCompleteAndNoSecretIsLogged(t *testing.T) {
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
	if log := h.log.String(); strings.Contains(log, "geheim") || strings.Count(log, `"msg":"request"`) < 2 {
		t.Errorf("the log holds a cookie or token, or not both requests: %s", log)
	}
}

// once are headers that every answer bears exactly once.
var once = []string{"Content-Security-Policy", "X-Frame-Options", "X-Content-Type-Options", "Strict-Transport-Security", "Ratelimit", "Ratelimit-Policy", "X-Ratelimit-Limit", "X-Request-Id"}

// finalOf reads the last answer in all, and returns what came before it.
func finalOf(t *testing.T, name, all string) (early string, res *http.Response) {
	t.Helper()
	for strings.HasPrefix(all, "HTTP/1.1 1") {
		one, rest, _ := strings.Cut(all, "\r\n\r\n")
		early, all = early+one+"\n", rest
	}
	res, err := http.ReadResponse(bufio.NewReader(strings.NewReader(all)), nil)
	if err != nil {
		t.Fatalf("%s: %q: %v", name, all, err)
	}
	_ = res.Body.Close()
	return early, res
}

func TestCheck2EveryKindOfAnswerBearsEachHeaderOnce(t *testing.T) {
	h := before(t, script(t, func(c net.Conn, head string) {
		switch {
		case strings.HasPrefix(head, "GET /early"):
			_, _ = io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Frame-Options: ALLOW\r\nStrict-Transport-Security: max-age=1\r\n\r\nok")
		case strings.HasPrefix(head, "GET /empty"):
			_, _ = io.WriteString(c, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
		}
	}), func(c *config.Config) {
		c.HTTP.App.Breaker.Failures, c.HTTP.App.Breaker.OpenFor, c.HTTP.App.Health.Every = 1, time.Hour, 0
		c.HTTP.Door.RateLimit.Policies = append(c.HTTP.Door.RateLimit.Policies, one("/rare"))
	})
	const end = " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
	for _, tc := range []struct {
		name, text string
		status     int
	}{
		{"103, then 200", "GET /early" + end, 200},
		{"empty 404", "GET /empty" + end, 404},
		{"a budget's last request", "GET /empty/rare" + end, 404},
		{"413", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11000000\r\nConnection: close\r\n\r\n", 413},
		{"within the budget", "OPTIONS /rare" + end, 502},
		{"429", "OPTIONS /rare" + end, 429},
		{"503", "POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", 503},
	} {
		early, res := finalOf(t, tc.name, h.raw("http", tc.text))
		if want := "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\n"; (tc.status == 200) != (early != "") || early != "" && early != want {
			t.Errorf("%s: the early answer is %q, want %q before the 200 and none elsewhere", tc.name, early, want)
		}
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
		if refused := tc.status == 429 || tc.status == 503; refused != (res.Header.Get("Retry-After") != "") {
			t.Errorf("%s: Retry-After is %q, want it on 429 and 503 only", tc.name, res.Header.Get("Retry-After"))
		}
	}
}

func TestCheck3AppsOwnHeadersMeetOursOnce(t *testing.T) {
	const policy = "default-src 'self';  script-src 'nonce-r4nd0m'  ; img-src *"
	app := func(w http.ResponseWriter, r *http.Request) {
		for name, value := range map[string]string{
			"Content-Security-Policy": policy, "X-Frame-Options": "ALLOWALL", "Strict-Transport-Security": "max-age=1", "Access-Control-Allow-Origin": "*",
			"X-RateLimit-Limit": "7", "RateLimit": "7", "Server": "shop/1.2", "X-Powered-By": "shop", "X-Request-Id": "theirs",
		} {
			w.Header().Add(name, value)
			w.Header().Add(name, value)
		}
	}
	const origin = "https://partner.example"
	owned := func(c *config.Config) { c.HTTP.Door.CORS.Origins = []string{origin} }
	ours := open(t, app, owned).get("http", "/", "Origin", origin)
	for name, want := range map[string]string{
		"X-Frame-Options": "DENY", "Strict-Transport-Security": "max-age=63072000; includeSubDomains", "Access-Control-Allow-Origin": origin,
		"X-Ratelimit-Limit": "100", "Content-Security-Policy": policy + ", " + policy + ", base-uri 'self'; form-action 'self'; frame-ancestors 'none'; object-src 'none'; report-uri /.well-known/sallyport/reports; report-to sallyport",
	} {
		if got := ours.header[name]; len(got) != 1 || got[0] != want {
			t.Errorf("%s: got %q, want %q once", name, got, want)
		}
	}
	if ours.header["Server"] != nil || ours.header["X-Powered-By"] != nil || len(ours.header["X-Request-Id"]) != 1 || ours.header.Get("X-Request-Id") == "theirs" || len(ours.header["Ratelimit"]) != 1 {
		t.Errorf("got %v, want no banner, our request id and budget", ours.header)
	}
	single := func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Content-Security-Policy", policy) }
	kept := open(t, single, func(c *config.Config) { c.HTTP.Door.HeaderRules = keepApp("Content-Security-Policy") }).get("http", "/")
	if got := kept.header["Content-Security-Policy"]; len(got) != 1 || got[0] != policy {
		t.Errorf("keep-app: got %q, want the app's policy byte for byte", got)
	}
	passed := open(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "https://app.example")
	}).get("http", "/", "Origin", origin)
	if got := passed.header["Access-Control-Allow-Origin"]; len(got) != 1 || got[0] != "https://app.example" {
		t.Errorf("without origins of ours: Access-Control-Allow-Origin is %q, want the app's own", got)
	}
}
