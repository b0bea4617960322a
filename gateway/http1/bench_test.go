package http1

import (
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"sallyport/gateway/ingress"
)

// cloudflaredRequest is a request as cloudflared sends it: 22 fields.
var cloudflaredRequest = []byte("GET /api/products?page=2&sort=price HTTP/1.1\r\nHost: shop.example.com\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36\r\n" +
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\nAccept-Encoding: gzip, br\r\nAccept-Language: en-GB,en;q=0.9\r\nCache-Control: max-age=0\r\n" +
	"Cdn-Loop: cloudflare; loops=1\r\nCf-Connecting-Ip: 203.0.113.7\r\nCf-Ipcountry: DE\r\nCf-Ray: 8f0a1b2c3d4e5f60-FRA\r\nCf-Visitor: {\"scheme\":\"https\"}\r\nCf-Warp-Tag-Id: 7f8b9c0d-1e2f-4a3b-8c4d-5e6f7a8b9c0d\r\n" +
	"Connection: keep-alive\r\nCookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\nPriority: u=0, i\r\nReferer: https://shop.example.com/\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Site: same-origin\r\n" +
	"X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\nUpgrade-Insecure-Requests: 1\r\n\r\n")

// replay is a connection on which the same request comes n times.
type replay struct {
	scripted
	left int
}

func (r *replay) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	r.left--
	return copy(p, cloudflaredRequest), nil
}

func (r *replay) Write(p []byte) (int, error)      { return len(p), nil }
func (r *replay) SetReadDeadline(time.Time) error  { return nil }
func (r *replay) SetWriteDeadline(time.Time) error { return nil }

var _ net.Conn = (*replay)(nil)

var page = make([]byte, 200)

// serveMany answers n requests on one connection.
func serveMany(n int) {
	s := &Server{Head: ingress.Defaults(), Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h["Content-Type"], h["Content-Length"], h["X-Frame-Options"] = typed, sized, framed
		_, _ = w.Write(page)
	})}
	s.begin(nil)
	r := &replay{left: n}
	r.closed = make(chan struct{})
	newConn(s, r).serve()
}

var typed, sized, framed = []string{"text/plain"}, []string{"200"}, []string{"DENY"}

func BenchmarkLoop(b *testing.B) {
	b.ReportAllocs()
	serveMany(b.N)
}

func TestRequestCostsFewAllocations(t *testing.T) {
	few := testing.AllocsPerRun(20, func() { serveMany(1) })
	many := testing.AllocsPerRun(20, func() { serveMany(101) })
	if got := (many - few) / 100; got > perRequest+0.5 {
		t.Errorf("a request costs %.2f allocations, want at most %d", got, perRequest)
	}
}
