package gateway

import (
	"fmt"
	"strings"
	"time"

	"sallyport/gateway/dashboard"
	"sallyport/gateway/tunnel"
)

// rates are means per second over the last minute.
type rates struct{ requests, queries float64 }

func (g *Gateway) lastMinute() rates {
	var r rates
	recent := g.Recent(60)
	for _, l := range recent {
		r.requests += float64(l.Requests)
		r.queries += float64(l.Queries)
	}
	if n := float64(len(recent)); n > 0 {
		r.requests, r.queries = r.requests/n, r.queries/n
	}
	return r
}

// sparkLine is the last ten minutes of a figure in forty points.
func (g *Gateway) sparkLine(of func(Live) int64) []float64 {
	const points = 40
	recent := g.Recent(600)
	if len(recent) < points {
		return nil
	}
	line := make([]float64, points)
	for i, l := range recent {
		line[i*points/len(recent)] += float64(of(l))
	}
	return line
}

func (g *Gateway) httpCard() dashboard.Door {
	m := g.serverMetrics()
	d := dashboard.Door{
		Name: "HTTP door", State: dashboard.OK, Badge: "open", Big: fmt.Sprintf("%.1f", g.lastMinute().requests), Unit: "req/s", Tone: "blue", Source: "/api/hardening/metrics",
		Line: g.sparkLine(func(l Live) int64 { return l.Requests }),
		Facts: []dashboard.Fact{
			{Name: "p95", Value: msText(m.P95Latency)}, {Name: "Requests", Value: grouped(m.RequestsTotal)}, warnIf("Limited", m.RateLimited, dashboard.Warn), warnIf("Too large", m.TooLarge, dashboard.Warn),
		},
	}
	if c := g.checkApp(); c.Status != healthy {
		d.State, d.Badge = dashboard.Bad, "app is ill"
	}
	if !g.serving.Load() {
		d.State, d.Badge = dashboard.Bad, "closed"
	}
	return d
}

func (g *Gateway) databaseCard() dashboard.Door {
	if g.database == nil {
		return dashboard.Door{Name: "Database door", State: dashboard.Off, Badge: "closed", Big: "–", Unit: "no upstream_file is set", Facts: []dashboard.Fact{}}
	}
	m, s := g.databaseMetrics(), g.database.guard.Snapshot()
	d := dashboard.Door{
		Name: "Database door", State: dashboard.OK, Badge: modeWords(string(s.Limits.Screen)), Big: m.SuccessRate, Unit: "of " + grouped(m.TotalQueries) + " queries", Tone: "purple", Source: "/api/hardening/database",
		Line: g.sparkLine(func(l Live) int64 { return l.Queries }),
		Facts: []dashboard.Fact{
			{Name: "Mean", Value: msText(m.AvgLatency)}, warnIf("Slow", int64(m.SlowQueries), dashboard.Warn), warnIf("Blocked", int64(m.BlockedQueries), dashboard.Bad), {Name: "Breaker", Value: m.CircuitBreakerStatus},
		},
	}
	if s.Limits.Screen != "enforce" {
		d.State = dashboard.Warn
	}
	if m.CircuitBreakerStatus != "closed" {
		d.State, d.Badge, d.Facts[3].State = dashboard.Bad, "circuit "+m.CircuitBreakerStatus, dashboard.Bad
	}
	return d
}

func modeWords(mode string) string {
	switch mode {
	case "enforce":
		return "enforcing"
	case "observe":
		return "observing only"
	}
	return "screening off"
}

func (g *Gateway) tunnelCard() dashboard.Door {
	if g.tunnel == nil {
		return dashboard.Door{Name: "Tunnel", State: dashboard.Off, Badge: "not supervised", Big: "–", Unit: "no tunnel section is set", Facts: []dashboard.Fact{}}
	}
	t := g.tunnel.Snapshot()
	family := "IPv4"
	if t.EdgeIPv6 {
		family = "IPv6"
	}
	binary := "not pinned"
	if t.Binary.Verified {
		binary = "verified"
	}
	beats, badge := g.probeBeats(), string(t.State)+" "+longer(g.clock().Sub(t.Since))
	if len(t.Incidents) > 0 {
		badge = strings.ReplaceAll(strings.ToLower(string(t.Incidents[0].Cause)), "_", " ")
	}
	return dashboard.Door{
		Name: "Tunnel", Beats: beats, State: stateOf(g.checkTunnel().Status), Badge: badge, Big: tripText(t), Unit: fmt.Sprintf("public round trip, last %d probes", len(beats)), Source: "/api/hardening/tunnel",
		Facts: []dashboard.Fact{
			{Name: "Edges", Value: fmt.Sprint(t.ReadyConnections)}, {Name: "Restarts", Value: fmt.Sprintf("%d of %d/h", t.Restarts.Used, t.Restarts.Budget)}, {Name: "Family", Value: family}, {Name: "Binary", Value: binary},
		},
	}
}

// heaviestPanel lists the statements that took the most execution time since the counters began.
func (g *Gateway) heaviestPanel(n int) dashboard.Panel {
	p := dashboard.Panel{Kind: "queries", ID: "heaviest", Title: "Heaviest queries", Note: "by total time · literals removed", Source: "/api/hardening/database", Width: "wide", Empty: "No query has passed the database door yet."}
	if g.database == nil {
		return p
	}
	top := g.database.guard.Snapshot().TopQueries
	var all float64
	for _, q := range top {
		all += q.TotalMs
	}
	slow := g.current.Load().cfg.Database.Guard.Limits.SlowQuery
	routes := g.asking.shares()
	for _, q := range top[:min(n, len(top))] {
		row := dashboard.Query{SQL: clip(q.Query, 300), Route: routeText(routes[q.Fingerprint], grouped(q.Rows)+" rows"), Calls: grouped(q.Count), Mean: msText(q.MeanMs), P95: msText(q.P95Ms), Slow: q.P95Ms >= milliseconds(slow)}
		if all > 0 {
			row.Share = q.TotalMs / all
		}
		p.Queries = append(p.Queries, row)
	}
	return p
}

// routeText names the route that a statement mostly comes from, otherwise where none is known.
func routeText(routes []routeShare, otherwise string) string {
	switch {
	case len(routes) == 0:
		return otherwise
	case len(routes) == 1:
		return routes[0].Route
	}
	return fmt.Sprintf("%s and %d more", routes[0].Route, len(routes)-1)
}

// probeBeats are the newest probes through the public URL, oldest first.
func (g *Gateway) probeBeats() []dashboard.Beat {
	var all []dashboard.Beat
	for _, r := range g.tunnel.Probes() {
		state := dashboard.Bad
		switch {
		case r.Class == tunnel.ProbeReached && !r.Foreign:
			state = dashboard.OK
		case r.Class == tunnel.ProbeReached, r.Class == tunnel.ProbeInconclusive, r.Class == tunnel.ProbeDirect:
			state = dashboard.Warn
		}
		all = append(all, dashboard.Beat{State: state, Text: timeText(r.At) + " " + msText(r.LatencyMs) + ": " + r.Meaning})
	}
	return all
}

// day is what "today" means on the page.
const day = 24 * time.Hour
