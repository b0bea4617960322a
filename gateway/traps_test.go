package gateway

import (
	"bytes"
	"compress/gzip"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/config"
)

// These are the traps that a gateway made of gin, httputil.ReverseProxy and their companions falls into; the ten checks hold
// the others.

func TestTrapPathsAreTheAppsAlone(t *testing.T) {
	h := open(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/missing" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = io.WriteString(w, r.Method+" "+r.RequestURI)
	})
	for _, path := range []string{"/", "/a/", "/a", "//a//b/../c", "/A", "/a%2Fb", "/a;x=1", "/%e4?q=1;2&x=%zz"} {
		for _, method := range []string{"GET", "DELETE", "PROPFIND"} {
			if got := h.raw("http", method+" "+path+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 200 ") || !strings.HasSuffix(got, "\r\n\r\n"+method+" "+path) {
				t.Errorf("%s %s: got %.60q … %q, want the app's answer to that very target", method, path, got, got[max(len(got)-40, 0):])
			}
		}
	}
	empty := h.get("http", "/missing")
	if empty.status != 404 || empty.body != "" || empty.header["Content-Type"] != nil || empty.header.Get("Content-Length") != "0" {
		t.Errorf("the app's empty 404: got %d %q %v, want it empty and untyped", empty.status, empty.body, empty.header)
	}
}

func TestTrapWebSocketIsLoggedAs101(t *testing.T) {
	app := &mixed{arrived: make(chan string, 1)}
	h := open(t, app.serve)
	socket, _ := h.dialSocket(t)
	_ = socket.Close()
	eventually(t, "the WebSocket's line is in the log", func() bool { return strings.Contains(h.log.String(), `"path":"/socket"`) })
	if log := h.log.String(); !strings.Contains(log, `"status":101`) {
		t.Errorf("log: got %s, want status 101", log)
	}
}

func TestTrapPanicsLogNoSecretAndAbortsStayAborts(t *testing.T) {
	// An app that dies inside its answer is an abort for the client; TestCheck1 holds it with a script, this with a server.
	h := open(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	got := h.raw("http", "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer geheim\r\n"+cookieAndToken)
	if !strings.Contains(got, "Content-Length: 100\r\n") || !strings.HasSuffix(got, "half") {
		t.Errorf("got %q, want the announced length and a cut after half", got)
	}
	if log := h.log.String(); strings.Contains(log, "geheim") {
		t.Errorf("the log holds a secret: %s", log)
	}
}

func TestTrapBodiesPassAsTheyAre(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(bytes.Repeat([]byte("hello"), 100))
	_ = z.Close()
	asked := make(chan string, 1)
	h := open(t, func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Header.Get("Accept-Encoding")
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(packed.Bytes())
	})
	got := h.raw("http", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	if encoding := <-asked; encoding != "" {
		t.Errorf("the app was asked for %q, want nothing that the client did not ask for", encoding)
	}
	if !strings.Contains(got, "Content-Encoding: gzip\r\n") || !strings.HasSuffix(got, packed.String()) {
		t.Errorf("got %.300q, want the app's gzip untouched", got)
	}
}

func TestTrapClientDecidesNoRetry(t *testing.T) {
	var calls atomic.Int64
	h := before(t, script(t, func(c net.Conn, _ string) { calls.Add(1) })) // takes the request and hangs up
	for _, headers := range []string{"", "Idempotency-Key: x\r\n", "X-Idempotency-Key: x\r\n"} {
		calls.Store(0)
		got := h.raw("http", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n"+headers+"\r\n")
		if n := calls.Load(); n != 1 || !strings.HasPrefix(got, "HTTP/1.1 502 ") {
			t.Errorf("POST with %q: the app was asked %d times, got %.40q; want once and 502", headers, n, got)
		}
	}
}

func TestTrapAppLearnsSchemeHostAndClientBehindCloudflared(t *testing.T) {
	seen := make(chan http.Header, 1)
	h := open(t, func(_ http.ResponseWriter, r *http.Request) {
		r.Header.Set("Host", r.Host)
		seen <- r.Header
	})
	h.get("http", "/", "Host", "shop.example.com", "CF-Connecting-IP", "192.0.2.7", "X-Forwarded-Proto", "https", "X-Forwarded-For", "192.0.2.7")
	got := <-seen
	for name, want := range map[string]string{
		"Host": "shop.example.com", "X-Forwarded-Host": "shop.example.com", "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7",
		"X-Real-Ip": "192.0.2.7", "Forwarded": `for=192.0.2.7;proto=https;host="shop.example.com"`, "Cf-Connecting-Ip": "192.0.2.7",
	} {
		if values := got[name]; len(values) != 1 || values[0] != want {
			t.Errorf("%s: got %q, want %q once", name, values, want)
		}
	}
}

func TestTrapOversizeIsRefusedBeforeTheAppIsAsked(t *testing.T) {
	var calls atomic.Int64
	h := before(t, script(t, func(c net.Conn, _ string) {
		calls.Add(1)
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		_, _ = io.Copy(io.Discard, c)
	}))
	for range 10 {
		if got := h.raw("http", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11000000\r\nConnection: close\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 413 ") {
			t.Fatalf("announced oversize: got %.40q, want 413", got)
		}
	}
	if n := calls.Load(); n != 0 {
		t.Errorf("the app was asked %d times for bodies that are too large, want never", n)
	}
	for i := range 3 {
		if got := h.raw("http", elevenMegabytes()); !strings.HasPrefix(got, "HTTP/1.1 413 ") {
			t.Fatalf("chunked oversize %d with an early answer: got %.60q, want 413, never the app's 200", i, got)
		}
	}
}

func TestTrapKeptConnectionOutlivesCloudflareds(t *testing.T) {
	h := open(t, hello)
	if got := h.current.Load().cfg.HTTP.Door.Timeouts.KeepAlive; got <= 90*time.Second {
		t.Errorf("keep_alive: got %v, want more than cloudflared's 90 s", got)
	}
	cfg := settings("http://127.0.0.1:1")
	cfg.HTTP.Door.Timeouts.KeepAlive = 90 * time.Second
	if _, err := New(cfg, Parts{}); err == nil || !strings.Contains(err.Error(), "timeouts.keep_alive") {
		t.Errorf("keep_alive of 90s: got %v, want it refused", err)
	}
}

func TestTrapForeignOriginsAndHostsDoNotRedirect(t *testing.T) {
	asked := make(chan string, 1)
	h := open(t, func(_ http.ResponseWriter, r *http.Request) { asked <- r.Host }, func(c *config.Config) {
		c.HTTP.Door.CORS.Origins = []string{"https://*.partner.example"}
	})
	for _, origin := range []string{"https://evilpartner.example", "https://a.partner.example.evil", "null", "http://a.partner.example", "https://partner.example"} {
		got := h.get("http", "/", "Origin", origin)
		if got.status != 403 || got.header.Get("Access-Control-Allow-Origin") != "" || !strings.Contains(got.header.Get("Vary"), "Origin") {
			t.Errorf("%s: got %d, %v; want 403 before the app sees it, and Vary: Origin", origin, got.status, got.header)
		}
	}
	if got := h.get("http", "/", "Origin", "https://a.partner.example"); got.status != 200 || got.header.Get("Access-Control-Allow-Origin") != "https://a.partner.example" || !strings.Contains(got.header.Get("Vary"), "Origin") {
		t.Errorf("a listed origin: got %d, %v", got.status, got.header)
	}
	if host := <-asked; host != h.at.HTTP {
		t.Errorf("the app was asked for host %q, want the client's own", host)
	}
	if got := h.get("http", "/", "X-Forwarded-Host", "evil.example", "Host", "shop.example"); got.status != 200 || <-asked != "shop.example" {
		t.Errorf("a forged host: got %d, want the client's Host to pass", got.status)
	}
}
