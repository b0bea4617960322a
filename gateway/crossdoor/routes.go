package crossdoor

import (
	"fmt"
	"net/url"
	"path"
	"strings"
)

// Route says what the input of one part of the app may do, such as that of a console that is there to send SQL.
type Route struct {
	// Path is the route; those below it belong to it.
	Path string `yaml:"path" doc:"path such as /admin/sql; paths below it belong to it"`
	// Taint is off, observe or enforce.
	Taint string `yaml:"taint" doc:"off: input is not followed; observe: input that becomes SQL is told, never refused for it; enforce: as everywhere"`
}

// Validate returns what is wrong with r; each begins with the key.
func (r Route) Validate() []error {
	var bad []error
	if !strings.HasPrefix(r.Path, "/") || !isPlain(r.Path) {
		bad = append(bad, fmt.Errorf("path is %q, want one such as /admin/sql: letters, digits and . _ ~ - between single slashes", r.Path))
	}
	if r.Taint != "off" && r.Taint != "observe" && r.Taint != "enforce" {
		bad = append(bad, fmt.Errorf("taint is %q, want off, observe or enforce", r.Taint))
	}
	return bad
}

// Except lets routes hold for requests that come from now on; the first that fits a path counts.
func (w *Window) Except(routes []Route) { w.routes.Store(&routes) }

// taint is what the settings say of u, "" where they say nothing. A path that servers may read in two ways belongs to no route.
func (w *Window) taint(u *url.URL) string {
	routes := w.routes.Load()
	if routes == nil || len(*routes) == 0 || !isPlain(u.EscapedPath()) {
		return ""
	}
	for _, r := range *routes {
		if rest, below := strings.CutPrefix(u.Path, strings.TrimSuffix(r.Path, "/")); below && (rest == "" || rest[0] == '/') {
			return r.Taint
		}
	}
	return ""
}

// isPlain reports a path that everybody reads alike: no escapes, no dot segments, no empty ones.
func isPlain(p string) bool {
	for i := range len(p) {
		if c := p[i]; !wordByte[c] && c != '/' && c != '-' && c != '.' && c != '~' || c >= 0x80 {
			return false
		}
	}
	return path.Clean(p) == p || path.Clean(p)+"/" == p
}

// routeName names a route in evidence.
func (w *Window) routeName(method, path string) string {
	if w.name == nil {
		return method + " " + path
	}
	return w.name(method, path)
}
