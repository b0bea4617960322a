package gateway

import (
	"context"
	"fmt"
	"strings"
	"time"

	"sallyport/gateway/dashboard"
	"sallyport/gateway/tunnel"
)

// viewOverview answers "is it working, and if not, what do I type".
func (g *Gateway) viewOverview(v *dashboard.View, health healthAnswer) {
	v.Panels = append(v.Panels, dashboard.Panel{Kind: "path", ID: "path", Nodes: g.nodes(health.Checks)})
	v.Panels = append(v.Panels, g.fixes()...)
	v.Panels = append(v.Panels,
		dashboard.Panel{Kind: "doors", ID: "doors", Doors: []dashboard.Door{g.httpCard(), g.databaseCard(), g.tunnelCard()}},
		g.chartPanel(), g.stoppedPanel(6), g.heaviestPanel(6), g.readyPanel(health),
	)
	v.Actions = []dashboard.Action{smokeAction("Run smoke test", true)}
}

func (g *Gateway) chartPanel() dashboard.Panel {
	return dashboard.Panel{
		Kind: "chart", ID: "chart", Title: "Requests and the SQL they cause", Source: "/api/hardening/history?range=1h", Note: "JSON", Width: "wide", Chart: g.liveChart(),
		Trends: g.trendWords(), Empty: "Recording began just now.",
	}
}

// trendWords say how the last hour stands against the same hour of past days; nil where no past day is known.
func (g *Gateway) trendWords() []dashboard.Trend {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	a, err := g.trends(ctx)
	if err != nil {
		return nil // told by the history's own check
	}
	var words []dashboard.Trend
	for _, t := range a.Trends {
		if t.Usual == nil || t.Now == nil || *t.Usual == 0 && *t.Now == 0 {
			continue
		}
		w := dashboard.Trend{Name: t.Name, Text: usualText(t)}
		if t.Odd {
			w.State = dashboard.Warn
		}
		words = append(words, w)
	}
	return words[:min(len(words), 4)]
}

// usualText says a figure against its usual one: "12 % above the same hour of 7 days".
func usualText(t trend) string {
	days := fmt.Sprintf("the same hour of %d days", t.Days)
	if t.Days == 1 {
		days = "the same hour yesterday"
	}
	switch {
	case t.Ratio == nil:
		return "none at " + days
	case *t.Ratio >= 1.05:
		return fmt.Sprintf("%.0f %% above %s", (*t.Ratio-1)*100, days)
	case *t.Ratio <= 0.95:
		return fmt.Sprintf("%.0f %% below %s", (1-*t.Ratio)*100, days)
	}
	return "as at " + days
}

// tripText is the newest round trip through the public URL; "–" where none was made.
func tripText(t tunnel.Snapshot) string {
	if t.Probe.Last.IsZero() || t.Probe.Latency == 0 {
		return "–"
	}
	return msText(t.Probe.Latency)
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
	g.splitNode(nodes)
	for i, source := range []string{"metrics", "tunnel", "tunnel", "metrics", "health", "database", "database"} {
		nodes[i].Source = "/api/hardening/" + source
	}
	return nodes
}

// splitNode marks the app where its port belongs to two processes.
func (g *Gateway) splitNode(nodes []dashboard.Node) {
	for _, d := range g.driftPart().Items {
		if d.Fact == splitFact && strings.Contains(d.Observed, "http.upstream") {
			nodes[3].Link = &dashboard.Link{State: dashboard.Bad, Above: "split port", Below: "IPv4 or IPv6?"}
			nodes[4].State, nodes[4].Says = dashboard.Bad, "2 listeners"
		}
	}
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
	nodes[0].Link = &dashboard.Link{State: reached, Above: tripText(t), Below: "round trip"}
	nodes[1].State, nodes[1].Says = reached, string(t.Probe.Class)
	if t.Probe.Last.IsZero() {
		nodes[1].Says = "not probed yet"
	}
	if !t.Certificate.NotAfter.IsZero() {
		nodes[1].Where = fmt.Sprintf("cert %d days", t.Certificate.DaysLeft)
	}
	nodes[1].Link = &dashboard.Link{State: state, Above: fmt.Sprintf("%d edges", t.ReadyConnections), Below: t.Protocol}
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
