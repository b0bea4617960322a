package middleware

import (
	"path"
	"strings"
)

// routePath returns p as the most lenient app may route it: without empty and dot segments, without path parameters
// (;x), and with backslashes for slashes.
func routePath(p string) string {
	if !strings.Contains(p, "//") && !strings.Contains(p, "/.") && !strings.ContainsAny(p, `;\`) {
		return p
	}
	p = strings.ReplaceAll(p, `\`, "/")
	if strings.Contains(p, ";") {
		segments := strings.Split(p, "/")
		for i, s := range segments {
			segments[i], _, _ = strings.Cut(s, ";")
		}
		p = strings.Join(segments, "/")
	}
	return path.Clean(p)
}

// underPath reports whether p is prefix or below it, without regard to case: apps often route so.
func underPath(p, prefix string) bool {
	if len(p) < len(prefix) {
		return len(p)+1 == len(prefix) && prefix[len(p)] == '/' && strings.EqualFold(p, prefix[:len(p)])
	}
	if !strings.EqualFold(p[:len(prefix)], prefix) {
		return false
	}
	return len(p) == len(prefix) || prefix[len(prefix)-1] == '/' || p[len(prefix)] == '/'
}
