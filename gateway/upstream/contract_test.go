package upstream

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
)

// echoHead answers with the head it got, so that a test sees what the app sees.
func echoHead(c net.Conn, head string) {
	fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(head), head)
}

func TestTargetReachesTheAppByteForByte(t *testing.T) {
	d := front(t, rawApp(t, echoHead), nil)
	for _, target := range []string{
		"/", "/?q=100%", "/a;b?x=1;y=2", "/a%2Fb/%41", "/?", "//double//slash", "/a/../b", "/caf\xc3\xa9", "/?a|b^c", `/q?"<>`, "/%00", "/?%zz",
	} {
		got := d.send("GET " + target + " HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n")
		if want := "GET " + target + " HTTP/1.1\r\nHost: shop.example\r\n"; !strings.Contains(got, want) {
			t.Errorf("target %q: app got %q, want it to begin with %q", target, got, want)
		}
	}
}

func TestAppLearnsWhoAsksFromTheStagesOnly(t *testing.T) {
	app := rawApp(t, echoHead)
	d := front(t, app, func(_ *Settings, p *Parts) { p.Forwarded = []string{"X-Forwarded-For", "X-Request-Id"} })
	e := gin.New()
	e.NoRoute(func(c *gin.Context) {
		c.Request.Header.Set("X-Forwarded-For", "203.0.113.7")
		c.Request.Header.Set("X-Request-Id", "id-1")
	}, d.up.Handler())
	d.addr = serve(t, e)
	got := d.send("GET / HTTP/1.1\r\nHost: shop.example\r\nX-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\n" +
		"X-Request-Id: theirs\r\nX-Forwarded-Proto: gopher\r\nX-Original-URL: /admin\r\nCf-Ray: 1-FRA\r\n" +
		"Connection: close, X-Request-Id, X-Forwarded-For, Cf-Ray\r\n\r\n")
	for _, want := range []string{"X-Forwarded-For: 203.0.113.7\r\n", "X-Request-Id: id-1\r\n", "Cf-Ray: 1-FRA\r\n"} {
		if strings.Count(got, want) != 1 {
			t.Errorf("app got %q, want %q in it once", got, want)
		}
	}
	for _, bad := range []string{"6.6.6.6", "theirs", "gopher", "/admin"} {
		if strings.Contains(got, bad) {
			t.Errorf("app got %q, want no %q in it", got, bad)
		}
	}
}

func TestHopByHopHeadersStay(t *testing.T) {
	d := front(t, rawApp(t, func(c net.Conn, head string) {
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nX-End: 1\r\n\r\n%s", len(head), head)
	}), nil)
	got := d.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Mine\r\nX-Mine: 1\r\nKeep-Alive: 5\r\nProxy-Authorization: x\r\nX-End: 1\r\nUser-Agent: u\r\n\r\n")
	for _, bad := range []string{"X-Hop", "X-Mine", "Keep-Alive:", "Proxy-Authorization", "Accept-Encoding"} {
		if strings.Contains(got, bad) {
			t.Errorf("exchange was %q, want no %q in it", got, bad)
		}
	}
	if strings.Count(got, "X-End: 1") != 2 {
		t.Errorf("exchange was %q, want X-End on both sides", got)
	}
}

func TestFaultsAreToldApart(t *testing.T) {
	silent := rawApp(t, func(c net.Conn, _ string) { _, _ = io.Copy(io.Discard, c) })
	closing := rawApp(t, func(net.Conn, string) {})
	garbage := rawApp(t, func(c net.Conn, _ string) { _, _ = io.WriteString(c, "what?\r\n\r\n") })
	dead := listen(t)
	_ = dead.Close()
	for _, tc := range []struct {
		name, addr string
		want       int
	}{
		{"silent", silent, 504}, {"closing", closing, 502}, {"garbage", garbage, 502}, {"dead", dead.Addr().String(), 502},
	} {
		d := front(t, tc.addr, func(s *Settings, _ *Parts) { s.Timeout = 2 * time.Second })
		if got, _ := d.get("/"); got != tc.want {
			t.Errorf("%s app: got %d, want %d", tc.name, got, tc.want)
		}
		if n := d.up.Snapshot().Failed; n != 1 {
			t.Errorf("%s app: counted %d failures, want 1", tc.name, n)
		}
	}
}

func TestBreakerOpensOnTheAppAndClosesAfterOneTrial(t *testing.T) {
	ln := listen(t)
	addr := ln.Addr().String()
	_ = ln.Close()
	changes := make(chan string, 16)
	d := front(t, addr, func(s *Settings, p *Parts) {
		s.Breaker.OpenFor = time.Second
		s.Retry.Attempts = 1
		p.OnBreaker = func(from, to string) { changes <- from + ">" + to }
	})
	for i := range 5 {
		if got, _ := d.get("/"); got != 502 {
			t.Fatalf("request %d: got %d, want 502", i, got)
		}
	}
	res, err := http.Get("http://" + d.addr + "/")
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if after := res.Header.Get("Retry-After"); res.StatusCode != 503 || after != "1" {
		t.Fatalf("open circuit: got %d with Retry-After %q, want 503 with 1", res.StatusCode, after)
	}
	again, err := net.Listen("tcp4", addr)
	if err != nil {
		t.Fatal(err)
	}
	app := &http.Server{Handler: http.NotFoundHandler()}
	go func() { _ = app.Serve(again) }()
	defer app.Close()
	eventually(t, "closed circuit", func() bool { got, _ := d.get("/"); _ = d.up.Snapshot(); return got == 404 })
	close(changes)
	var got []string
	for c := range changes {
		got = append(got, c)
	}
	if want := "[closed>open open>half-open half-open>closed]"; fmt.Sprint(got) != want {
		t.Errorf("breaker went %v, want %v", got, want)
	}
}

// typedFault is a body that fails as the middleware's does.
type typedFault struct{ status int }

func (e typedFault) Error() string   { return "body" }
func (e typedFault) HTTPStatus() int { return e.status }

type failing struct {
	io.Reader
	err error
}

func (f *failing) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	if err == io.EOF {
		err = f.err
	}
	return n, err
}
func (f *failing) Close() error { return nil }

func TestClientFaultsNeverCountAgainstTheApp(t *testing.T) {
	app := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			w.WriteHeader(200)
		}
	}))
	d := front(t, app, nil)
	e := gin.New()
	e.NoRoute(func(c *gin.Context) {
		if c.Request.Method == "POST" && c.GetHeader("X-Fail") != "" {
			c.Request.Body = &failing{c.Request.Body, typedFault{413}}
		}
	}, d.up.Handler())
	d.addr = serve(t, e)
	for i := range 20 {
		if got := d.send("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n"); !strings.HasPrefix(got, "HTTP/1.1 400 ") {
			t.Fatalf("malformed chunk %d: got %q, want 400", i, got)
		}
		if got := d.send("POST / HTTP/1.1\r\nHost: a\r\nX-Fail: 1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 413 ") {
			t.Fatalf("oversize body %d: got %q, want 413", i, got)
		}
		c := d.dial()
		_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhel")
		_ = c.Close()
	}
	eventually(t, "499s", func() bool { return len(d.refusals()) == 60 && d.up.Snapshot().InFlight == 0 })
	if got, _ := d.get("/"); got != 200 {
		t.Errorf("innocent GET: got %d, want 200", got)
	}
	if s := d.up.Snapshot(); s.Breaker != "closed" || s.Failed != 0 {
		t.Errorf("breaker is %s after %d failures, want closed after 0", s.Breaker, s.Failed)
	}
}

func TestAbortedAnswerIsAbortedForTheClient(t *testing.T) {
	d := front(t, rawApp(t, func(c net.Conn, _ string) {
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[1,2,\r\n")
	}), nil)
	if got := d.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); strings.Contains(got, "0\r\n\r\n") || !strings.Contains(got, "[1,2,") {
		t.Errorf("client got %q, want the first chunk and no end", got)
	}
	res, err := http.Get("http://" + d.addr + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.ReadAll(res.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("reading the body: got %v, want %v", err, io.ErrUnexpectedEOF)
	}
}

func TestInformationalAnswersPassBare(t *testing.T) {
	d := front(t, rawApp(t, func(c net.Conn, _ string) {
		_, _ = io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-App: 1\r\n\r\nok")
	}), nil)
	got := d.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	early, final, ok := strings.Cut(got, "\r\n\r\n")
	if want := "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload"; !ok || early != want {
		t.Errorf("early answer is %q, want %q", early, want)
	}
	if !strings.HasPrefix(final, "HTTP/1.1 200 OK\r\n") || !strings.Contains(final, "X-App: 1\r\n") || strings.Contains(final, "Link") {
		t.Errorf("final answer is %q, want 200 with X-App and without Link", final)
	}
}

func TestTrailersPass(t *testing.T) {
	d := front(t, rawApp(t, func(c net.Conn, _ string) {
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 42\r\n\r\n")
	}), nil)
	res, err := http.Get("http://" + d.addr + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); err != nil || string(b) != "ok" || res.Trailer.Get("X-Sum") != "42" {
		t.Errorf("got body %q, error %v, trailer %v; want ok, nil and X-Sum: 42", b, err, res.Trailer)
	}
}

func TestEventStreamArrivesEventByEvent(t *testing.T) {
	next := make(chan struct{})
	d := front(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 3 {
			fmt.Fprintf(w, "data: %d\n\n", i)
			_ = http.NewResponseController(w).Flush()
			<-next
		}
	})), nil)
	res, err := http.Get("http://" + d.addr + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewReader(res.Body)
	for i := range 3 {
		line, err := lines.ReadString('\n')
		if want := fmt.Sprintf("data: %d\n", i); line != want {
			t.Fatalf("event %d: got %q (%v), want %q", i, line, err, want)
		}
		if _, err := lines.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		next <- struct{}{}
	}
}

const upgradeHead = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

// socketApp accepts the upgrade and sends back what it gets.
func socketApp(c net.Conn, head string) {
	if !strings.Contains(head, "Upgrade: websocket\r\n") {
		_, _ = io.WriteString(c, "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		return
	}
	_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
	_, _ = io.Copy(c, c)
}

func TestWebSocketPassesAndDrainsWith1001(t *testing.T) {
	d := front(t, rawApp(t, socketApp), nil)
	c := d.dial()
	_, _ = io.WriteString(c, upgradeHead)
	if head := readHead(c); !strings.HasPrefix(head, "HTTP/1.1 101 ") || !strings.Contains(head, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n") {
		t.Fatalf("upgrade: got %q, want 101", head)
	}
	echo := make([]byte, 4)
	_, _ = io.WriteString(c, "\x82\x02hi")
	if _, err := io.ReadFull(c, echo); err != nil || string(echo) != "\x82\x02hi" {
		t.Fatalf("echo: got %q, %v, want the frame back", echo, err)
	}
	if got := d.up.Snapshot().Upgrades; got != 1 {
		t.Errorf("open upgrades: got %d, want 1", got)
	}
	if err := d.up.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if rest, _ := io.ReadAll(c); string(rest) != "\x88\x02\x03\xe9" {
		t.Errorf("at the drain: got %q, want the close frame 1001", rest)
	}
}

func TestNothingIsSentAgainOnceTheAppHasBegunToAnswer(t *testing.T) {
	for _, begun := range []string{"HTTP/1.1 200 OK\r\nContent-", "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"} {
		var calls atomic.Int64
		d := front(t, rawApp(t, func(c net.Conn, _ string) {
			calls.Add(1)
			_, _ = io.WriteString(c, begun)
		}), nil)
		if got, _ := d.get("/"); got != 502 || calls.Load() != 1 {
			t.Errorf("%.20q and an end: got %d after %d tries, want 502 after 1", begun, got, calls.Load())
		}
	}
}

func TestIdempotentRequestIsTriedAgainAndPostIsNot(t *testing.T) {
	var calls = make(chan string, 16)
	addr := rawApp(t, func(c net.Conn, head string) {
		calls <- head
		if len(calls)%2 == 1 {
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
	})
	d := front(t, addr, nil)
	if got, _ := d.get("/"); got != 200 || len(calls) != 2 {
		t.Errorf("GET: got %d after %d tries, want 200 after 2", got, len(calls))
	}
	got := d.send("POST / HTTP/1.1\r\nHost: a\r\nIdempotency-Key: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 502 ") || len(calls) != 3 {
		t.Errorf("POST: got %q after %d tries, want 502 after 1", got, len(calls)-2)
	}
}
