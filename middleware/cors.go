package middleware

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
)

// origins are the other origins that may use the app. Where there are any, the gateway owns CORS: the app's own answers
// about it are replaced, and an origin that may not use the app is refused before the app sees it.
type origins struct {
	any      bool
	exact    map[string]bool
	patterns []originPattern
	// self is the origin of the public URL, which is never foreign; "" where that is unknown.
	self                     string
	credentials              bool
	methods, headers, expose []string
	maxAge                   []string
}

// originPattern is https://*.example.com: a scheme, and what must follow at least one whole label.
type originPattern struct{ scheme, suffix string }

// newOrigins returns nil where no origin is given: the app owns CORS then, and its answers pass untouched.
func newOrigins(s CORS, publicURL string) (*origins, error) {
	if len(s.Origins) == 0 {
		return nil, nil
	}
	o := &origins{exact: map[string]bool{}, credentials: s.Credentials, self: originOf(publicURL)}
	for _, text := range s.Origins {
		p, err := parseOrigin(text)
		if err != nil {
			return nil, err
		}
		switch {
		case text == "*":
			o.any = true
		case p.suffix != "":
			o.patterns = append(o.patterns, p)
		default:
			o.exact[text] = true
		}
	}
	o.methods, o.headers, o.expose = oneLine(s.Methods), oneLine(s.Headers), oneLine(s.Expose)
	if s.MaxAge > 0 {
		o.maxAge = []string{strconv.Itoa(int(s.MaxAge.Seconds()))}
	}
	return o, nil
}

// oneLine makes a header value of a list, nil of an empty one.
func oneLine(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	return []string{strings.Join(list, ", ")}
}

// parseOrigin checks an origin of the settings; the pattern's suffix is empty where text has no star.
func parseOrigin(text string) (originPattern, error) {
	if text == "*" {
		return originPattern{}, nil
	}
	if text == "null" {
		return originPattern{}, errors.New("which any sandboxed page can send: name an origin")
	}
	scheme, host, ok := strings.Cut(text, "://")
	if !ok || scheme != "http" && scheme != "https" {
		return originPattern{}, errors.New("want an origin such as https://shop.example.com")
	}
	rest, wild := strings.CutPrefix(host, "*.")
	u, err := url.Parse(scheme + "://" + rest)
	if err != nil || u.Host == "" || u.Host != rest || strings.Contains(rest, "*") || strings.ToLower(text) != text {
		return originPattern{}, errors.New("want an origin in lower case, without a path, whose only star is a leading *.")
	}
	if !wild {
		return originPattern{}, nil
	}
	return originPattern{scheme: scheme + "://", suffix: "." + rest}, nil
}

func originOf(publicURL string) string {
	u, err := url.Parse(publicURL)
	if err != nil || u.Host == "" {
		return ""
	}
	return strings.ToLower(u.Scheme + "://" + u.Host)
}

// allows reports whether origin is listed.
func (o *origins) allows(origin string) bool {
	if o.exact[origin] {
		return true
	}
	for _, p := range o.patterns {
		label, ok := strings.CutPrefix(origin, p.scheme)
		if !ok {
			continue
		}
		if label, ok = strings.CutSuffix(label, p.suffix); ok && isLabels(label) {
			return true
		}
	}
	return false
}

// isLabels reports whether s is one or more labels of a host name, joined by dots.
func isLabels(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if label == "" {
			return false
		}
		for i := range len(label) {
			if b := label[i]; (b < 'a' || b > 'z') && (b < '0' || b > '9') && b != '-' {
				return false
			}
		}
	}
	return true
}

// cors refuses foreign origins and answers preflights, where the gateway owns CORS.
func (d *door) cors(c *gin.Context) {
	o, x := d.origins, of(c)
	if o == nil {
		x.note(corsPassed)
		return
	}
	x.note(corsOwned)
	given := c.Request.Header["Origin"]
	if len(given) == 0 {
		if o.any {
			x.origin = star
		}
		return
	}
	switch origin := given[0]; {
	case len(given) > 1 || origin == "null":
		x.note(corsNull)
		Reject(c, stageCORS, http.StatusForbidden, "the origin is null or given twice")
		return
	case origin == o.self || origin == x.client.proto+"://"+c.Request.Host:
		return
	case o.any:
		x.origin = star
	case o.allows(origin):
		x.origin = given[:1:1]
	default:
		x.note(corsBad)
		Reject(c, stageCORS, http.StatusForbidden, "the origin is not allowed")
		return
	}
	if c.Request.Method == http.MethodOptions && c.Request.Header["Access-Control-Request-Method"] != nil {
		x.answerPreflight(c)
	}
}

var star = []string{"*"}

// answerPreflight tells the browser what it may send; the app never sees the question.
func (x *exchange) answerPreflight(c *gin.Context) {
	o, h := x.door.origins, x.w.Header()
	x.preflight = true
	set := func(name string, value []string) {
		if value != nil {
			h[name] = value
		}
	}
	set("Access-Control-Allow-Methods", o.methods)
	set("Access-Control-Allow-Headers", o.headers)
	set("Access-Control-Max-Age", o.maxAge)
	addVary(h, "Access-Control-Request-Method")
	addVary(h, "Access-Control-Request-Headers")
	c.AbortWithStatus(http.StatusNoContent)
}
