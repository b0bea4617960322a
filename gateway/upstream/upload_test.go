package upstream

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
)

// echoBody answers with the method, the length that was announced, the body and its trailers.
func echoBody(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	fmt.Fprintf(w, "%s %d %s %s", r.Method, r.ContentLength, b, r.Trailer.Get("X-Sum"))
}

func TestUploadsReachTheApp(t *testing.T) {
	d := front(t, serve(t, http.HandlerFunc(echoBody)), nil)
	big := strings.Repeat("0123456789", 50_000)
	for _, tc := range []struct{ name, head, body, want string }{
		{"small", "POST / HTTP/1.1\r\nContent-Length: 5\r\n", "hello", "POST 5 hello "},
		{"empty", "POST / HTTP/1.1\r\nContent-Length: 0\r\n", "", "POST 0  "},
		{"without a length", "POST / HTTP/1.1\r\n", "", "POST 0  "},
		{"GET with a body", "GET / HTTP/1.1\r\nContent-Length: 5\r\n", "hello", "GET 5 hello "},
		{"large", "PUT / HTTP/1.1\r\nContent-Length: 500000\r\n", big, "PUT 500000 " + big + " "},
		{"chunked", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n", "POST -1 hello "},
		{"chunked with trailers", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n", "5\r\nhello\r\n0\r\nX-Sum: 42\r\n\r\n", "POST -1 hello 42"},
		{"large and chunked", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(big), big), "POST -1 " + big + " "},
		{"expected", "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n", "hello", "POST 5 hello "},
	} {
		got := d.send(tc.head + "Host: a\r\nConnection: close\r\n\r\n" + tc.body)
		got = strings.TrimPrefix(got, "HTTP/1.1 100 Continue\r\n\r\n")
		res := parseAnswer(t, got)
		if b, err := io.ReadAll(res.Body); err != nil || string(b) != tc.want {
			t.Errorf("%s: app got %.60q (%v), want %.60q", tc.name, b, err, tc.want)
		}
	}
	eventually(t, "all uploads on one connection", func() bool { return d.idle() == 1 })
}

func TestSlowSmallBodyHoldsNoConnectionToTheApp(t *testing.T) {
	d := front(t, serve(t, http.HandlerFunc(echoBody)), nil)
	c := d.dial()
	_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhel")
	eventually(t, "request in flight", func() bool { return d.up.Snapshot().InFlight == 1 })
	d.up.pool.mu.Lock()
	open := len(d.up.pool.all)
	d.up.pool.mu.Unlock()
	if open != 0 {
		t.Errorf("%d connections to the app while the body is incomplete, want 0", open)
	}
	_, _ = io.WriteString(c, "lo")
	if b, _ := io.ReadAll(c); !strings.HasSuffix(string(b), "POST 5 hello ") {
		t.Errorf("got %q, want the echo", b)
	}
}

// capped is a body that is refused beyond max bytes, as the middleware's is.
type capped struct {
	io.ReadCloser
	max int
}

func (c *capped) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	if c.max -= n; c.max < 0 {
		return 0, typedFault{413}
	}
	return n, err
}

func TestEarlyAnswerNeverHidesAnOversizeUpload(t *testing.T) {
	app := rawApp(t, func(c net.Conn, _ string) {
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		_, _ = io.Copy(io.Discard, c)
	})
	d := front(t, app, nil)
	e := gin.New()
	e.NoRoute(func(c *gin.Context) { c.Request.Body = &capped{c.Request.Body, 1 << 20} }, d.up.Handler())
	d.addr = serve(t, e)
	chunk := fmt.Sprintf("%x\r\n%s\r\n", 64<<10, strings.Repeat("x", 64<<10))
	for i := range 10 {
		got := d.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + strings.Repeat(chunk, 20) + "0\r\n\r\n")
		if !strings.HasPrefix(got, "HTTP/1.1 413 ") {
			t.Fatalf("oversize upload %d with an early answer: got %.60q, want 413", i, got)
		}
	}
	got := d.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + strings.Repeat(chunk, 10) + "0\r\n\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 200 ") || !strings.HasSuffix(got, "ok") {
		t.Errorf("upload within the limit with an early answer: got %.60q, want 200", got)
	}
	if s := d.up.Snapshot(); s.Breaker != "closed" || s.Failed != 0 {
		t.Errorf("breaker is %s after %d failures, want closed after 0", s.Breaker, s.Failed)
	}
}

func TestAppThatAnswersEarlyAndHangsUpIsPassedOn(t *testing.T) {
	app := rawApp(t, func(c net.Conn, _ string) {
		_, _ = io.WriteString(c, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno")
		_ = c.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, c)
	})
	d := front(t, app, nil)
	got := d.send("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 300000\r\n\r\n" + strings.Repeat("x", 300_000))
	if !strings.HasPrefix(got, "HTTP/1.1 401 ") || !strings.Contains(got, "\r\n\r\nno") {
		t.Errorf("got %.80q, want 401", got)
	}
	d = front(t, app, nil) // which has kept no connection that the app is about to close
	c := d.dial()
	_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\nonly the beginning")
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || res.StatusCode != 401 || !res.Close {
		t.Errorf("unfinished upload: got %v, %v, want 401 and the connection closed", res, err)
	}
	eventually(t, "nothing in flight", func() bool { return d.up.Snapshot().InFlight == 0 })
}

func TestBothDirectionsFlowAtOnce(t *testing.T) {
	// The app sends back each piece as it comes; more than the sockets' buffers hold.
	d := front(t, rawApp(t, func(c net.Conn, _ string) {
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 30000000\r\n\r\n")
		_, _ = io.CopyN(c, c, 30_000_000)
	}), nil)
	body := bytes.Repeat([]byte("0123456789"), 3_000_000)
	res, err := http.Post("http://"+d.addr+"/", "text/plain", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got, err := io.ReadAll(res.Body); err != nil || !bytes.Equal(got, body) {
		t.Errorf("got %d bytes (%v), want %d the same", len(got), err, len(body))
	}
}

func TestAppThatStopsTakingAnUploadIs504(t *testing.T) {
	d := front(t, rawApp(t, func(c net.Conn, _ string) { <-t.Context().Done() }), func(s *Settings, _ *Parts) { s.Timeout = 200 * time.Millisecond })
	c := d.dial()
	_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\n")
	go func() { _, _ = c.Write(make([]byte, 50_000_000)) }()
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || res.StatusCode != 504 {
		t.Errorf("got %v, %v, want 504", res, err)
	}
}

func TestSlowClientDoesNotUseUpTheAppsTime(t *testing.T) {
	d := front(t, serve(t, http.HandlerFunc(echoBody)), func(s *Settings, _ *Parts) { s.Timeout = time.Second })
	c := d.dial()
	_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n")
	for range 8 {
		time.Sleep(200 * time.Millisecond) // the client's pace, not a wait for anything
		_, _ = io.WriteString(c, "1\r\nx\r\n")
	}
	_, _ = io.WriteString(c, "0\r\n\r\n")
	if b, _ := io.ReadAll(c); !strings.HasSuffix(string(b), "POST -1 xxxxxxxx \r\n0\r\n\r\n") && !strings.HasSuffix(string(b), "POST -1 xxxxxxxx ") {
		t.Errorf("got %q, want the echo of 8 bytes", b)
	}
}
