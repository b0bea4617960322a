package ingress

import (
	"net"
	"strings"
	"testing"
	"time"
)

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
	{"absolute target that is the host when Unicode is folded", "GET http://\u212aiosk.example/ HTTP/1.1\r\nHost: kiosk.example\r\n\r\n", 400},
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
	{"websocket of two versions", "GET / HTTP/1.1\r\n" + host + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", 400},
	{"Connection names the length", "POST / HTTP/1.1\r\n" + host + "Connection: close, Content-Length\r\nContent-Length: 1\r\n\r\nx", 400},
	{"trailer that frames", "POST / HTTP/1.1\r\n" + host + "Trailer: Content-Length\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
	{"unknown expectation", "POST / HTTP/1.1\r\n" + host + "Expect: tea\r\nContent-Length: 1\r\n\r\nx", 417},
	{"long target", "GET /" + strings.Repeat("a", 16<<10) + " HTTP/1.1\r\n" + host + "\r\n", 414},
	{"endless target", "GET /" + strings.Repeat("a", 40<<10), 414},
	{"large head", "GET / HTTP/1.1\r\n" + host + strings.Repeat("X: "+strings.Repeat("a", 1000)+"\r\n", 33) + "\r\n", 431},
	{"endless field", "GET / HTTP/1.1\r\n" + host + "X: " + strings.Repeat("a", 40<<10), 431},
	{"many options", "GET / HTTP/1.1\r\n" + host + "Connection: a" + strings.Repeat(",a", 16) + "\r\nConnection: a" + strings.Repeat(",a", 15) + "\r\n\r\n", 431},
	{"many trailers", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nTrailer: " + strings.Repeat("a,", 33) + "\r\n\r\n0\r\n\r\n", 431},
	{"many fields", "GET / HTTP/1.1\r\n" + host + strings.Repeat("X: 1\r\n", 200) + "\r\n", 431},
}

func TestAmbiguousHeadsAreRefused(t *testing.T) {
	for _, tc := range refusedRequests {
		if _, r := NewParser(Defaults()).Feed([]byte(tc.raw)); r == nil || r.Status != tc.status {
			t.Errorf("%s: got %v, want a refusal with %d", tc.name, r, tc.status)
		}
	}
}

func TestRefusalsAnswerIsWhole(t *testing.T) {
	at := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	got := string(errMethodForbidden.Answer([]byte("X-Frame-Options: DENY\r\n"), at))
	head, body, _ := strings.Cut(got, "\r\n\r\n")
	want := "HTTP/1.1 405 Method Not Allowed\r\nX-Frame-Options: DENY\r\nAllow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\nContent-Type: application/problem+json\r\n" +
		"Cache-Control: no-store\r\nConnection: close\r\nContent-Length: 100\r\nDate: Tue, 24 Nov 2026 09:00:00 GMT"
	if head != want || len(body) != 100 || !strings.Contains(body, `"status":405`) {
		t.Errorf("got %q and %d bytes %q, want %q and 100 bytes", head, len(body), body, want)
	}
}

func TestPathOfARefusalIsToldWithoutItsQuery(t *testing.T) {
	p := NewParser(Defaults())
	_, r := p.Feed([]byte("GET /login?password=x HTTP/1.1\r\n\r\n"))
	if told := p.Refused(r, &net.TCPAddr{}); told.Method != "GET" || told.Path != "/login" || told.Remote == nil || told.Reason != "the Host header is missing" {
		t.Errorf("told %+v, want GET /login, the peer and the reason", told)
	}
	p = NewParser(Defaults())
	_, r = p.Feed([]byte("get /login HTTP/1.1\r\n\r\n"))
	if told := p.Refused(r, nil); told.Method != "" || told.Path != "" {
		t.Errorf("told %+v of a line that was not understood, want neither method nor path", told)
	}
}

func TestSoundRequestsPass(t *testing.T) {
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
		all, passed := ours([]byte(tc.raw))
		if len(all) != 1 || passed != len(tc.raw) || all[0].method+" "+all[0].target+" "+all[0].body != tc.want {
			t.Errorf("%s: got %+v of %d bytes, want %q", tc.name, all, passed, tc.want)
		}
	}
}

func TestBrokenChunksAreRefused(t *testing.T) {
	for _, body := range []string{"5\r\nhelloX", "5;ext=1\r\nhello\r\n0\r\n\r\n", "5\nhello\r\n0\r\n\r\n", "5 \r\nhello\r\n0\r\n\r\n", "-5\r\n", "x\r\n", "\r\n", "5\r\nhello\n0\r\n\r\n", "0\r\nX\r\n\r\n", "0\r\nX : 1\r\n\r\n", "1000000000000000\r\n", "0\r\n X: 1\r\n\r\n"} {
		var c Chunks
		if n, done, r := c.Feed([]byte(body)); r == nil || r.Status != 400 || done {
			t.Errorf("body %q: got %d, %v, %v, want 400", body, n, done, r)
		}
	}
	var c Chunks
	if _, _, r := c.Feed([]byte("0\r\nX: " + strings.Repeat("a", 3<<10))); r == nil || r.Status != 431 {
		t.Errorf("3 KB of trailers: got %v, want 431", r)
	}
}

func TestTrailersAreKeptForOneBody(t *testing.T) {
	var c Chunks
	for _, tc := range []struct{ body, want string }{{"0\r\nX: 1\r\nY: 2\r\n\r\n", "X: 1\r\nY: 2\r\n"}, {"1\r\na\r\n0\r\n\r\n", ""}} {
		if _, done, r := c.Feed([]byte(tc.body)); !done || r != nil || string(c.Trailer()) != tc.want {
			t.Errorf("%q: got %q (%v, %v), want %q", tc.body, c.Trailer(), done, r, tc.want)
		}
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
