package gateway

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"sallyport/dbguard"
	"sallyport/gateway/dashboard"
	"sallyport/gateway/journal"
)

// stoppedKinds are the events that say something was stopped.
var stoppedKinds = []string{
	"cross-door", "query-blocked", "query-too-complex", "rate-limited", "body-too-large", "body-too-slow", "origin-refused", "held-client-refused", "request-malformed",
	"client-held", "access-refused", "not-by-our-tunnel", "admin-path-refused",
}

// stoppedPanel shows the newest n things that were stopped, refused statements with the bytes that came from a request marked.
func (g *Gateway) stoppedPanel(n int) dashboard.Panel {
	p := dashboard.Panel{Kind: "stopped", ID: "stopped", Title: "What was stopped", Source: "/api/hardening/security", Width: "half", Empty: "Nothing had to be stopped."}
	var blocked []dbguard.BlockedQuery
	if g.database != nil {
		blocked = g.database.guard.Snapshot().Blocked
	}
	total := 0
	for _, e := range g.journal.Newest(500) {
		if !slices.Contains(stoppedKinds, e.Kind) || g.clock().Sub(e.At) > day {
			continue
		}
		if total++; total <= n {
			p.Stopped = append(p.Stopped, stoppedOf(e, blocked))
		}
	}
	p.Note = fmt.Sprintf("%s in 24 h", grouped(total))
	return p
}

// stoppedOf draws an event, with the statement where the guard still remembers it.
func stoppedOf(e journal.Event, blocked []dbguard.BlockedQuery) dashboard.Stopped {
	s := dashboard.Stopped{At: e.At, State: dashboard.Warn, Title: e.Summary, Who: whoOf(e)}
	if e.Severity == journal.Critical || e.Kind == "query-blocked" {
		s.State = dashboard.Bad
	}
	for _, b := range blocked {
		if b.Incident == "" || b.Incident != e.Detail["incident"] {
			continue
		}
		for _, piece := range b.Marked {
			s.SQL = append(s.SQL, dashboard.Piece{Text: piece.Text, Mark: piece.Mark})
		}
		if len(b.Reasons) > 0 {
			s.Why = strings.ToUpper(b.Reasons[0][:1]) + b.Reasons[0][1:] + "."
		}
		return s
	}
	if q := e.Detail["query"]; q != "" {
		s.SQL = []dashboard.Piece{{Text: q}}
	}
	return s
}

func whoOf(e journal.Event) string {
	var parts []string
	for _, text := range []string{e.Client, e.Detail["route"], e.Detail["method"] + " " + e.Detail["path"]} {
		if strings.TrimSpace(text) != "" {
			parts = append(parts, text)
		}
	}
	if e.Request != "" {
		parts = append(parts, "request "+e.Request)
	}
	return strings.Join(parts, " · ")
}

// viewTraffic is the HTTP door in detail.
func (g *Gateway) viewTraffic(v *dashboard.View, _ healthAnswer) {
	n := g.current.Load()
	m, refused, app := g.serverMetrics(), g.httpSecurity(n).Refused, n.app.Snapshot()
	v.Panels = []dashboard.Panel{
		g.chartPanel(),
		{Kind: "facts", ID: "refused", Title: "Refused since the start", Width: "half", Source: "/api/hardening/security", Note: "JSON", Facts: []dashboard.Fact{
			warnIf("over the rate limit", refused.RateLimited, dashboard.Warn), warnIf("too large", refused.TooLarge, dashboard.Warn), warnIf("too slow", refused.TooSlow, dashboard.Warn),
			warnIf("malformed", refused.Malformed, dashboard.Warn), warnIf("foreign origin", refused.BadOrigin, dashboard.Warn), warnIf("held clients", refused.Held, dashboard.Bad),
		}},
		{Kind: "facts", ID: "requests", Title: "Requests", Width: "half", Source: "/api/hardening/metrics", Note: "JSON", Facts: []dashboard.Fact{
			{Name: "in all", Value: grouped(m.RequestsTotal)}, {Name: "in flight", Value: grouped(m.RequestsInFlight)}, {Name: "p95", Value: msText(m.P95Latency)}, {Name: "memory", Value: sizeText(residentBytes())},
		}},
		{Kind: "facts", ID: "app", Title: "The app", Width: "wide", Source: "/api/hardening/health", Note: "JSON", Facts: []dashboard.Fact{
			{Name: "address", Value: n.cfg.HTTP.App.URL}, {Name: "p50 and p95", Value: inMs(app.P50) + ", " + inMs(app.P95)}, {Name: "circuit", Value: app.Breaker},
			warnIf("failed", app.Failed, dashboard.Warn), {Name: "second tries", Value: grouped(app.Retries)}, {Name: "WebSockets open", Value: grouped(app.Upgrades)},
		}},
		g.eventsPanel("http", "Events of this door"),
	}
}

// eventsPanel lists the newest events of a door; "" means all.
func (g *Gateway) eventsPanel(door, title string) dashboard.Panel {
	p := dashboard.Panel{Kind: "table", ID: "events-" + door, Title: title, Source: "/api/hardening/events", Note: "JSON", Empty: "No event yet.", Table: &dashboard.Table{Head: []string{"At", "Kind", "What"}}}
	for _, e := range g.journal.Newest(500) {
		if door != "" && e.Door != door {
			continue
		}
		p.Table.Rows = append(p.Table.Rows, []string{e.At.Format("02 Jan 15:04:05"), e.Kind, e.Summary})
		p.Table.States = append(p.Table.States, severityState(e.Severity))
		if len(p.Table.Rows) == 40 {
			break
		}
	}
	return p
}

func severityState(s journal.Severity) dashboard.State {
	switch s {
	case journal.Critical:
		return dashboard.Bad
	case journal.Warning:
		return dashboard.Warn
	}
	return ""
}

// viewAttacks shows clients as swim lanes over a day, those held off first.
func (g *Gateway) viewAttacks(v *dashboard.View, _ healthAnswer) {
	lanes := map[string]*dashboard.Lane{}
	now := g.clock()
	for _, e := range g.journal.Newest(2000) {
		if e.Client == "" || now.Sub(e.At) > day || !slices.Contains(stoppedKinds, e.Kind) {
			continue
		}
		lane := lanes[e.Client]
		if lane == nil {
			lane = &dashboard.Lane{Name: e.Client}
			lanes[e.Client] = lane
		}
		lane.Marks = append(lane.Marks, dashboard.LaneMark{Place: 1 - float64(now.Sub(e.At))/float64(day), State: severityState(e.Severity), Text: e.Summary})
	}
	held := g.visitors.Holds.List()
	for _, h := range held {
		lane := lanes[h.Client]
		if lane == nil {
			lane = &dashboard.Lane{Name: h.Client}
			lanes[h.Client] = lane
		}
		lane.Says = "held until " + h.Until.Format("15:04:05")
		lane.Action = &dashboard.Action{Label: "Release", Path: "/api/hardening/security/release", Body: map[string]string{"client": h.Client}, Confirm: "Let " + h.Client + " in again?"}
	}
	p := dashboard.Panel{Kind: "lanes", ID: "lanes", Title: "Clients, last 24 hours", Note: fmt.Sprintf("%d held off", len(held)), Source: "/api/hardening/security", Empty: "Nobody has tried anything."}
	for _, name := range sortedKeys(lanes) {
		if lanes[name].Says == "" {
			lanes[name].Says = fmt.Sprintf("%d events", len(lanes[name].Marks))
		}
		p.Lanes = append(p.Lanes, *lanes[name])
	}
	slices.SortStableFunc(p.Lanes, func(a, b dashboard.Lane) int { return len(b.Marks) - len(a.Marks) })
	p.Lanes = p.Lanes[:min(len(p.Lanes), 50)]
	stopped := g.stoppedPanel(40)
	stopped.Width = ""
	v.Panels = []dashboard.Panel{p, stopped}
}

// timeText is a moment for a table; "–" where there was none.
func timeText(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.Format("02 Jan 15:04:05")
}
