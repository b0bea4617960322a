package middleware

import (
	"net/http"
	"strconv"
	"strings"
)

// personal puts on the headers that differ from answer to answer: request id, budget and CORS. All of them share one
// string and one slice.
func (x *exchange) personal(h http.Header) {
	v := make([]string, 0, 4)
	v = append(v, x.id)
	h["X-Request-Id"] = v[0:1:1]
	if x.policy != nil {
		v = x.budgetHeaders(h, v)
	}
	// Whoever owns CORS, a cache must not give one origin's answer to another.
	addVary(h, "Origin")
	if x.door.origins != nil {
		x.corsHeaders(h)
	}
}

// budgetHeaders tells the client its budget, in the IETF draft's names and in the older ones.
func (x *exchange) budgetHeaders(h http.Header, v []string) []string {
	p := x.policy
	reset := max(x.budget.Reset-x.start.Unix(), 0)
	var space [128]byte
	b := append(append(space[:0], '"'), p.name...)
	b = append(b, `";r=`...)
	from := len(b)
	b = strconv.AppendInt(b, x.budget.Remaining, 10)
	to := len(b)
	b = append(b, ";t="...)
	b = strconv.AppendInt(b, reset, 10)
	end := len(b)
	b = strconv.AppendInt(b, x.budget.Reset, 10)
	s := string(b)
	n := len(v)
	v = append(v, s[:end], s[from:to], s[end:])
	h["Ratelimit"] = v[n : n+1 : n+1]
	h["Ratelimit-Policy"] = p.header
	h["X-Ratelimit-Limit"] = p.limit
	h["X-Ratelimit-Remaining"] = v[n+1 : n+2 : n+2]
	h["X-Ratelimit-Reset"] = v[n+2 : n+3 : n+3]
	return v
}

// corsHeaders replaces whatever the app says about CORS: we own it.
func (x *exchange) corsHeaders(h http.Header) {
	if !x.preflight {
		for _, name := range corsNames {
			delete(h, name)
		}
	}
	if x.origin == nil {
		return
	}
	h["Access-Control-Allow-Origin"] = x.origin
	if x.door.origins.credentials {
		h["Access-Control-Allow-Credentials"] = yes
	}
	if x.door.origins.expose != nil {
		h["Access-Control-Expose-Headers"] = x.door.origins.expose
	}
}

var (
	yes       = []string{"true"}
	corsNames = []string{
		"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Access-Control-Allow-Methods",
		"Access-Control-Allow-Headers", "Access-Control-Expose-Headers", "Access-Control-Max-Age",
	}
)

// addVary adds name to the Vary header unless it is there.
func addVary(h http.Header, name string) {
	vary := h["Vary"]
	if len(vary) == 0 {
		h["Vary"] = []string{name}
		return
	}
	for _, line := range vary {
		for field := range strings.SplitSeq(line, ",") {
			if field = strings.TrimSpace(field); strings.EqualFold(field, name) || field == "*" {
				return
			}
		}
	}
	h["Vary"] = []string{strings.Join(vary, ", ") + ", " + name}
}
