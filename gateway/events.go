package gateway

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"sallyport/dbguard"
	"sallyport/dbguard/screen"
	"sallyport/gateway/journal"
	"sallyport/gateway/tunnel"
	"sallyport/gateway/upstream"
	"sallyport/middleware"
)

// stageKinds are the event kinds of the stages' refusals.
var stageKinds = map[string]string{
	"rate-limit": "rate-limited", "body-size": "body-too-large", "cors": "origin-refused", "hold": "held-client-refused",
	"ingress": "request-malformed", "panic": "handler-panicked", "upstream": "app-failed", "deadline": "body-too-slow",
	"access": "access-refused", "tunnel": "not-by-our-tunnel", "reserved": "admin-path-refused",
}

// statusClientGone is logged where a client left; it is nobody's event.
const statusClientGone = 499

// onRejection writes down what a stage of the HTTP door refused.
func (n *narrator) onRejection(r middleware.Rejection) {
	if r.Status == statusClientGone {
		return
	}
	kind, known := stageKinds[r.Stage]
	if !known {
		kind = r.Stage + "-refused"
	}
	e := journal.Event{
		At: r.At, Door: "http", Kind: kind, Severity: journal.Warning, Client: r.Client, Request: r.RequestID,
		Summary: fmt.Sprintf("%s was refused with %d: %s.", r.Client, r.Status, r.Reason),
		Detail:  map[string]string{"stage": r.Stage, "status": strconv.Itoa(r.Status), "method": r.Method, "path": clip(middleware.PlainPath(r.Path), 200)},
	}
	if r.Stage == "upstream" { // the app's fault is one thing, whoever asked
		e.Client = ""
		e.Summary = fmt.Sprintf("A request was answered %d: %s.", r.Status, r.Reason)
	}
	if r.Status >= 500 {
		e.Severity = journal.Critical
	}
	n.folds.note(e, strconv.Itoa(r.Status))
}

// onReport writes down what the database door refused or found slow, and sentences clients that were caught.
func (n *narrator) onReport(r dbguard.Report) {
	if r.Err == nil && !r.Slow && !r.Suspicious {
		return // nearly all of them, so this costs a query nothing
	}
	n.probe(r)
	var blocked *dbguard.BlockedError
	switch {
	case errors.As(r.Err, &blocked):
		n.blocked(r, blocked)
	case errors.Is(r.Err, dbguard.ErrTooComplex):
		n.query(r, "query-too-complex", journal.Warning, fmt.Sprintf("A query of cost %d was refused: too complex.", r.Verdict.Cost))
	case errors.Is(r.Err, dbguard.ErrCircuitOpen):
		n.query(r, "query-unserved", journal.Warning, "A query was refused while the circuit to the database is open.")
	case r.Slow:
		n.query(r, "query-slow", journal.Info, fmt.Sprintf("A query took %d ms.", r.Took.Milliseconds()))
	case r.Suspicious:
		n.suspicious(r)
	}
}

// blocked writes down a refused query; where bytes of a request became SQL, the request's client is named.
func (n *narrator) blocked(r dbguard.Report, b *dbguard.BlockedError) {
	e := n.ofQuery(r, "query-blocked", journal.Warning, "A query was refused: "+strings.Join(b.Rules, ", ")+".")
	if c := crossingOf(r.Verdict); c != nil {
		attribute(&e, r.Verdict, c)
		e.Kind, e.Severity = "cross-door", journal.Critical
		e.Summary = fmt.Sprintf("Input %q of %s became SQL; the query was refused (%s).", c.Param, c.Route, c.Verdict)
		n.folds.note(e, c.Route+" "+c.Param)
		for i := range r.Verdict.Findings {
			if c := r.Verdict.Findings[i].Crossing; c != nil {
				n.suspect(c, false)
			}
		}
		return
	}
	if c := r.Verdict.Owner(); c != nil {
		attribute(&e, r.Verdict, c)
	}
	n.folds.note(e, strings.Join(b.Rules, " "))
}

// suspicious writes down a query that was let through though something was found; nobody is held for it.
func (n *narrator) suspicious(r dbguard.Report) {
	e := n.ofQuery(r, "query-suspicious", journal.Info, "A query with findings was let through: "+strings.Join(ruleNames(r.Verdict), ", ")+".")
	if c := crossingOf(r.Verdict); c != nil {
		attribute(&e, r.Verdict, c)
		n.suspects.note(c, false, n.now())
	}
	n.folds.note(e, string(r.Verdict.Fingerprint[:]))
}

// attribute names in e the request that c names, and the further ones with the same evidence.
func attribute(e *journal.Event, v *dbguard.Verdict, c *screen.Crossing) {
	e.Client, e.Request = c.Client, c.Request
	e.Detail["route"], e.Detail["verdict"] = c.Route, c.Verdict
	if c.Source != "" {
		e.Detail["source"], e.Detail["param"] = c.Source, c.Param
		e.Detail["length"], e.Detail["hash"] = strconv.Itoa(c.Length), c.Hash
	}
	if others := candidates(v, c); others != "" {
		e.Detail["candidates"] = others
	}
}

// candidates names the further clients with the same evidence and their routes, "" where there is none.
func candidates(v *dbguard.Verdict, best *screen.Crossing) string {
	var all []string
	for i := range v.Findings {
		if c := v.Findings[i].Crossing; c != nil && c != best {
			all = append(all, c.Client+" "+c.Route+" "+c.Param)
		}
	}
	return strings.Join(all, ", ")
}

// syntaxError is the SQLSTATE of what PostgreSQL's parser does not understand.
const syntaxError = "42601"

// probe counts a statement that the parser did not understand while it held input of requests: somebody tries how to get out of a
// literal.
func (n *narrator) probe(r dbguard.Report) {
	var coded interface{ SQLState() string }
	if !errors.As(r.Err, &coded) || coded.SQLState() != syntaxError {
		return
	}
	for _, c := range inputs(r.Verdict) {
		n.suspect(c, true)
		e := n.ofQuery(r, "sql-probe", journal.Warning, fmt.Sprintf("PostgreSQL did not understand a statement that holds input %q of %s.", c.Param, c.Route))
		attribute(&e, r.Verdict, c)
		n.folds.note(e, c.Route+" "+c.Param)
	}
}

// inputs are the requests whose input v's statement holds, in its structure or inside a literal.
func inputs(v *dbguard.Verdict) (all []*screen.Crossing) {
	for i := range v.Findings {
		if c := v.Findings[i].Crossing; c != nil {
			all = append(all, c)
		}
	}
	for i := range v.Hints {
		if c := &v.Hints[i]; c.Verdict == "contained" {
			all = append(all, c)
		}
	}
	return all
}

func (n *narrator) query(r dbguard.Report, kind string, s journal.Severity, summary string) {
	n.folds.note(n.ofQuery(r, kind, s, summary), string(r.Verdict.Fingerprint[:]))
}

// ofQuery is an event about r; its client is the peer at the database door until a request is known.
func (n *narrator) ofQuery(r dbguard.Report, kind string, s journal.Severity, summary string) journal.Event {
	host, _, err := net.SplitHostPort(r.Client.Addr)
	if err != nil {
		host = r.Client.Addr
	}
	e := journal.Event{
		At: r.At, Door: "database", Kind: kind, Severity: s, Client: host, Summary: summary,
		Detail: map[string]string{"user": r.Client.User, "database": r.Client.Database, "query": clip(r.Verdict.Skeleton, 500), "fingerprint": fmt.Sprintf("%x", r.Verdict.Fingerprint[:8])},
	}
	if r.Incident != "" {
		e.Detail["incident"] = r.Incident
	}
	if names := ruleNames(r.Verdict); len(names) > 0 {
		e.Detail["rules"] = strings.Join(names, ", ")
	}
	return e
}

func ruleNames(v *dbguard.Verdict) []string {
	var names []string
	seen := map[string]bool{}
	for _, f := range v.Findings {
		if !seen[f.Rule] {
			seen[f.Rule] = true
			names = append(names, f.Rule)
		}
	}
	return names
}

// crossingOf is the surest crossing among v's findings, nil where there is none.
func crossingOf(v *dbguard.Verdict) *screen.Crossing {
	var best *screen.Crossing
	for i := range v.Findings {
		if c := v.Findings[i].Crossing; c != nil && (best == nil || c.Verdict == "confirmed" && best.Verdict != "confirmed") {
			best = c
		}
	}
	return best
}

// onDatabaseBreaker writes down a step of the circuit to the database.
func (n *narrator) onDatabaseBreaker(c dbguard.BreakerChange) {
	n.breaker("database", "database", c.From, c.To)
}

// onAppBreaker writes down a step of the circuit to the app.
func (n *narrator) onAppBreaker(from, to string) { n.breaker("http", "app", from, to) }

// breaker writes down a step of a circuit; that to the database needs no prefix.

func (n *narrator) breaker(door, what, from, to string) {
	e := journal.Event{Door: door, Kind: "breaker-" + to, Severity: journal.Info, Detail: map[string]string{"from": from, "to": to}}
	if what == "app" {
		e.Kind = "app-" + e.Kind
	}
	switch to {
	case "open":
		e.Severity = journal.Critical
		e.Summary = "The circuit to the " + what + " opened: it failed too often and is spared for a while."
	case "half-open":
		e.Summary = "The circuit to the " + what + " is tried with one probe."
	default:
		e.Summary = "The circuit to the " + what + " is closed again."
	}
	n.journal.Add(e)
}

// onAppHealth writes down that the app fell ill or is well again.
func (n *narrator) onAppHealth(h upstream.Health) {
	if h.Healthy {
		n.journal.Add(journal.Event{Door: "http", Kind: "app-up", Severity: journal.Info, Summary: "The app answers again."})
		return
	}
	n.journal.Add(journal.Event{Door: "http", Kind: "app-down", Severity: journal.Critical, Summary: "The app does not answer: " + h.Err + "."})
}

// onIncident writes down a turn of a tunnel fault.
func (n *narrator) onIncident(i tunnel.Incident) { n.incident("tunnel", "", i) }

// onAppIncident writes down a turn of a fault of the app's process, whose causes are APP_CRASH and the like.
func (n *narrator) onAppIncident(i tunnel.Incident) { n.incident("process", "APP_", i) }

func (n *narrator) incident(door, prefix string, i tunnel.Incident) {
	cause := prefix + string(i.Cause)
	kind := strings.ToLower(strings.ReplaceAll(cause, "_", "-"))
	if door == "tunnel" {
		kind = "tunnel-" + kind
	}
	e := journal.Event{At: i.At, Door: door, Kind: kind, Severity: journal.Severity(i.Severity), Summary: i.Summary, Detail: map[string]string{"cause": cause, "state": "open"}}
	if !i.Open {
		e.Severity = journal.Info
		e.Detail["state"] = "resolved"
	}
	for k, v := range i.Detail {
		e.Detail[k] = v
	}
	n.journal.Add(e)
}

// onStore writes down that the rate-limit store fell ill (err) or is well again (nil).
func (n *narrator) onStore(err error) {
	if err == nil {
		n.journal.Add(journal.Event{Door: "http", Kind: "rate-limit-store-up", Severity: journal.Info, Summary: "The rate-limit store answers again."})
		return
	}
	n.journal.Add(journal.Event{Door: "http", Kind: "rate-limit-store-down", Severity: journal.Critical, Summary: "The rate-limit store does not answer: " + err.Error() + "."})
}

// clip cuts s after n bytes.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
