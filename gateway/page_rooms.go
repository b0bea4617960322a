package gateway

import (
	"fmt"

	"sallyport/dbguard"
	"sallyport/gateway/dashboard"
)

// viewDatabase is the database door in detail.
func (g *Gateway) viewDatabase(v *dashboard.View, _ healthAnswer) {
	v.Panels = []dashboard.Panel{g.heaviestPanel(20)}
	v.Panels[0].Width = ""
	if g.database == nil {
		return
	}
	m, s, w := g.databaseMetrics(), g.database.guard.Snapshot(), g.database.window.Snapshot()
	reset := dashboard.Action{Label: "Reset figures", Path: "/api/hardening/database/reset-metrics", Confirm: "Count from zero? Prometheus counters stay."}
	v.Panels = append(v.Panels,
		dashboard.Panel{Kind: "facts", ID: "queries", Title: "Queries", Width: "third", Note: "since " + timeText(m.Since), Source: "/api/hardening/database", Actions: []dashboard.Action{reset}, Facts: []dashboard.Fact{
			{Name: "in all", Value: grouped(m.TotalQueries)}, {Name: "success rate", Value: m.SuccessRate}, {Name: "mean and p95", Value: msText(m.AvgLatency) + ", " + msText(m.P95Latency)},
			warnIf("slow", int64(m.SlowQueries), dashboard.Warn), warnIf("failed", int64(m.FailedQueries), dashboard.Warn), warnIf("suspicious", int64(m.SuspiciousQueries), dashboard.Warn), warnIf("refused", int64(m.BlockedQueries), dashboard.Bad),
		}},
		dashboard.Panel{Kind: "facts", ID: "pool", Title: "Pool and circuit", Width: "third", Source: "/api/hardening/database", Note: "JSON", Facts: []dashboard.Fact{
			{Name: "busy, idle, at most", Value: fmt.Sprintf("%d, %d, %d", m.Pool.Active, m.Pool.Idle, m.Pool.Max)}, warnIf("clients waiting", int64(m.Pool.Waiting), dashboard.Warn), {Name: "circuit", Value: s.CircuitBreaker.State},
			{Name: "opened", Value: grouped(s.CircuitBreaker.Opened)}, {Name: "dials, failed", Value: grouped(s.CircuitBreaker.Dials) + ", " + grouped(s.CircuitBreaker.DialsFailed)},
			{Name: "complexity at most", Value: grouped(s.Limits.Complexity)}, {Name: "slow, stopped after", Value: msText(float64(s.Limits.SlowQueryMs)) + ", " + msText(float64(s.Limits.QueryTimeoutMs))},
		}},
		dashboard.Panel{Kind: "facts", ID: "window", Title: "Between the doors", Width: "third", Source: "/api/hardening/security", Note: "JSON", Facts: []dashboard.Fact{
			{Name: "mode", Value: string(s.Limits.CrossDoor)}, {Name: "requests read", Value: grouped(w.Requests)}, {Name: "statements asked about", Value: grouped(w.Asked)}, warnIf("crossings", w.Crossings, dashboard.Bad), warnIf("searches over budget", w.OverBudget, dashboard.Warn),
		}},
		slowPanel(s.SlowQueries), g.eventsPanel("database", "Events of this door"),
	)
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

func slowPanel(slow []dbguard.SlowQuery) dashboard.Panel {
	p := dashboard.Panel{Kind: "table", ID: "slow", Title: "Slow queries", Source: "/api/hardening/database", Note: "JSON", Empty: "No query was slow.", Table: &dashboard.Table{Head: []string{"At", "Took", "Query", "User"}, Numeric: []bool{false, true}}}
	for _, q := range slow[:min(len(slow), 20)] {
		p.Table.Rows = append(p.Table.Rows, []string{timeText(q.At), msText(q.DurationMs), clip(q.Query, 300), q.User})
	}
	return p
}
