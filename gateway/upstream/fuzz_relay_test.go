package upstream

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/gateway/http1"
	"sallyport/gateway/ingress"
)

// relay is the whole way from client to app over real sockets: our server, the upstream stage, and an app that says what it is told to.
type relay struct {
	addr string
	// say is what the app answers to /1; to anything else it says mine.
	say atomic.Pointer[[]byte]
}

const mine = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-Mine: 1\r\n\r\nmine"

// openRelay starts one that ends with f.
func openRelay(f *testing.F) *relay {
	r := &relay{}
	app := listenFor(f)
	s := Defaults()
	s.URL, s.Health.Every, s.Retry.Attempts, s.Breaker.Failures = "http://"+app.Addr().String(), 0, 1, 1<<30
	s.Timeout, s.StreamIdle = 2*time.Second, 2*time.Second
	up, err := New(s, Parts{})
	if err != nil {
		f.Fatal(err)
	}
	door := listenFor(f)
	srv := &http1.Server{Handler: engine(up), Head: ingress.Defaults(), KeepAlive: time.Minute}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = up.Run(ctx) })
	running.Go(func() { _ = srv.Serve(door) })
	running.Go(func() { r.answer(app) })
	f.Cleanup(func() {
		_ = srv.Close()
		_ = app.Close()
		cancel()
		running.Wait()
	})
	r.addr = door.Addr().String()
	return r
}

func listenFor(f *testing.F) net.Listener {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	return l
}

// answer is the app.
func (r *relay) answer(l net.Listener) {
	var running sync.WaitGroup
	defer running.Wait()
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		running.Go(func() {
			defer c.Close()
			in := bufio.NewReader(c)
			for {
				req, err := http.ReadRequest(in)
				if err != nil {
					return
				}
				text := []byte(mine)
				if req.URL.Path == "/1" {
					text = *r.say.Load()
				}
				if _, err := c.Write(text); err != nil {
					return
				}
				if req.URL.Path == "/1" && !ends(text, req.Method) {
					return
				}
			}
		})
	}
}

// ends reports whether text holds a whole answer whose end it tells itself: then the app may keep the connection.
func ends(text []byte, method string) bool {
	in := bufio.NewReader(bytes.NewReader(text))
	for {
		res, err := http.ReadResponse(in, &http.Request{Method: method})
		switch {
		case err != nil:
			return false
		case res.StatusCode < 200 && res.StatusCode != http.StatusSwitchingProtocols:
			continue
		}
		_, err = io.Copy(io.Discard, res.Body)
		return err == nil && (res.ContentLength >= 0 || res.TransferEncoding != nil || method == http.MethodHead)
	}
}

// ask sends one request on a connection of its own and returns all that comes back, with brokenMark where that ended in a reset.
func (r *relay) ask(t *testing.T, method, path string, minor int) []byte {
	c, err := net.Dial("tcp4", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprintf(c, "%s %s HTTP/1.%d\r\nHost: a\r\nConnection: close\r\n\r\n", method, path, minor)
	all, err := io.ReadAll(c)
	if err != nil {
		all = append(all, brokenMark...)
	}
	return all
}

// brokenMark stands where a connection ended in an error: no answer whose end is the connection's is whole then.
const brokenMark = "\x00broken"

// outcome is what a client understood.
type outcome struct {
	status         int
	body           string
	whole          bool
	head, trailers []string
}

// read reads the final answer in raw; named are the fields that end at the door.
func read(raw []byte, method, named string) (outcome, error) {
	in := bufio.NewReader(bytes.NewReader(raw))
	for {
		res, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			return outcome{}, err
		}
		if res.StatusCode < 200 && res.StatusCode != http.StatusSwitchingProtocols {
			continue
		}
		body, err := io.ReadAll(res.Body)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return outcome{}, err
		}
		o := outcome{status: res.StatusCode, body: string(body), whole: err == nil && !bytes.HasSuffix(body, []byte(brokenMark))}
		o.head = lines(res.Header, func(key string) bool { return hasToken(named, key) || slices.Contains(notEndToEnd, key) })
		o.trailers = lines(res.Trailer, func(key string) bool { return hasToken(named, key) || !mayTrail(key) })
		return o, nil
	}
}

// named is what Connection names in the final answer in raw, "" where we read none. Go takes the field away where it says close.
func named(raw []byte) string {
	for {
		n, err := headIn(raw)
		var a response
		if err != nil || n == 0 || a.parse(string(raw[:n])) != nil || a.status >= 200 {
			return a.named
		}
		raw = raw[n:]
	}
}

// notEndToEnd are fields that either side says for itself.
var notEndToEnd = []string{"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Upgrade", "Close", "Proxy-Authenticate", "Date", "Content-Length", "Trailer", "Transfer-Encoding"}

// lines returns fields as lines in order, without those that skip names.
func lines(h http.Header, skip func(key string) bool) (all []string) {
	for key, values := range h {
		for _, v := range values {
			if !skip(key) {
				all = append(all, key+": "+v)
			}
		}
	}
	slices.Sort(all)
	return all
}

// FuzzAnswersPassAsTheyAre has the app say anything at all to a client of either version. What the client is given is what Go reads of the
// app's own words, or it is a refusal of ours, or it is visibly not whole; and whoever asks next is given the answer to its own request.
func FuzzAnswersPassAsTheyAre(f *testing.F) {
	r := openRelay(f)
	for i, raw := range slices.Concat(malformedAnswers[:len(malformedAnswers)-1], soundAnswers) {
		f.Add([]byte(raw), byte(i))
	}
	f.Fuzz(func(t *testing.T, raw []byte, how byte) {
		method, minor := []string{"GET", "HEAD", "POST"}[how%3], int(how/3%4+2)/3 // HTTP/1.1 mostly
		r.say.Store(&raw)
		all := r.ask(t, method, "/1", minor)
		got, err := read(all, method, named(raw))
		switch {
		case string(all) == brokenMark: // HTTP/1.0 has no other way to say that an answer is not whole
		case err != nil:
			t.Fatalf("%s, app says %q: the client cannot read our answer %q: %v", method, raw, all, err)
		case got.status != http.StatusBadGateway:
			compareRelayed(t, raw, method, minor, got)
		}
		next := r.ask(t, "GET", "/2", 1)
		if o, err := read(next, "GET", ""); err != nil || o.status != 200 || o.body != "mine" || !slices.Contains(o.head, "X-Mine: 1") {
			t.Fatalf("%s, app says %q: the next client gets %q", method, raw, next)
		}
	})
}

func compareRelayed(t *testing.T, raw []byte, method string, minor int, got outcome) {
	t.Helper()
	want, err := read(raw, method, named(raw))
	if err != nil {
		if got.whole {
			t.Fatalf("%s, app says %q: the client gets a whole answer %+v, Go says %v", method, raw, got, err)
		}
		return
	}
	switch {
	case got.status != want.status:
		t.Fatalf("%s, app says %q: status %d, Go reads %d", method, raw, got.status, want.status)
	case !slices.Equal(got.head, want.head):
		t.Fatalf("%s, app says %q: head\n%q, Go reads\n%q", method, raw, got.head, want.head)
	case !got.whole:
		if !strings.HasPrefix(want.body, strings.TrimSuffix(got.body, brokenMark)) {
			t.Fatalf("%s, app says %q: broken body %q, Go reads %q", method, raw, got.body, want.body)
		}
	case !want.whole || got.body != want.body:
		t.Fatalf("%s, app says %q: whole body %q, Go reads %q, whole: %v", method, raw, got.body, want.body, want.whole)
	case minor == 1 && !slices.Equal(got.trailers, want.trailers):
		t.Fatalf("%s, app says %q: trailers %q, Go reads %q", method, raw, got.trailers, want.trailers)
	}
}

var soundAnswers = []string{
	"HTTP/1.1 200\r\nContent-Type: text/plain\r\nSet-Cookie: a=b\r\nset-cookie: c=d\r\nSET-COOKIE: e\r\nContent-Length: 2\r\n\r\nok",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X, y\r\nY: head\r\n\r\n2;a=b\r\nok\r\n0\r\nX: 1\r\nY: 2\r\nZ: 3\r\nSet-Cookie: a\r\n\r\n",
	"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5, max=100\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmuggled",
	"HTTP/1.1 304 Not Modified\r\nContent-Length: 60\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmuggled",
	"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nConnection: x-hop, Content-Type, close\r\nX-Hop: 1\r\nContent-Type: a/b\r\n\r\nto the end",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0000a\r\n0123456789\r\n0\r\n\r\nleft over",
	"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.0 404 Not Found\r\nDate: never\r\n\r\nold",
	"HTTP/1.1 500 \xe4\xf6\r\nContent-Length: 10\r\n\r\nhalf",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nVia: a\r\n\r\n5\r\nhal",
	"HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n" + strings.Repeat("x", 3000),
	"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 299 Fine\r\nContent-Length: 1\r\n\r\nx",
}
