package middleware

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
)

// onceEach are the headers that every answer has exactly once.
var onceEach = []string{
	"Content-Security-Policy", "X-Frame-Options", "X-Content-Type-Options", "Strict-Transport-Security", "Referrer-Policy",
	"Permissions-Policy", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Origin-Agent-Cluster", "X-Xss-Protection", "X-Request-Id",
}

func wantOnce(t *testing.T, resp *http.Response, names ...string) {
	t.Helper()
	for _, name := range names {
		if got := resp.Header.Values(name); len(got) != 1 || got[0] == "" {
			t.Errorf("status %d: got %s %q, want it exactly once", resp.StatusCode, name, got)
		}
	}
}

func TestInformationalAnswerPassesBareAndTheFinalOneIsDressed(t *testing.T) {
	st := started(t, Defaults(), func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</a.css>; rel=preload")
		w.Header().Set("Server", "shop/1.2")
		w.WriteHeader(http.StatusEarlyHints)
		clear(w.Header())
		w.WriteHeader(http.StatusOK)
		_, _ = io.WriteString(w, "page")
	})
	var hints []textproto.MIMEHeader
	r, _ := http.NewRequest(http.MethodGet, st.URL, nil)
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			if code == http.StatusEarlyHints {
				hints = append(hints, h)
			}
			return nil
		},
	}))
	resp, err := st.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if len(hints) != 1 || len(hints[0]) != 1 || hints[0].Get("Link") != "</a.css>; rel=preload" {
		t.Errorf("got informational answers %v, want one with its Link only", hints)
	}
	wantOnce(t, resp, append(onceEach, "RateLimit", "RateLimit-Policy", "X-RateLimit-Limit")...)
	if got := resp.Header.Get("Link"); got != "" {
		t.Errorf("got Link %q in the final answer, want none", got)
	}
}

func TestEveryStatusIsDressed(t *testing.T) {
	st := started(t, Defaults(), func(w http.ResponseWriter, r *http.Request) {
		var status int
		if _, err := fmt.Sscanf(r.URL.Path, "/%d", &status); err == nil {
			w.WriteHeader(status)
		}
	})
	for _, status := range []int{200, 204, 301, 304, 404, 502, 503} {
		resp := st.get(t, fmt.Sprintf("/%d", status), "Cf-Connecting-Ip", "203.0.113.1")
		wantStatus(t, resp, status)
		wantOnce(t, resp, append(onceEach, "RateLimit")...)
		if b := bodyOf(t, resp); b != "" {
			t.Errorf("status %d: got body %q, want none", status, b)
		}
	}
	big := st.do(t, http.MethodPost, "/", http.MaxBytesReader(nil, io.NopCloser(strings.NewReader("")), 0), "Cf-Connecting-Ip", "203.0.113.1")
	wantOnce(t, big, onceEach...)
	for range 100 {
		st.get(t, "/", "Cf-Connecting-Ip", "203.0.113.2")
	}
	refused := st.get(t, "/", "Cf-Connecting-Ip", "203.0.113.2")
	wantStatus(t, refused, http.StatusTooManyRequests)
	wantOnce(t, refused, append(onceEach, "RateLimit", "RateLimit-Policy", "Retry-After")...)
	if got := refused.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("got content type %q, want problem+json", got)
	}
}

func TestAppsOwnHeadersMeetOursOnce(t *testing.T) {
	app := func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h["Content-Security-Policy"] = []string{"default-src 'none'"}
		h["X-Frame-Options"] = []string{"ALLOWALL"}
		h["Strict-Transport-Security"] = []string{"max-age=0"}
		h["Access-Control-Allow-Origin"] = []string{"https://app.example"}
		h["X-Ratelimit-Limit"] = []string{"1"}
		h["Server"] = []string{"ancient/1.0"}
		h["X-Powered-By"] = []string{"magic"}
	}
	s := Defaults()
	s.CORS.Origins = []string{"https://friend.example"}
	resp := started(t, s, app).get(t, "/", "Origin", "https://friend.example")
	wantOnce(t, resp, append(onceEach, "Access-Control-Allow-Origin", "X-RateLimit-Limit")...)
	want := map[string]string{
		"X-Frame-Options": "DENY", "X-RateLimit-Limit": "100", "Access-Control-Allow-Origin": "https://friend.example", "Server": "", "X-Powered-By": "",
	}
	for name, value := range want {
		if got := resp.Header.Get(name); got != value {
			t.Errorf("got %s %q, want %q", name, got, value)
		}
	}
	csp := resp.Header.Get("Content-Security-Policy")
	if !strings.HasPrefix(csp, "default-src 'none', ") || !strings.Contains(csp, "object-src 'none'") {
		t.Errorf("got policy %q, want the app's and ours in one header", csp)
	}

	s = Defaults()
	s.HeaderRules = map[string]HeaderRule{"Content-Security-Policy": {Mode: "keep-app"}, "X-Frame-Options": {Mode: "remove"}, "X-Team": {Value: "blue", Mode: "set"}}
	resp = started(t, s, app).get(t, "/")
	want = map[string]string{
		"Content-Security-Policy": "default-src 'none'", "X-Frame-Options": "", "X-Team": "blue", "Access-Control-Allow-Origin": "https://app.example",
	}
	for name, value := range want {
		if got := strings.Join(resp.Header.Values(name), "|"); got != value {
			t.Errorf("keep-app: got %s %q, want %q", name, got, value)
		}
	}
}

func TestPresets(t *testing.T) {
	s := quiet()
	s.Headers = "off"
	resp := started(t, s, ok).get(t, "/")
	for _, name := range onceEach {
		if got := resp.Header.Get(name); got != "" && name != "X-Request-Id" {
			t.Errorf("off: got %s %q, want none", name, got)
		}
	}
	s.Headers = "strict"
	resp = started(t, s, ok, func(p *Parts) { p.Development = true }).get(t, "/")
	if got := resp.Header.Get("Strict-Transport-Security"); got != "" {
		t.Errorf("development: got HSTS %q, want none", got)
	}
	if got := resp.Header.Get("Content-Security-Policy"); got != "" {
		t.Errorf("development: got an enforced policy %q, want it reported only", got)
	}
	s.CSP.Policy = "script-src https://cdn.example/a%20b"
	resp = started(t, s, ok).get(t, "/")
	if got := resp.Header.Get("Content-Security-Policy"); !strings.HasPrefix(got, "script-src https://cdn.example/a%20b;") {
		t.Errorf("got policy %q, want the settings' byte for byte", got)
	}
}

func TestGinRenderersWorkBehindTheWriter(t *testing.T) {
	gin.SetMode(gin.ReleaseMode)
	chain, err := Chain(quiet(), Parts{State: NewState(nil)})
	if err != nil {
		t.Fatal(err)
	}
	e := gin.New()
	e.Use(chain...)
	e.GET("/json", func(c *gin.Context) { c.JSON(http.StatusTeapot, gin.H{"a": 1}) })
	st := serve(t, e)
	resp, err := http.Get(st + "/json")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusTeapot || got != "application/json; charset=utf-8" {
		t.Errorf("got status %d and type %q, want 418 and JSON", resp.StatusCode, got)
	}
	missing, err := http.Get(st + "/nowhere")
	if err != nil {
		t.Fatal(err)
	}
	defer missing.Body.Close()
	wantStatus(t, missing, http.StatusNotFound)
	wantOnce(t, missing, onceEach...)
}

func TestHijackedConnectionIsLeftAlone(t *testing.T) {
	st := started(t, quiet(), func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		_ = rw.Flush()
		line, _ := rw.ReadString('\n')
		_, _ = rw.WriteString(line)
		_ = rw.Flush()
	})
	conn, err := net.Dial("tcp", st.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("got %v, %v, want 101", resp, err)
	}
	_, _ = io.WriteString(conn, "hello\n")
	rest, err := io.ReadAll(r)
	if err != nil || string(rest) != "hello\n" {
		t.Errorf("got %q, %v after the switch, want the echo alone", rest, err)
	}
	eventually(t, "answer told", func() bool { st.mu.Lock(); defer st.mu.Unlock(); return len(st.answers) == 1 })
	if got := st.answers[0].Status; got != http.StatusSwitchingProtocols {
		t.Errorf("got status %d for the session, want 101", got)
	}
}

func TestReadFromCountsAndCopiesAll(t *testing.T) {
	const size = 5<<20 + 17
	st := started(t, quiet(), func(w http.ResponseWriter, _ *http.Request) {
		lr := &io.LimitedReader{R: zeroes{}, N: size}
		if n, err := w.(io.ReaderFrom).ReadFrom(lr); n != size || err != nil || lr.N != 0 {
			t.Errorf("got %d bytes, %v, %d left, want all", n, err, lr.N)
		}
	})
	n, err := io.Copy(io.Discard, st.get(t, "/").Body)
	if n != size || err != nil {
		t.Errorf("client got %d bytes, %v, want %d", n, err, size)
	}
	eventually(t, "answer told", func() bool { st.mu.Lock(); defer st.mu.Unlock(); return len(st.answers) == 1 })
	if got := st.answers[0].Bytes; got != size {
		t.Errorf("counted %d bytes, want %d", got, size)
	}
}

type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// serve runs h on a port of its own.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: h}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close(); <-done })
	return "http://" + l.Addr().String()
}
