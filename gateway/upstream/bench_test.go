package upstream

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
)

// script is a connection that reads what it is given and takes everything.
type script struct {
	net.Conn
	from io.Reader
}

func (s *script) Read(p []byte) (int, error)       { return s.from.Read(p) }
func (s *script) Write(p []byte) (int, error)      { return len(p), nil }
func (s *script) Close() error                     { return nil }
func (s *script) SetDeadline(time.Time) error      { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }

// sink is a ResponseWriter that keeps the body.
type sink struct {
	header http.Header
	body   bytes.Buffer
	status int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(b []byte) (int, error) { return s.body.Write(b) }
func (s *sink) WriteHeader(status int)      { s.status = status }
func (s *sink) Flush()                      {}

func contextFor(method string, w http.ResponseWriter) *gin.Context {
	gin.SetMode(gin.ReleaseMode)
	c, _ := gin.CreateTestContext(w)
	c.Request, _ = http.NewRequestWithContext(context.Background(), method, "http://shop.example/", nil)
	c.Request.RequestURI = "/api/products?page=2"
	for _, name := range []string{
		"Accept", "Accept-Encoding", "Accept-Language", "Cache-Control", "Cdn-Loop", "Cf-Connecting-Ip", "Cf-Ipcountry", "Cf-Ray",
		"Cf-Visitor", "Cf-Warp-Tag-Id", "Cookie", "Priority", "Referer", "Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site",
		"Upgrade-Insecure-Requests", "User-Agent", "X-Forwarded-For", "X-Forwarded-Proto", "X-Request-Id",
	} {
		c.Request.Header[name] = []string{"0123456789abcdef0123456789abcdef"}
	}
	return c
}

// again is a reader on which the same answer comes for ever.
type again struct{ answer []byte }

func (a *again) Read(p []byte) (int, error) { return copy(p, a.answer), nil }

var usualAnswer = []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: 200\r\nETag: W/\"c8-x\"\r\nDate: Tue, 24 Nov 2026 06:00:00 GMT\r\n" +
	"Connection: keep-alive\r\nKeep-Alive: timeout=5\r\nX-Powered-By: Express\r\n\r\n" + string(bytes.Repeat([]byte("x"), 200)))

// loop returns one whole exchange with an app that answers at once.
func loop(tb testing.TB) func() {
	up, err := New(Defaults(), Parts{Forwarded: []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Request-Id"}})
	if err != nil {
		tb.Fatal(err)
	}
	app := newConn(&script{from: &again{usualAnswer}})
	up.pool.all[app] = struct{}{}
	up.pool.give(app, time.Now())
	w := &sink{header: http.Header{}}
	c := contextFor("GET", w)
	serve := up.Handler()
	return func() {
		clear(w.header)
		w.body.Reset()
		serve(c)
		if w.body.Len() != 200 {
			tb.Fatalf("got %d bytes, want 200", w.body.Len())
		}
	}
}

func BenchmarkExchange(b *testing.B) {
	one := loop(b)
	b.ReportAllocs()
	for b.Loop() {
		one()
	}
}

func TestAnExchangeCostsFewAllocations(t *testing.T) {
	one := loop(t)
	if n := testing.AllocsPerRun(200, one); n > perExchange {
		t.Errorf("an exchange costs %v allocations, want at most %d", n, perExchange)
	}
}
