package gateway

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"sallyport/config"
)

func TestCheck10OddRequestsNeverReachTheApp(t *testing.T) {
	reached := make(chan string, 100)
	h := open(t, func(w http.ResponseWriter, r *http.Request) { reached <- r.Method + " " + r.RequestURI })
	const end = " HTTP/1.1\r\nHost: a\r\n\r\n"
	for _, tc := range []struct {
		name, text, status string
	}{
		{"h2c", "GET /x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n", "400"},
		{"websocket by POST", "POST /x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", "400"},
		{"websocket without a key", "GET /x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n", "400"},
		{"CONNECT", "CONNECT a:443" + end, "405"},
		{"TRACE", "TRACE /x" + end, "405"},
		{"PRI", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400"},
		{"CL and TE", "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
		{"duplicate CL", "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", "400"},
		{"obs-fold", "GET /x HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n 2\r\n\r\n", "400"},
		{"bare LF", "GET /x HTTP/1.1\nHost: a\n\n", "400"},
		{"bare LF in one line", "GET /x HTTP/1.1\r\nHost: a\nX-A: 1\r\n\r\n", "400"},
		{"NUL", "GET /x HTTP/1.1\r\nHost: a\r\nX-A: 1\x002\r\n\r\n", "400"},
		{"control byte", "GET /x HTTP/1.1\r\nHost: a\r\nX-A: 1\x012\r\n\r\n", "400"},
		{"TE in HTTP/1.0", "POST /x HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
		{"foreign absolute form", "GET http://evil.example/x" + end, "400"},
		{"long URI", "GET /" + strings.Repeat("x", 17<<10) + end, "414"},
		{"large head", "GET /x HTTP/1.1\r\nHost: a\r\nX-A: " + strings.Repeat("x", 33<<10) + "\r\n\r\n", "431"},
	} {
		got := h.raw("http", tc.text)
		if !strings.HasPrefix(got, "HTTP/1.1 "+tc.status+" ") || !strings.Contains(got, "X-Content-Type-Options: nosniff") {
			t.Errorf("%s: got %.200q, want %s with the security headers", tc.name, got, tc.status)
		}
	}
	if got := h.get("http", "/after").status; got != 200 {
		t.Errorf("an honest GET afterwards: got %d, want 200", got)
	}
	if first := <-reached; first != "GET /after" {
		t.Errorf("the app was asked %q, want nothing before the honest GET", first)
	}
	if s := h.current.Load().app.Snapshot(); s.Requests != 1 || s.Failed != 0 {
		t.Errorf("the app's figures: got %+v, want the honest GET only", s)
	}
}

func TestCheck10TargetAndOurHeadersArriveWhateverConnectionNames(t *testing.T) {
	got := make(chan string, 1)
	h := before(t, script(t, func(c net.Conn, head string) {
		got <- head
		_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n")
	}))
	h.raw("http", "GET /?q=100%&a;b HTTP/1.1\r\nHost: shop.example\r\nX-Hop: 1\r\nCF-Connecting-IP: 192.0.2.1\r\nCookie: a=b\r\nConnection: close, X-Request-Id, X-Forwarded-For, X-Real-Ip, Forwarded, X-Forwarded-Proto, CF-Connecting-IP, Cookie, X-Hop\r\n\r\n")
	head := <-got
	if !strings.HasPrefix(head, "GET /?q=100%&a;b\r\nHost: shop.example\r\n") {
		t.Errorf("app got %q, want the target byte for byte", head)
	}
	for _, name := range []string{"X-Request-Id", "X-Forwarded-For", "X-Real-Ip", "Forwarded", "X-Forwarded-Proto", "X-Forwarded-Host", "Traceparent", "Cf-Connecting-Ip", "Cookie"} {
		if n := strings.Count(head, "\n"+name+": "); n != 1 {
			t.Errorf("app got %s %d times, want once: %q", name, n, head)
		}
	}
	if strings.Contains(head, "X-Hop") {
		t.Errorf("app got %q, want no X-Hop", head)
	}
}

func TestCheck10ClientsConnectionHeaderTakesNoNonceFromTheApp(t *testing.T) {
	got := make(chan string, 1)
	h := before(t, script(t, func(c net.Conn, head string) {
		got <- head
		_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n")
	}), func(c *config.Config) {
		c.HTTP.Door.CSP.Policy, c.HTTP.Door.CSP.NonceHeader = "script-src $NONCE", "X-Page-Nonce"
	})
	h.raw("http", "GET / HTTP/1.1\r\nHost: a\r\nX-Page-Nonce: forged\r\nConnection: close, x-page-nonce\r\n\r\n")
	if head := <-got; strings.Count(head, "\nX-Page-Nonce: ") != 1 || strings.Contains(head, "forged") {
		t.Errorf("app got %q, want our nonce once: without it the page's scripts do not run", head)
	}
}
