package upstream

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
)

// What a hostile client or app can do that a stranger looked for; each of these was wrong once.

func TestTrailersSayNothingThatOnlyAHeadMay(t *testing.T) {
	got := make(chan string, 1)
	d := front(t, rawApp(t, func(c net.Conn, head string) {
		body := readHead(c) // up to the empty line after the trailers
		got <- head + body
		_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n")
	}), nil)
	forged := []string{"X-Forwarded-For", "x_forwarded_for", "X-Real-IP", "Forwarded", "X-Request-Id", "Traceparent", "Cf-Connecting-Ip", "CF.Connecting.IP",
		"Content-Length", "Content_Length", "Transfer.Encoding", "Host", "Cookie", "Authorization", "Proxy-Authorization", "Connection", "If-Match", "X-Hop"}
	var trailers strings.Builder
	for _, name := range forged {
		fmt.Fprintf(&trailers, "%s: 6.6.6.6\r\n", name)
	}
	d.send("POST / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Hop\r\nTransfer-Encoding: chunked\r\nTrailer: X-Forwarded-For, x-sum\r\nTrailer: X-Hop, a b\r\n\r\n" +
		"5\r\nhello\r\n0\r\nX-Sum: 42\r\n" + trailers.String() + "X-Late: 1\r\n\r\n")
	all := <-got
	if strings.Contains(all, "6.6.6.6") || strings.Count(all, "\r\nTrailer: X-Sum\r\n") != 1 || strings.Count(all, "Trailer:") != 1 {
		t.Errorf("app got %q, want X-Sum announced, alone, and no forged trailer", all)
	}
	if _, after, _ := strings.Cut(all, "\r\n0\r\n"); after != "X-Sum: 42\r\nX-Late: 1\r\n\r\n" && after != "X-Late: 1\r\nX-Sum: 42\r\n\r\n" {
		t.Errorf("after the last chunk the app got %q, want X-Sum and X-Late", after)
	}
}

func TestTrailersOfTheAppAreSaidOnceAndStayTrailers(t *testing.T) {
	d := front(t, rawApp(t, func(c net.Conn, _ string) {
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Server-Timing, x-sum\r\nServer-Timing: head\r\nConnection: X-Hop\r\n\r\n"+
			"2\r\nok\r\n0\r\nServer-Timing: tail\r\nX-Sum: 1\r\nx-sum: 2\r\nX-Hop: 1\r\nSet-Cookie: a=b\r\nContent-Type: text/html\r\nX-Late: 3\r\n\r\n")
	}), nil)
	res, err := http.Get("http://" + d.addr + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); err != nil || string(b) != "ok" {
		t.Fatalf("body: got %q, %v, want ok", b, err)
	}
	if got := res.Header.Values("Server-Timing"); !slices.Equal(got, []string{"head"}) {
		t.Errorf("head: got Server-Timing %q, want the head's", got)
	}
	want := http.Header{"Server-Timing": {"tail"}, "X-Sum": {"1", "2"}, "X-Late": {"3"}}
	if fmt.Sprint(res.Trailer) != fmt.Sprint(want) {
		t.Errorf("trailers: got %v, want %v", res.Trailer, want)
	}
}

func TestTrailersOfTheAppAreBounded(t *testing.T) {
	d := front(t, rawApp(t, func(c net.Conn, _ string) {
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")
		line := "X-Much: " + strings.Repeat("a", 1000) + "\r\n"
		for range 10_000 { // until the door has had enough
			if _, err := io.WriteString(c, line); err != nil {
				return
			}
		}
		_, _ = io.WriteString(c, "\r\n")
	}), nil)
	res, err := http.Get("http://" + d.addr + "/")
	if err == nil {
		_, err = io.ReadAll(res.Body)
		_ = res.Body.Close()
	}
	if err != io.ErrUnexpectedEOF {
		t.Errorf("10 MB of trailers: got %v, want %v", err, io.ErrUnexpectedEOF)
	}
}

func TestAppIsToldAHostWhereTheClientNamesNone(t *testing.T) {
	app := rawApp(t, echoHead)
	d := front(t, app, nil)
	if got := d.send("GET / HTTP/1.0\r\n\r\n"); !strings.Contains(got, "\r\nHost: "+app+"\r\n") {
		t.Errorf("app got %q, want its own address as Host", got)
	}
}

func TestIdleTimeOfTheAppIsUnderstood(t *testing.T) {
	for value, want := range map[string]response{
		"timeout=5, max=100": {keepFor: 4 * time.Second}, "timeout=2": {keepFor: time.Second}, "max=1, Timeout=1": {keepFor: time.Second / 2},
		"timeout=0": {close: true}, "timeout=-1": {}, "timeout=x": {}, "timeout=99999": {},
	} {
		var got response
		if got.keepAlive(value); got.keepFor != want.keepFor || got.close != want.close {
			t.Errorf("Keep-Alive: %s: kept for %v, closed %v; want %v, %v", value, got.keepFor, got.close, want.keepFor, want.close)
		}
	}
}

// lifted is a body that moves its connection's deadline on, once, right after somebody else has set it: as a pace may.
type lifted struct {
	gin.ResponseWriter
	body  io.ReadCloser
	reads int
	set   chan struct{}
	once  sync.Once
}

func (l *lifted) Unwrap() http.ResponseWriter { return l.ResponseWriter }

func (l *lifted) SetReadDeadline(t time.Time) error {
	err := http.NewResponseController(l.ResponseWriter).SetReadDeadline(t)
	l.once.Do(func() { close(l.set) })
	return err
}

func (l *lifted) Read(p []byte) (int, error) {
	if l.reads++; l.reads == 2 {
		<-l.set
		_ = http.NewResponseController(l.ResponseWriter).SetReadDeadline(time.Time{})
	}
	return l.body.Read(p)
}

func TestUploadThatNobodyWaitsForEndsThoughItsDeadlineIsMoved(t *testing.T) {
	d := front(t, rawApp(t, func(c net.Conn, _ string) {
		_, _ = io.WriteString(c, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno")
		_, _ = io.Copy(io.Discard, c)
	}), nil)
	e := gin.New()
	e.NoRoute(func(c *gin.Context) {
		l := &lifted{ResponseWriter: c.Writer, body: c.Request.Body, set: make(chan struct{})}
		c.Writer, c.Request.Body = l, struct {
			io.Reader
			io.Closer
		}{l, l.body}
	}, d.up.Handler())
	d.addr = serve(t, e)
	c := d.dial()
	_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\nonly the beginning")
	eventually(t, "the exchange has ended", func() bool { s := d.up.Snapshot(); return s.Requests == 1 && s.InFlight == 0 })
	if res, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || res.StatusCode != 401 {
		t.Errorf("got %v, %v, want 401", res, err)
	}
}

func TestTrailersAreAskedForOnThisConnectionOnly(t *testing.T) {
	d := front(t, rawApp(t, echoHead), nil)
	got := d.send("GET / HTTP/1.1\r\nHost: a\r\nTE: trailers, deflate\r\nConnection: close, TE\r\n\r\n")
	if strings.Count(got, "\r\nConnection: TE\r\nTE: trailers\r\n") != 1 || strings.Contains(got, "deflate") {
		t.Errorf("app got %q, want TE: trailers and its option", got)
	}
}
