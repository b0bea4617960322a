package middleware

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
)

// cloudflared is what cloudflared sends for a browser's request: 22 headers.
func cloudflared() http.Header {
	return http.Header{
		"Accept": {"text/html"}, "Accept-Encoding": {"gzip, br"}, "Accept-Language": {"en"}, "Cache-Control": {"no-cache"},
		"Cdn-Loop": {"cloudflare; loops=1"}, "Cf-Connecting-Ip": {"203.0.113.7"}, "Cf-Ipcountry": {"NL"}, "Cf-Ray": {"8f0c-AMS"},
		"Cf-Visitor": {`{"scheme":"https"}`}, "Cf-Warp-Tag-Id": {"0123"}, "Connection": {"keep-alive"}, "Cookie": {"session=0123456789abcdef"},
		"Priority": {"u=0, i"}, "Referer": {"https://shop.example/"}, "Sec-Ch-Ua": {`"Chromium";v="130"`}, "Sec-Fetch-Dest": {"document"},
		"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Site": {"same-origin"}, "Upgrade-Insecure-Requests": {"1"}, "User-Agent": {"Mozilla/5.0"},
		"X-Forwarded-For": {"203.0.113.7"}, "X-Forwarded-Proto": {"https"},
	}
}

// sink is a ResponseWriter that costs nothing. Its map has room, as the one that the door's server lends.
type sink struct{ h http.Header }

func (s *sink) Header() http.Header              { return s.h }
func (s *sink) WriteHeader(int)                  {}
func (s *sink) Write(b []byte) (int, error)      { return len(b), nil }
func (s *sink) SetReadDeadline(time.Time) error  { return nil }
func (s *sink) SetWriteDeadline(time.Time) error { return nil }

// runChain sends n requests through e. The maps of both headers serve one request after the other, as in the door's server.
func runChain(e http.Handler, n int) {
	given := cloudflared()
	r := httptest.NewRequest(http.MethodGet, "/shop?q=1", nil)
	r.RemoteAddr, r.Header = "127.0.0.1:40000", make(http.Header, 2*len(given))
	w := &sink{h: make(http.Header, 2*len(given))}
	for range n {
		clear(r.Header)
		clear(w.h)
		for name, v := range given {
			r.Header[name] = v
		}
		e.ServeHTTP(w, r)
	}
}

var answer = []byte("ok")

func bare() http.Handler {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.NoRoute(func(c *gin.Context) { c.Status(http.StatusOK); _, _ = c.Writer.Write(answer) })
	return e
}

func full(t testing.TB) http.Handler {
	s := Defaults()
	s.RateLimit.Requests, s.RateLimit.Per = 1<<30, time.Hour
	return engine(t, s, Parts{State: NewState(nil), AccessLog: io.Discard}, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(answer) })
}

func BenchmarkBareGin(b *testing.B) {
	e := bare()
	b.ReportAllocs()
	runChain(e, b.N)
}

func BenchmarkWholeChain(b *testing.B) {
	e := full(b)
	b.ReportAllocs()
	b.ResetTimer()
	runChain(e, b.N)
}

func TestChainAllocatesLittle(t *testing.T) {
	e, plain := full(t), bare()
	ours := testing.AllocsPerRun(200, func() { runChain(e, 1) }) - testing.AllocsPerRun(200, func() { runChain(plain, 1) })
	// Under the race detector sync.Pool drops some of what it is given; without it we are at 7.
	t.Logf("%v allocations a request beyond gin", ours)
	if ours > 10 {
		t.Errorf("got %v allocations a request beyond gin, want at most 10", ours)
	}
}
