package upstream

import (
	"bytes"
	"net/http"
	"net/textproto"
	"strings"

	"github.com/gin-gonic/gin"
	"golang.org/x/net/http/httpguts"
)

// lineMax is the longest line of chunk framing or trailer, in bytes.
const lineMax = 4 << 10

// copyChunks copies a chunked body (RFC 9112, 7.1). What has come goes out before more is waited for.
func (x *exchange) copyChunks(w gin.ResponseWriter) error {
	for {
		line, err := x.line(w)
		if err != nil {
			return err
		}
		size, ok := chunkSize(line)
		if !ok {
			return malformed("chunk size")
		}
		if size == 0 {
			return x.trailers(w)
		}
		if err := x.chunk(w, size); err != nil {
			return err
		}
	}
}

// chunk copies the data of one chunk and the line end behind it.
func (x *exchange) chunk(w gin.ResponseWriter, left int64) error {
	for {
		var err error
		if left, err = x.copyBuffered(w, left); err != nil {
			return err
		}
		if left == 0 {
			break
		}
		if err := x.more(w); err != nil {
			return err
		}
	}
	end, err := x.line(w)
	if err == nil && len(end) != 0 {
		return malformed("chunk end")
	}
	return err
}

// more sends what was copied and reads on.
func (x *exchange) more(w gin.ResponseWriter) error {
	if err := flush(w); err != nil {
		return err
	}
	c := x.conn
	c.enlarge()
	c.compact()
	return brokenOff(c.fill())
}

// line returns the next line without its end; it is good until more is read.
func (x *exchange) line(w gin.ResponseWriter) ([]byte, error) {
	c := x.conn
	for {
		b := c.buffered()
		if i := bytes.IndexByte(b, '\n'); i >= 0 {
			if i == 0 || b[i-1] != '\r' {
				return nil, malformed("line end")
			}
			c.r += i + 1
			return b[:i-1], nil
		}
		if len(b) > lineMax {
			return nil, malformed("line length")
		}
		if err := x.more(w); err != nil {
			return nil, err
		}
	}
}

// chunkSize reads a size. Extensions, which mean nothing to anybody, end here.
func chunkSize(line []byte) (int64, bool) {
	line, _, _ = bytes.Cut(line, []byte(";"))
	line = bytes.TrimRight(line, " \t")
	var n int64
	for _, c := range line {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		n = n<<4 | int64(c)
	}
	return n, len(line) > 0 && len(line) <= 15
}

// trailers passes the fields after the last chunk on. What the head said under a name that it announced was sent with the head and is
// not said again.
func (x *exchange) trailers(w gin.ResponseWriter) error {
	h := w.Header()
	announced := strings.Join(h["Trailer"], ",")
	for name := range strings.SplitSeq(announced, ",") {
		delete(h, canonical(strings.Trim(name, " \t")))
	}
	for size := 0; ; {
		line, err := x.line(w)
		if err != nil || len(line) == 0 {
			return err
		}
		if size += len(line); size > headMax {
			return malformed("trailers larger than 64 KB")
		}
		name, value, ok := strings.Cut(string(line), ":")
		value = strings.Trim(value, " \t")
		if !ok || !isName(name) || !isValue(value) {
			return malformed("trailer")
		}
		key := canonical(name)
		switch {
		case !mayTrail(key) || x.answer.hop(key):
		case hasToken(announced, key):
			h.Add(key, value)
		default:
			h.Add(http.TrailerPrefix+key, value)
		}
	}
}

// mayTrail reports whether the field key may stand in a trailer. Servers that join trailers with the head would take one for the head's
// word: so none that frames, routes or authenticates (RFC 9110, 6.5.1), that concerns one connection, or that tells who is asking.
func mayTrail(key string) bool {
	key = textproto.CanonicalMIMEHeaderKey(hyphens.Replace(key)) // as CGI and WSGI read it
	switch key {
	case "Cookie", "Set-Cookie":
		return false
	}
	return httpguts.ValidTrailerHeader(key) && !staysHere(key) && !strings.HasPrefix(key, "Cf-")
}

var hyphens = strings.NewReplacer("_", "-", ".", "-")
