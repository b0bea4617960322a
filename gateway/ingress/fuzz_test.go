package ingress

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http/httpguts"
)

// reading is what a server understood of one request.
type reading struct {
	method, target, host string
	fields, trailers     []string
	body                 string
	minor                int
	// close is true where the connection ends with this request, wait where the client waits for 100 Continue.
	close, wait bool
}

// ours reads stream as the check does: the requests that it passes, with their bodies, until it refuses or bytes run out.
func ours(stream []byte) (all []reading, passed int) {
	p := NewParser(Defaults())
	for {
		n, r := p.Feed(stream[passed:])
		if r != nil || n == 0 {
			return all, passed
		}
		h := p.Head()
		got := reading{method: string(h.Method), target: string(h.Target), host: string(h.Host), minor: h.Minor, close: h.Close, wait: h.Continue && h.Minor == 1}
		for _, f := range h.Fields {
			got.fields = append(got.fields, http.CanonicalHeaderKey(string(f.Name))+": "+string(f.Value))
		}
		rest := stream[passed+n:]
		size, whole := int(min(h.Length, 1<<30)), h.Length <= int64(len(rest))
		if h.Chunked {
			var c Chunks
			used, done, r := c.Feed(rest)
			if r != nil {
				return all, passed
			}
			size, whole = used, done
		}
		if !whole {
			return all, passed
		}
		got.body = string(rest[:size])
		if h.Chunked {
			got.body, got.trailers = unchunk(got.body)
		}
		passed += n + size
		all = append(all, got)
		if h.Upgrade {
			return all, passed
		}
	}
}

// unchunk returns data and trailers of a well-formed chunked body, by another way than the code under test.
func unchunk(s string) (string, []string) {
	var data strings.Builder
	for {
		line, rest, _ := strings.Cut(s, "\r\n")
		n := 0
		for _, c := range strings.ToLower(line) {
			n = n*16 + strings.IndexRune("0123456789abcdef", c)
		}
		if n == 0 {
			return data.String(), trailing(rest)
		}
		data.WriteString(rest[:n])
		s = rest[n+2:]
	}
}

// trailing returns the lines before the empty one, spelled as http.Header spells them.
func trailing(lines string) (all []string) {
	for line := range strings.SplitSeq(lines, "\r\n") {
		if name, value, ok := strings.Cut(line, ":"); ok {
			all = append(all, http.CanonicalHeaderKey(name)+": "+strings.Trim(value, " \t"))
		}
	}
	return all
}

// theirs reads one request as Go's server does, its own checks included; ok is false where it would refuse.
func theirs(r *bufio.Reader) (got reading, ok bool) {
	req, err := http.ReadRequest(r)
	if err != nil || req.ProtoMajor != 1 {
		return got, false
	}
	if req.ProtoAtLeast(1, 1) && req.Host == "" || !httpguts.ValidHostHeader(req.Host) {
		return got, false
	}
	got = reading{method: req.Method, target: req.RequestURI, host: req.Host, minor: req.ProtoMinor, close: req.Close}
	got.wait = req.ProtoMinor == 1 && strings.EqualFold(req.Header.Get("Expect"), "100-continue")
	for name, values := range req.Header {
		for _, v := range values {
			if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(v) {
				return got, false
			}
			got.fields = append(got.fields, name+": "+v)
		}
	}
	body, err := io.ReadAll(req.Body)
	got.body = string(body)
	for name, values := range req.Trailer {
		for _, v := range values {
			got.trailers = append(got.trailers, name+": "+v)
		}
	}
	return got, err == nil
}

// FuzzWeAcceptNoMoreThanNetHTTPAndReadItAlike feeds a stream of requests to the check. Whatever passes must be accepted by
// Go's server, with the same method, target, host, fields and body, and the next request must begin at the same byte.
func FuzzWeAcceptNoMoreThanNetHTTPAndReadItAlike(f *testing.F) {
	for _, tc := range refusedRequests {
		if len(tc.raw) < 1000 {
			f.Add([]byte(tc.raw))
		}
	}
	f.Add([]byte("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n5\r\nhello\r\n0\r\nX: 1\r\n\r\nGET /2?a=%zz HTTP/1.1\r\nHost: a\r\n\r\n"))
	f.Add([]byte("POST /a%20b HTTP/1.0\r\nContent-Length: 3\r\nExpect: 100-continue\r\nConnection: keep-alive\r\n\r\nabcGET //x HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"))
	f.Add([]byte("GET http://a:80/x?y HTTP/1.1\r\nHost: a:80\r\nCookie: a=b\r\nCookie: c=d\r\n\r\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		all, passed := ours(stream)
		whole := bufio.NewReader(bytes.NewReader(stream[:passed]))
		for i, got := range all {
			want, ok := theirs(whole)
			if !ok {
				t.Fatalf("request %d of %q passes the check and Go's server refuses it", i, stream)
			}
			got.fields = slices.DeleteFunc(got.fields, framing)
			want.fields = slices.DeleteFunc(want.fields, framing)
			if !alike(got, want) {
				t.Fatalf("request %d of %q: read as %+v, Go reads %+v", i, stream, got, want)
			}
		}
		if n := whole.Buffered(); n != 0 {
			t.Fatalf("Go leaves %d bytes of %q that the check took for read", n, stream[:passed])
		}
	})
}

// alike reports whether two servers understood the same.
func alike(a, b reading) bool {
	for _, list := range [][]string{a.fields, b.fields, a.trailers, b.trailers} {
		slices.Sort(list)
	}
	return a.method == b.method && a.target == b.target && strings.EqualFold(a.host, b.host) && a.body == b.body && a.minor == b.minor &&
		a.close == b.close && a.wait == b.wait && slices.Equal(a.fields, b.fields) && slices.Equal(a.trailers, b.trailers)
}

// framing reports fields that Go takes out of the header map.
func framing(field string) bool {
	name, _, _ := strings.Cut(field, ":")
	return slices.Contains([]string{"Host", "Content-Length", "Transfer-Encoding", "Trailer"}, name)
}

// FuzzPiecesAreReadAsTheWhole cuts a stream in two: the verdict may not depend on where the network cuts.
func FuzzPiecesAreReadAsTheWhole(f *testing.F) {
	for _, tc := range refusedRequests {
		if len(tc.raw) < 1000 {
			f.Add([]byte(tc.raw), 7)
		}
	}
	f.Add([]byte("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: 1\r\n\r\n"), 60)
	f.Fuzz(func(t *testing.T, stream []byte, cut int) {
		if cut < 0 || cut > len(stream) {
			return
		}
		whole, pieces := NewParser(Defaults()), NewParser(Defaults())
		n, r := whole.Feed(stream)
		m, q := pieces.Feed(stream[:cut])
		if m == 0 && q == nil {
			m, q = pieces.Feed(append([]byte(nil), stream...))
		}
		if n != m && cut > n || r != q && !early(r, q) {
			t.Fatalf("%q: whole gives %d, %v; cut at %d gives %d, %v", stream, n, r, cut, m, q)
		}
		var a, b Chunks
		used, done, r := a.Feed(stream)
		first, ended, q := b.Feed(stream[:cut])
		if !ended && q == nil && cut < len(stream) {
			var more int
			more, ended, q = b.Feed(stream[first:])
			first += more
		}
		if used != first && !(done && ended) || done != ended || r != q {
			t.Fatalf("%q as chunks: whole gives %d, %v, %v; cut at %d gives %d, %v, %v", stream, used, done, r, cut, first, ended, q)
		}
	})
}

// early reports that a piece was refused for another reason than the whole, as the incomplete line came first.
func early(whole, piece *Refusal) bool { return whole != nil && piece != nil }
