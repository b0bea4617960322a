package upstream

import (
	"encoding/binary"
	"slices"
	"strings"
)

// spelling maps usual names, as apps write them, to the spelling of http.Header.
var spelling = func() map[string]string {
	m := map[string]string{}
	for _, key := range []string{
		"Accept-Ranges", "Access-Control-Allow-Origin", "Age", "Allow", "Cache-Control", "Connection", "Content-Disposition",
		"Content-Encoding", "Content-Language", "Content-Length", "Content-Range", "Content-Security-Policy", "Content-Type",
		"Date", "Etag", "Expires", "Keep-Alive", "Last-Modified", "Link", "Location", "Referrer-Policy", "Retry-After", "Server",
		"Set-Cookie", "Strict-Transport-Security", "Transfer-Encoding", "Vary", "Via", "X-Content-Type-Options",
		"X-Frame-Options", "X-Powered-By", "X-Request-Id",
	} {
		m[key] = key
		m[strings.ToLower(key)] = key
	}
	m["ETag"], m["X-Request-ID"] = "Etag", "X-Request-Id"
	return m
}()

// nameByte tells the bytes that a header name may hold (RFC 9110, 5.6.2).
var nameByte = func() (t [256]bool) {
	for _, c := range []byte("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
		t[c] = true
	}
	return t
}()

func isName(s string) bool {
	for i := range len(s) {
		if !nameByte[s[i]] {
			return false
		}
	}
	return s != ""
}

// isValue reports whether s may stand as a header value: no control byte but tab, so no line of its own either.
func isValue(s string) bool {
	for i := range len(s) {
		if isControl(s[i]) {
			return false
		}
	}
	return true
}

func isControl(c byte) bool { return c < 0x20 && c != '\t' || c == 0x7f }

// hasControl reports whether a control byte other than tab stands in b. It looks at eight bytes at once; what looks bad
// is looked at again one by one.
func hasControl(b []byte) bool {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	for ; len(b) >= 8; b = b[8:] {
		x := binary.LittleEndian.Uint64(b)
		del := x ^ 0x7f*ones
		if ((x-0x20*ones)&^x|(del-ones)&^del)&high != 0 && slices.ContainsFunc(b[:8], isControl) {
			return true
		}
	}
	return slices.ContainsFunc(b, isControl)
}
