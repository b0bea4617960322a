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

// sink is a ResponseWriter that costs what net/http's own map costs and nothing else.
type sink struct{ h http.Header }

func (s *sink) Header() http.Header              { return s.h }
func (s *sink) WriteHeader(int)                  {}
func (s *sink) Write(b []byte) (int, error)      { return len(b), nil }
func (s *sink) SetReadDeadline(time.Time) error  { return nil }
func (s *sink) SetWriteDeadline(time.Time) error { return nil }

// run sends n requests through e; each has a header map of its own, as from net/http.
func runChain(e http.Handler, n int) {
	given := cloudflared()
	r := httptest.NewRequest(http.MethodGet, "/shop?q=1", nil)
	r.RemoteAddr = "127.0.0.1:40000"
	for range n {
		r.Header = make(http.Header, len(given))
		for name, v := range given {
			r.Header[name] = v
		}
		e.ServeHTTP(&sink{h: http.Header{}}, r)
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
	// Under the race detector sync.Pool drops some of what it is given; without it we are at 14.
	t.Logf("%v allocations a request beyond gin", ours)
	if ours > 16 {
		t.Errorf("got %v allocations a request beyond gin, want at most 16", ours)
	}
}
