package upstream

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"testing"
)

var malformedAnswers = []string{
	"HTTP/2.0 200 OK\r\n\r\n",
	"HTTP/1.1 OK\r\n\r\n",
	"HTTP/1.1 99 Low\r\n\r\n",
	"HTTP/1.1 600 High\r\n\r\n",
	"HTTP/1.1 2000\r\n\r\n",
	"HTTP/1.1  200 OK\r\n\r\n",
	"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
	"HTTP/1.1 200 OK\r\nContent-Length: 0\nX: 1\r\n\r\n",
	"HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n",
	"HTTP/1.1 200 O\x01K\r\n\r\n",
	"HTTP/1.1 200 OK\r\nX : 1\r\n\r\n",
	"HTTP/1.1 200 OK\r\n: 1\r\n\r\n",
	"HTTP/1.1 200 OK\r\nX\r\n\r\n",
	"HTTP/1.1 200 OK\r\nX: 1\r\n folded\r\n\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
	"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello",
	"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
	"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
	"what?",
	"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("a", headMax) + "\r\n\r\n",
}

func TestMalformedAnswersAre502(t *testing.T) {
	for _, raw := range malformedAnswers {
		d := front(t, rawApp(t, func(c net.Conn, _ string) { _, _ = io.WriteString(c, raw); _, _ = io.Copy(io.Discard, c) }), nil)
		if status, body := d.get("/"); status != 502 {
			t.Errorf("answer %.80q: got %d %q, want 502", raw, status, body)
		}
		if n := d.up.Snapshot().Failed; n != 1 {
			t.Errorf("answer %.80q: counted %d failures, want 1", raw, n)
		}
	}
}

func TestAHeadThatCanNeverEndIsToldAtOnce(t *testing.T) {
	for _, raw := range []string{"what", "HTTP/1.1 200 OK\n", "HTTP/1.1 200 OK\r\nX: 1\n\r\n", "HTTP/1.1 200 OK\r\nX: 1\r\n\n"} {
		if n, err := headIn([]byte(raw)); !errors.Is(err, errMalformed) {
			t.Errorf("%q: got %d, %v, want malformed", raw, n, err)
		}
	}
	for _, raw := range []string{"", "HTT", "HTTP/1.1 200 OK\r", "HTTP/1.1 200 OK\r\nX: 1\r\n\r"} {
		if n, err := headIn([]byte(raw)); n != 0 || err != nil {
			t.Errorf("%q: got %d, %v, want more", raw, n, err)
		}
	}
}

func TestAnswersWithoutABodyHaveNone(t *testing.T) {
	for _, tc := range []struct{ method, answer, want string }{
		{"GET", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", "HTTP/1.1 204 No Content\r\n"},
		{"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: \"a\"\r\n\r\n", "HTTP/1.1 304 Not Modified\r\n"},
		{"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"},
		{"GET", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n"},
	} {
		d := front(t, rawApp(t, func(c net.Conn, _ string) { _, _ = io.WriteString(c, tc.answer); _, _ = io.Copy(io.Discard, c) }), nil)
		got := d.send(tc.method + " / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		if !strings.HasPrefix(got, tc.want) || !strings.HasSuffix(got, "\r\n\r\n") || strings.Contains(got, "Content-Type") {
			t.Errorf("%s, app says %q: got %q, want it to begin with %q and to have neither body nor type", tc.method, tc.answer, got, tc.want)
		}
		eventually(t, "connection back in the pool", func() bool { return d.idle() == 1 })
	}
}

// idle returns how many connections to the app wait.
func (d *door) idle() int {
	d.up.pool.mu.Lock()
	defer d.up.pool.mu.Unlock()
	return len(d.up.pool.idle)
}

func TestBodiesArriveWhole(t *testing.T) {
	big := strings.Repeat("0123456789abcdef", 5<<16)
	chunked := func(s string, step int) string {
		var b strings.Builder
		for ; len(s) > step; s = s[step:] {
			fmt.Fprintf(&b, "%x\r\n%s\r\n", step, s[:step])
		}
		fmt.Fprintf(&b, "%X;ext=1\r\n%s\r\n0\r\n\r\n", len(s), s)
		return b.String()
	}
	for _, tc := range []struct{ name, answer, want string }{
		{"length, with the head", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"},
		{"length, 5 MB", fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(big), big), big},
		{"length, 20 KB", "HTTP/1.1 200 OK\r\nContent-Length: 20480\r\n\r\n" + big[:20480], big[:20480]},
		{"length twice the same", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "hello"},
		{"small chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(big[:9999], 7), big[:9999]},
		{"large chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(big, 100_000), big},
		{"to the end", "HTTP/1.1 200 OK\r\n\r\n" + big, big},
		{"1.0 to the end", "HTTP/1.0 200 OK\r\n\r\nhello", "hello"},
		{"head in pieces", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("a", 20_000) + "\r\nContent-Length: 5\r\n\r\nhello", "hello"},
	} {
		d := front(t, rawApp(t, func(c net.Conn, _ string) { _, _ = io.WriteString(c, tc.answer) }), nil)
		status, got := d.get("/")
		if status != 200 || got != tc.want {
			t.Errorf("%s: got %d and %d bytes, want 200 and %d the same", tc.name, status, len(got), len(tc.want))
		}
	}
}

func TestBrokenBodiesNeverLookComplete(t *testing.T) {
	for _, answer := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("a", 70_000),
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n-1\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("0", 5000),
	} {
		d := front(t, rawApp(t, func(c net.Conn, _ string) { _, _ = io.WriteString(c, answer) }), nil)
		res, err := http.Get("http://" + d.addr + "/")
		if err == nil {
			_, err = io.ReadAll(res.Body)
			_ = res.Body.Close()
		}
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("answer %.60q: got %v, want %v", answer, err, io.ErrUnexpectedEOF)
		}
		if s := d.up.Snapshot(); s.Failed != 1 || s.InFlight != 0 {
			t.Errorf("answer %.60q: counted %d failures, %d in flight, want 1 and 0", answer, s.Failed, s.InFlight)
		}
	}
}

func TestHeaderLinesCannotBeInjected(t *testing.T) {
	if got := appendField(nil, "X", "a\r\nSet-Cookie: b"); len(got) != 0 {
		t.Errorf("value with a line end: got %q, want nothing", got)
	}
	if got := appendField(nil, "X: a\r\nY", "b"); len(got) != 0 {
		t.Errorf("name with a line end: got %q, want nothing", got)
	}
}

// FuzzAnswersAreReadAsNetHTTPReadsThem holds our reading of an answer against Go's: what we accept it accepts, with the
// same status, fields and body.
func FuzzAnswersAreReadAsNetHTTPReadsThem(f *testing.F) {
	for _, raw := range malformedAnswers[:len(malformedAnswers)-1] {
		f.Add([]byte(raw))
	}
	f.Add([]byte("HTTP/1.1 200\r\nContent-Type: text/plain\r\nSet-Cookie: a=b\r\nset-cookie: c=d\r\nContent-Length: 2\r\n\r\nok"))
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n2;a=b\r\nok\r\n0\r\nX: 1\r\n\r\n"))
	f.Add([]byte("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5, max=100\r\nContent-Length: 0\r\n\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		n, err := headIn(raw)
		if err != nil || n == 0 {
			return
		}
		var got response
		if got.parse(string(raw[:n])) != nil || got.status < 200 {
			return
		}
		want, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(raw)), nil)
		if err != nil {
			t.Fatalf("%q: we accept, Go says %v", raw, err)
		}
		if got.status != want.StatusCode {
			t.Fatalf("%q: status %d, Go reads %d", raw, got.status, want.StatusCode)
		}
		var mine, theirs []string
		for _, f := range got.fields {
			mine = append(mine, textproto.CanonicalMIMEHeaderKey(f.name)+": "+f.value)
		}
		for key, values := range want.Header {
			for _, v := range values {
				theirs = append(theirs, key+": "+v)
			}
		}
		taken := func(f string) bool {
			return slices.Contains([]string{"Content-Length", "Transfer-Encoding", "Trailer", "Connection"}, f[:strings.IndexByte(f, ':')])
		}
		mine, theirs = slices.DeleteFunc(mine, taken), slices.DeleteFunc(theirs, taken)
		slices.Sort(mine)
		slices.Sort(theirs)
		if !slices.Equal(mine, theirs) {
			t.Fatalf("%q: fields %q, Go reads %q", raw, mine, theirs)
		}
		compareBodies(t, raw, n, &got, want)
	})
}

func compareBodies(t *testing.T, raw []byte, head int, got *response, want *http.Response) {
	t.Helper()
	app := newConn(&script{from: bytes.NewReader(raw[head:])})
	sink := &sink{header: http.Header{}}
	x := &exchange{conn: app, answer: *got}
	x.c = contextFor("GET", sink)
	err := x.copyBody(x.c.Writer)
	body, theirs := io.ReadAll(want.Body)
	if err == nil && (theirs != nil || !bytes.Equal(body, sink.body.Bytes())) {
		t.Fatalf("%q: body %q, Go reads %q, %v", raw, sink.body.Bytes(), body, theirs)
	}
}
