package gateway

import (
	"fmt"
	"strings"

	"sallyport/gateway/dashboard"
	"sallyport/gateway/tunnel"
)

// viewOverview answers "is it working, and if not, what do I type".
func (g *Gateway) viewOverview(v *dashboard.View, health healthAnswer) {
	v.Panels = append(v.Panels, dashboard.Panel{Kind: "path", ID: "path", Nodes: g.nodes(health.Checks)})
	v.Panels = append(v.Panels, g.fixes()...)
	v.Panels = append(v.Panels,
		dashboard.Panel{Kind: "doors", ID: "doors", Doors: []dashboard.Door{g.httpCard(), g.databaseCard(), g.tunnelCard()}},
		g.chartPanel(), g.stoppedPanel(6), g.heaviestPanel(6), readyPanel(health),
	)
}

func (g *Gateway) chartPanel() dashboard.Panel {
	return dashboard.Panel{
		Kind: "chart", ID: "chart", Title: "Requests and the SQL they cause", Source: "/api/hardening/history?range=1h", Note: "JSON", Width: "wide", Chart: g.liveChart(),
		Empty: "Recording began just now.",
	}
}

// nodes are the seven stops from visitor to database. A link's figure is measured or left out.
func (g *Gateway) nodes(health map[string]check) []dashboard.Node {
	n, l, t, app := g.current.Load(), g.lastMinute(), g.tunnelPart(), g.current.Load().app.Snapshot()
	appState := stateOf(health["app"].Status)
	nodes := []dashboard.Node{
		{Icon: "visitors", Name: "Visitors", State: dashboard.OK, Says: fmt.Sprintf("%.1f req/s", l.requests), Where: fmt.Sprintf("%d in flight", g.visitors.InFlight.Load())},
		{Icon: "cloud", Name: "Cloudflare", State: dashboard.Off, Says: "not supervised"},
		{Icon: "tunnel", Name: "cloudflared", State: dashboard.Off, Says: "not supervised"},
		{Icon: "door", Name: "HTTP door", State: stateOf(health["doors"].Status), Says: "open", Where: g.at("http"), Door: true, Link: &dashboard.Link{State: appState, Above: inMs(app.P50), Below: "to the app"}},
		{Icon: "app", Name: "App", State: appState, Says: appWords(app.Health.Healthy, app.Breaker), Where: strings.TrimPrefix(n.cfg.HTTP.App.URL, "http://"), Link: &dashboard.Link{State: dashboard.Off, Below: "pg wire"}},
		{Icon: "door", Name: "Database door", State: dashboard.Off, Says: "closed", Door: true, Link: &dashboard.Link{State: dashboard.Off}},
		{Icon: "database", Name: "PostgreSQL", State: dashboard.Off, Says: "not guarded"},
	}
	for i := range 3 {
		nodes[i].Link = &dashboard.Link{State: dashboard.Off}
	}
	if g.tunnel != nil {
		g.tunnelNodes(nodes, t)
	}
	if g.database != nil {
		g.databaseNodes(nodes, stateOf(health["database"].Status))
	}
	return nodes
}

func appWords(healthy bool, breaker string) string {
	switch {
	case breaker != "closed":
		return "circuit " + breaker
	case !healthy:
		return "does not answer"
	}
	return "answers"
}

// at is where the named door listens.
func (g *Gateway) at(door string) string {
	a := g.Addresses()
	if door == "http" {
		return a.HTTP
	}
	return a.Database
}

func (g *Gateway) tunnelNodes(nodes []dashboard.Node, t tunnel.Snapshot) {
	state := stateOf(g.checkTunnel().Status)
	reached := dashboard.Off
	if t.Probe.Class == "reached" {
		reached = dashboard.OK
	} else if !t.Probe.Last.IsZero() {
		reached = dashboard.Warn
	}
	nodes[0].Link = &dashboard.Link{State: reached, Above: msText(t.Probe.Latency), Below: "round trip"}
	nodes[1].State, nodes[1].Says = reached, string(t.Probe.Class)
	if !t.Certificate.NotAfter.IsZero() {
		nodes[1].Where = fmt.Sprintf("cert %d days", t.Certificate.DaysLeft)
	}
	nodes[1].Link = &dashboard.Link{State: state, Above: fmt.Sprintf("%d connections", t.ReadyConnections), Below: t.Protocol}
	nodes[2].State, nodes[2].Says = state, strings.ToLower(string(t.State))
	if t.PID > 0 {
		nodes[2].Where = fmt.Sprintf("pid %d", t.PID)
	}
	nodes[2].Link = &dashboard.Link{State: state, Below: "loopback"}
}

func (g *Gateway) databaseNodes(nodes []dashboard.Node, state dashboard.State) {
	s := g.database.guard.Snapshot()
	nodes[4].Link = &dashboard.Link{State: dashboard.OK, Below: "pg wire"}
	nodes[5].State, nodes[5].Says, nodes[5].Where = dashboard.OK, string(s.Limits.Screen)+" mode", g.at("database")
	nodes[5].Link = &dashboard.Link{State: state, Above: msText(s.Health.Latency), Below: "circuit " + s.CircuitBreaker.State}
	nodes[6].State, nodes[6].Says = state, fmt.Sprintf("%d of %d busy", s.Metrics.Pool.Active, s.Metrics.Pool.Max)
	nodes[6].Where = fmt.Sprintf("%d idle", s.Metrics.Pool.Idle)
}

// fixes are cards for what is broken and can be told with its cure.
func (g *Gateway) fixes() []dashboard.Panel {
	var cards []dashboard.Panel
	n := g.current.Load()
	if c := g.checkApp(); c.Status == unhealthy {
		cards = append(cards, dashboard.Panel{Kind: "fix", ID: "fix-app", Fix: &dashboard.Fix{
			State: dashboard.Bad, Title: "The app does not answer", Text: c.Reason,
			Evidence: []dashboard.Fact{{Name: "http.upstream", Value: n.cfg.HTTP.App.URL}},
			Cure:     "See who listens there, and start the app on that very address:", Commands: []string{"sallyport doctor"},
		}})
	}
	for _, i := range g.tunnelPart().Incidents {
		cards = append(cards, dashboard.Panel{Kind: "fix", ID: "fix-" + string(i.Cause), Fix: &dashboard.Fix{
			State: dashboard.Bad, Title: string(i.Cause), Text: i.Summary, Evidence: []dashboard.Fact{{Name: "since", Value: i.Since.Format("15:04:05 MST")}},
			Cure: "What the supervisor knows, and what mends it:", Commands: []string{"sallyport tunnel status"},
		}})
	}
	for _, d := range g.driftPart().Items {
		cards = append(cards, dashboard.Panel{Kind: "fix", ID: "fix-drift-" + d.Fact, Fix: &dashboard.Fix{
			State: dashboard.Warn, Title: d.Fact + " has drifted", Text: "Declared " + d.Declared + ", observed " + d.Observed + ".",
			Evidence: []dashboard.Fact{{Name: "source", Value: d.Source}}, Cure: "Make them equal, then:", Commands: []string{"sallyport drift"},
		}})
	}
	return cards
}

// readyPanel lists the health checks; the smoke test is run from the command line.
func readyPanel(health healthAnswer) dashboard.Panel {
	p := dashboard.Panel{Kind: "checks", ID: "ready", Title: "Ready to show?", Note: "live checks", Source: "/api/hardening/health", Width: "half"}
	for _, name := range sortedKeys(health.Checks) {
		c := health.Checks[name]
		p.Checks = append(p.Checks, dashboard.Check{State: stateOf(c.Status), Text: c.Reason, Right: name})
	}
	return p
}
