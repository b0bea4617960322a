package gateway

import (
	"net/url"
	"path"
	"strings"
)

// reservedPath is the tree of the admin API; the HTTP door never passes it to the app.
const reservedPath = "/api/hardening"

// decodings is how often a path is decoded in search of a reserved one: apps and proxies behind us may decode again.
const decodings = 4

// isReserved reports whether u's path means something below reservedPath in any spelling that some server would take for it:
// other case, doubled or trailing slashes, dot segments, backslashes, parameters, percent-encoding over and over.
func isReserved(u *url.URL) bool {
	p := u.EscapedPath()
	for range decodings {
		if containsFold(p, "hardening") && below(p) {
			return true
		}
		if strings.IndexByte(p, '%') < 0 {
			return false
		}
		p = decodeOnce(p)
	}
	return false
}

// below reports whether p, cleaned, lies in the reserved tree.
func below(p string) bool {
	p = strings.ToLower(strings.ReplaceAll(p, `\`, "/"))
	segments := strings.Split(p, "/")
	for i, s := range segments {
		s, _, _ = strings.Cut(s, ";")
		segments[i] = strings.TrimFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f || r == 0xa0 })
	}
	p = path.Clean("/" + strings.Join(segments, "/"))
	rest, found := strings.CutPrefix(p, reservedPath)
	return found && (rest == "" || rest[0] == '/' || rest[0] == '.' || rest[0] == 0)
}

// decodeOnce decodes what is well encoded in p and leaves the rest as it is.
func decodeOnce(p string) string {
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		if p[i] == '%' && i+2 < len(p) && isHex(p[i+1]) && isHex(p[i+2]) {
			b.WriteByte(unhex(p[i+1])<<4 | unhex(p[i+2]))
			i += 2
			continue
		}
		b.WriteByte(p[i])
	}
	return b.String()
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}

// containsFold reports whether s contains word, which is lower-case letters, in any case.
func containsFold(s, word string) bool {
	for i := 0; i+len(word) <= len(s); i++ {
		if strings.EqualFold(s[i:i+len(word)], word) {
			return true
		}
	}
	return false
}
