package ingress

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// site is net/http behind the check; it answers each request with what it understood.
type site struct {
	t    *testing.T
	addr string

	mu      sync.Mutex
	served  []string
	refused []Refused
}

func open(t *testing.T, s Settings, h http.Handler) *site {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &site{t: t, addr: ln.Addr().String()}
	if h == nil {
		h = http.HandlerFunc(w.echo)
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 1 << 20}
	parts := Parts{Headers: []byte("X-Frame-Options: DENY\r\n"), OnRefusal: func(r Refused) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.refused = append(w.refused, r)
	}}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(Listen(ln, s, parts)) }()
	t.Cleanup(func() {
		_ = srv.Close()
		if err := <-ended; err != http.ErrServerClosed {
			t.Errorf("Serve: %v", err)
		}
	})
	return w
}

func (w *site) echo(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		status := 400
		if typed, ok := err.(interface{ HTTPStatus() int }); ok {
			status = typed.HTTPStatus()
		}
		rw.WriteHeader(status)
		return
	}
	w.mu.Lock()
	w.served = append(w.served, r.Method+" "+r.RequestURI)
	w.mu.Unlock()
	fmt.Fprintf(rw, "%s %s %s", r.Method, r.RequestURI, body)
}

func (w *site) dial() net.Conn {
	w.t.Helper()
	c, err := net.Dial("tcp4", w.addr)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	return c
}

// send writes raw and returns all that comes back; it ends its direction so that keep-alive ends too.
func (w *site) send(raw string) string {
	w.t.Helper()
	c := w.dial()
	if _, err := io.WriteString(c, raw); err != nil {
		w.t.Fatal(err)
	}
	_ = c.(*net.TCPConn).CloseWrite()
	all, err := io.ReadAll(c)
	if err != nil {
		w.t.Errorf("reading the answer to %.60q: %v", raw, err)
	}
	return string(all)
}

func (w *site) reached() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.served)
}

const host = "Host: shop.example\r\n"

var refusedRequests = []struct {
	name, raw string
	status    int
}{
	{"bare LF after the request line", "GET / HTTP/1.1\n" + host + "\r\n", 400},
	{"bare LF after a field", "GET / HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n", 400},
	{"bare LF as the end", "GET / HTTP/1.1\r\n" + host + "\n", 400},
	{"bare CR in a value", "GET / HTTP/1.1\r\n" + host + "X: a\rb\r\n\r\n", 400},
	{"folded line", "GET / HTTP/1.1\r\n" + host + "X: a\r\n b\r\n\r\n", 400},
	{"folded first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
	{"length and coding", "POST / HTTP/1.1\r\n" + host + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
	{"coding and length", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n", 400},
	{"two equal lengths", "POST / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400},
	{"list of lengths", "POST / HTTP/1.1\r\n" + host + "Content-Length: 1, 1\r\n\r\nx", 400},
	{"signed length", "POST / HTTP/1.1\r\n" + host + "Content-Length: +1\r\n\r\nx", 400},
	{"empty length", "POST / HTTP/1.1\r\n" + host + "Content-Length:\r\n\r\n", 400},
	{"overflowing length", "POST / HTTP/1.1\r\n" + host + "Content-Length: 9223372036854775808\r\n\r\n", 400},
	{"lookalike length", "POST / HTTP/1.1\r\n" + host + "Content_Length: 1\r\n\r\nx", 400},
	{"lookalike coding", "POST / HTTP/1.1\r\n" + host + "Transfer.Encoding: chunked\r\n\r\n", 400},
	{"coding in 1.0", "POST / HTTP/1.0\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
	{"other coding", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
	{"two codings", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
	{"NUL in a value", "GET / HTTP/1.1\r\n" + host + "X: a\x00b\r\n\r\n", 400},
	{"NUL in the target", "GET /\x00 HTTP/1.1\r\n" + host + "\r\n", 400},
	{"control byte in a long value", "GET / HTTP/1.1\r\n" + host + "X: aaaaaaaaaaaaaaaaa\x01aaaaaaaaaaaa\r\n\r\n", 400},
	{"DEL in a value", "GET / HTTP/1.1\r\n" + host + "X: aaaaaaa\x7f\r\n\r\n", 400},
	{"space before the colon", "GET / HTTP/1.1\r\n" + host + "X : 1\r\n\r\n", 400},
	{"space in a name", "GET / HTTP/1.1\r\n" + host + "X Y: 1\r\n\r\n", 400},
	{"no colon", "GET / HTTP/1.1\r\n" + host + "nothing\r\n\r\n", 400},
	{"empty name", "GET / HTTP/1.1\r\n" + host + ": 1\r\n\r\n", 400},
	{"no host", "GET / HTTP/1.1\r\n\r\n", 400},
	{"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
	{"empty host", "GET / HTTP/1.1\r\nHost: \r\n\r\n", 400},
	{"host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
	{"host with a user", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400},
	{"host with a bad port", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", 400},
	{"foreign absolute target", "GET http://evil.example/ HTTP/1.1\r\n" + host + "\r\n", 400},
	{"absolute target with a user", "GET http://shop.example@evil.example/ HTTP/1.1\r\n" + host + "\r\n", 400},
	{"absolute target of another scheme", "GET ftp://shop.example/ HTTP/1.1\r\n" + host + "\r\n", 400},
	{"CONNECT", "CONNECT shop.example:443 HTTP/1.1\r\n" + host + "\r\n", 405},
	{"TRACE", "TRACE / HTTP/1.1\r\n" + host + "\r\n", 405},
	{"TRACK", "TRACK / HTTP/1.1\r\n" + host + "\r\n", 405},
	{"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
	{"asterisk", "OPTIONS * HTTP/1.1\r\n" + host + "\r\n", 400},
	{"fragment", "GET /#x HTTP/1.1\r\n" + host + "\r\n", 400},
	{"broken escape in the path", "GET /%zz HTTP/1.1\r\n" + host + "\r\n", 400},
	{"two spaces", "GET  / HTTP/1.1\r\n" + host + "\r\n", 400},
	{"space in the target", "GET /a b HTTP/1.1\r\n" + host + "\r\n", 400},
	{"no version", "GET /\r\n" + host + "\r\n", 400},
	{"lower-case method", "get / HTTP/1.1\r\n" + host + "\r\n", 400},
	{"empty line first", "\r\nGET / HTTP/1.1\r\n" + host + "\r\n", 400},
	{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400},
	{"HTTP/1.2", "GET / HTTP/1.2\r\n" + host + "\r\n", 505},
	{"HTTP/2.0", "GET / HTTP/2.0\r\n" + host + "\r\n", 505},
	{"lower-case version", "GET / http/1.1\r\n" + host + "\r\n", 400},
	{"h2c", "GET / HTTP/1.1\r\n" + host + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n", 400},
	{"websocket among others", "GET / HTTP/1.1\r\n" + host + "Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n\r\n", 400},
	{"websocket by POST", "POST / HTTP/1.1\r\n" + host + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", 400},
	{"websocket with a bad key", "GET / HTTP/1.1\r\n" + host + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n\r\n", 400},
	{"websocket without a key", "GET / HTTP/1.1\r\n" + host + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n", 400},
	{"websocket without Connection", "GET / HTTP/1.1\r\n" + host + "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", 400},
	{"Connection names the length", "POST / HTTP/1.1\r\n" + host + "Connection: close, Content-Length\r\nContent-Length: 1\r\n\r\nx", 400},
	{"trailer that frames", "POST / HTTP/1.1\r\n" + host + "Trailer: Content-Length\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
	{"unknown expectation", "POST / HTTP/1.1\r\n" + host + "Expect: tea\r\nContent-Length: 1\r\n\r\nx", 417},
	{"long target", "GET /" + strings.Repeat("a", 16<<10) + " HTTP/1.1\r\n" + host + "\r\n", 414},
	{"endless target", "GET /" + strings.Repeat("a", 40<<10), 414},
	{"large head", "GET / HTTP/1.1\r\n" + host + strings.Repeat("X: "+strings.Repeat("a", 1000)+"\r\n", 33) + "\r\n", 431},
	{"endless field", "GET / HTTP/1.1\r\n" + host + "X: " + strings.Repeat("a", 40<<10), 431},
	{"many fields", "GET / HTTP/1.1\r\n" + host + strings.Repeat("X: 1\r\n", 200) + "\r\n", 431},
}

func TestAmbiguousHeadsAreRefusedBeforeTheServer(t *testing.T) {
	w := open(t, Defaults(), nil)
	for _, tc := range refusedRequests {
		got := w.send(tc.raw)
		if want := fmt.Sprintf("HTTP/1.1 %d ", tc.status); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %.80q, want %d", tc.name, got, tc.status)
		}
		for _, want := range []string{"\r\nX-Frame-Options: DENY\r\n", "\r\nContent-Type: application/problem+json\r\n", "\r\nConnection: close\r\n", fmt.Sprintf(`"status":%d`, tc.status)} {
			if strings.Count(got, want) != 1 {
				t.Errorf("%s: got %q, want %q in it once", tc.name, got, want)
			}
		}
	}
	if n := w.reached(); n != 0 {
		t.Errorf("%d refused requests reached the server: %q", n, w.served)
	}
	if len(w.refused) != len(refusedRequests) {
		t.Errorf("%d refusals were told, want %d", len(w.refused), len(refusedRequests))
	}
}

func TestPathOfARefusalIsToldWithoutItsQuery(t *testing.T) {
	w := open(t, Defaults(), nil)
	w.send("GET /login?password=x HTTP/1.1\r\n\r\n")
	if r := w.refused[0]; r.Method != "GET" || r.Path != "/login" || r.Remote == nil || r.Reason != "the Host header is missing" {
		t.Errorf("told %+v, want GET /login, the peer and the reason", r)
	}
}

func TestSoundRequestsPass(t *testing.T) {
	w := open(t, Defaults(), nil)
	for _, tc := range []struct{ name, raw, want string }{
		{"plain", "GET /?q=100% HTTP/1.1\r\n" + host + "\r\n", "GET /?q=100% "},
		{"length", "POST / HTTP/1.1\r\n" + host + "Content-Length: 5\r\n\r\nhello", "POST / hello"},
		{"chunked", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n00A\r\n, world!!!\r\n0\r\nX-Sum: 1\r\n\r\n", "POST / hello, world!!!"},
		{"1.0 without a host", "GET / HTTP/1.0\r\n\r\n", "GET / "},
		{"absolute target", "GET http://Shop.example/a HTTP/1.1\r\n" + host + "\r\n", "GET http://Shop.example/a "},
		{"IPv6 host", "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", "GET / "},
		{"tabs and no space", "GET / HTTP/1.1\r\nHost:\tshop.example\t\r\nX:\r\n\r\n", "GET / "},
		{"text above ASCII", "GET /\xc3\xbc HTTP/1.1\r\n" + host + "X: \xc3\xbc\r\n\r\n", "GET /\xc3\xbc "},
		{"head of 8 KB", "GET / HTTP/1.1\r\n" + host + "X: " + strings.Repeat("a", 8<<10) + "\r\n\r\n", "GET / "},
	} {
		got := w.send(tc.raw)
		if !strings.HasPrefix(got, "HTTP/1.1 200 ") && !strings.HasPrefix(got, "HTTP/1.0 200 ") || !strings.HasSuffix(got, tc.want) {
			t.Errorf("%s: got %q, want 200 with %q", tc.name, got, tc.want)
		}
	}
	if len(w.refused) != 0 {
		t.Errorf("refused %v, want nothing", w.refused)
	}
}

func TestBrokenChunksAreToldToTheReaderOfTheBody(t *testing.T) {
	w := open(t, Defaults(), nil)
	for _, body := range []string{"5\r\nhelloX", "5;ext=1\r\nhello\r\n0\r\n\r\n", "5\nhello\r\n0\r\n\r\n", "5 \r\nhello\r\n0\r\n\r\n", "-5\r\n", "x\r\n", "\r\n", "5\r\nhello\n0\r\n\r\n", "0\r\nX\r\n\r\n", "0\r\nX : 1\r\n\r\n", "1000000000000000\r\n", "0\r\n X: 1\r\n\r\n"} {
		got := w.send("POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n" + body)
		if !strings.HasPrefix(got, "HTTP/1.1 400 ") {
			t.Errorf("body %q: got %.60q, want 400", body, got)
		}
	}
	if n := w.reached(); n != 0 {
		t.Errorf("%d broken bodies were read to their end", n)
	}
}

func TestEveryCutOfAStreamIsReadAlike(t *testing.T) {
	w := open(t, Defaults(), nil)
	stream := "GET /1 HTTP/1.1\r\n" + host + "\r\nPOST /2 HTTP/1.1\r\n" + host + "Content-Length: 2\r\n\r\nab" +
		"POST /3 HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n2\r\ncd\r\n0\r\nT: 1\r\n\r\nGET /4 HTTP/1.1\r\nConnection: close\r\n" + host + "\r\n"
	for cut := 1; cut < len(stream); cut++ {
		c := w.dial()
		_, _ = io.WriteString(c, stream[:cut])
		answers := bufio.NewReader(c)
		// What is complete must be answered before the rest is sent.
		complete := strings.Count(stream[:cut], host+"\r\n")
		if complete >= 1 {
			expect(t, answers, "GET /1 ")
		}
		_, _ = io.WriteString(c, stream[cut:])
		if complete < 1 {
			expect(t, answers, "GET /1 ")
		}
		expect(t, answers, "POST /2 ab")
		expect(t, answers, "POST /3 cd")
		expect(t, answers, "GET /4 ")
		_ = c.Close()
	}
	if len(w.refused) != 0 {
		t.Errorf("refused %v, want nothing", w.refused)
	}
}

// expect reads one answer with the body want.
func expect(t *testing.T, r *bufio.Reader, want string) {
	t.Helper()
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatalf("answer %q: %v", want, err)
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); err != nil || string(b) != want {
		t.Fatalf("got %d %q (%v), want %q", res.StatusCode, b, err, want)
	}
}

func TestPipelinedRubbishIsAnsweredAfterTheRequestBefore(t *testing.T) {
	inside, finish := make(chan struct{}), make(chan struct{})
	w := open(t, Defaults(), http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		close(inside)
		<-finish
		if err := r.Context().Err(); err != nil {
			t.Errorf("the request was cancelled: %v", err)
		}
		_, _ = io.WriteString(rw, "whole")
	}))
	c := w.dial()
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\n"+host+"\r\nGET /bad HTTP/1.1\nX: 1\r\n\r\nmore")
	<-inside
	close(finish)
	answers := bufio.NewReader(c)
	expect(t, answers, "whole")
	if res, err := http.ReadResponse(answers, nil); err != nil || res.StatusCode != 400 {
		t.Fatalf("after it: got %v, %v, want 400", res, err)
	}
}

func TestIncompleteHeadHasItsTimeOnAKeptConnectionToo(t *testing.T) {
	s := Defaults()
	s.HeaderTimeout = 100 * time.Millisecond
	w := open(t, s, nil)
	c := w.dial()
	answers := bufio.NewReader(c)
	_, _ = io.WriteString(c, "GET /1 HTTP/1.1\r\n"+host+"\r\n")
	expect(t, answers, "GET /1 ")
	_, _ = io.WriteString(c, "GET /2 HT")
	began := time.Now()
	if _, err := answers.ReadByte(); err != io.EOF {
		t.Errorf("stalled head: got %v, want the connection closed", err)
	}
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("closed after %v, want about 100ms", took)
	}
}

func TestReleasedConnectionGivesBackWhatCameEarly(t *testing.T) {
	got := make(chan string, 1)
	w := open(t, Defaults(), http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(rw).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		bare, early := c.(*Conn).Release()
		rest := make([]byte, 4)
		_, _ = io.ReadFull(bare, rest[:4-len(early)])
		got <- string(early) + string(rest[:4-len(early)])
	}))
	c := w.dial()
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\n"+host+"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\x82\x00\x82\x00")
	if frames := <-got; frames != "\x82\x00\x82\x00" {
		t.Errorf("frames: got %q, want both", frames)
	}
}

func TestRefusedUpgradeDoesNotOpenTheWay(t *testing.T) {
	w := open(t, Defaults(), nil)
	got := w.send("GET /ws HTTP/1.1\r\n" + host + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\nGET /smuggled HTTP/1.1\nHost: a\r\n\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 200 ") || !strings.Contains(got, "HTTP/1.1 400 ") || w.reached() != 1 {
		t.Errorf("got %q after %d requests, want 200, then 400", got, w.reached())
	}
}

func TestSettingsTellEachMistake(t *testing.T) {
	if bad := Defaults().Validate(); len(bad) != 0 {
		t.Errorf("defaults: %v", bad)
	}
	bad := Settings{HeaderMax: 1, URIMax: 1, HeaderTimeout: -1}.Validate()
	for i, key := range []string{"header_max is", "uri_max is", "header_fields is", "timeouts.header is"} {
		if i >= len(bad) || !strings.HasPrefix(bad[i].Error(), key) {
			t.Fatalf("got %v, want a mistake that begins with %q at %d", bad, key, i)
		}
	}
}
