package gateway

import (
	"fmt"
	"strings"
	"time"

	"sallyport/gateway/alert"
	"sallyport/gateway/dashboard"
)

// viewAlerts shows who is told of what: open incidents, receivers, mutes with their end, and the rules.
func (g *Gateway) viewAlerts(v *dashboard.View, _ healthAnswer) {
	s := g.desk.Snapshot()
	v.Panels = []dashboard.Panel{openPanel(s), g.receiversPanel(s), g.mutesPanel(s), rulesPanel(), g.eventsPanel("", "Everything that happened")}
}

const (
	alertsAPI = "/api/hardening/alerts"
	mutePath  = "/api/hardening/alerts/mute"
)

func muteAction(label, cause, span string) dashboard.Action {
	return dashboard.Action{Label: label, Path: mutePath, Body: map[string]string{"cause": cause, "for": span, "why": "from the page"}}
}

func openPanel(s alert.Snapshot) dashboard.Panel {
	t := &dashboard.Table{Head: []string{"Cause", "What", "Since"}}
	for _, i := range s.Open {
		says := i.Summary
		if i.Flapping {
			says += " It comes and goes."
		}
		if i.Muted {
			says += " Muted."
		}
		t.Rows = append(t.Rows, []string{i.Cause, says, timeText(i.Since)})
		t.States = append(t.States, severityState(i.Severity))
		t.RowActions = append(t.RowActions, muteAction("Mute for 1 h", i.Cause, "1h"))
	}
	return dashboard.Panel{
		Kind: "table", ID: "open", Title: "Open incidents", Source: alertsAPI, Note: fmt.Sprintf("%d open", len(s.Open)), Table: t,
		Empty: "Nothing is wrong that anybody would be told of.",
	}
}

// receiversPanel lists the channels; a message that is still waiting is the first sign of one that does not work.
func (g *Gateway) receiversPanel(s alert.Snapshot) dashboard.Panel {
	t := &dashboard.Table{Head: []string{"Receiver", "Delivered", "Failed", "Newest", "Tested", "Last error"}, Numeric: []bool{false, true, true}}
	for _, c := range s.Channels {
		state := dashboard.State("")
		if c.LastError != "" {
			state = dashboard.Bad
		}
		t.Rows = append(t.Rows, []string{c.Name, grouped(c.Sent), grouped(c.Failed), timeText(c.LastSent), timeText(c.Tested), orDash(c.LastError)})
		t.States = append(t.States, state)
	}
	p := dashboard.Panel{
		Kind: "table", ID: "receivers", Title: "Receivers", Source: alertsAPI, Note: waitingText(s), Width: "wide", Table: t,
		Empty: "Nobody is told: set alerts.slack, alerts.webhook or alerts.email.",
	}
	if len(s.Channels) > 0 {
		p.Actions = []dashboard.Action{{Label: "Send a test to all", Busy: "Sending…", Path: "/api/hardening/alerts/test"}}
	}
	return p
}

func waitingText(s alert.Snapshot) string {
	words := []string{fmt.Sprintf("%d waiting", s.Waiting)}
	if s.Dropped > 0 {
		words = append(words, fmt.Sprintf("%d given up", s.Dropped))
	}
	if s.HeldBack > 0 {
		words = append(words, fmt.Sprintf("%d held back this hour", s.HeldBack))
	}
	return strings.Join(words, " · ")
}

func (g *Gateway) mutesPanel(s alert.Snapshot) dashboard.Panel {
	t := &dashboard.Table{Head: []string{"Cause", "Ends", "By"}}
	now := g.clock()
	for _, m := range s.Mutes {
		if !now.Before(m.Until) {
			continue
		}
		cause := m.Cause
		if cause == "*" {
			cause = "everything"
		}
		t.Rows = append(t.Rows, []string{cause, fmt.Sprintf("%s, in %s", m.Until.Format("15:04 MST"), longer(m.Until.Sub(now))), orDash(m.By)})
		t.States = append(t.States, dashboard.Warn)
		t.RowActions = append(t.RowActions, muteAction("End", m.Cause, "0s"))
	}
	return dashboard.Panel{
		Kind: "table", ID: "mutes", Title: "Muted", Source: alertsAPI, Note: fmt.Sprintf("%d muted", len(t.Rows)), Width: "half", Table: t, Empty: "Nothing is muted.",
		Actions: []dashboard.Action{muteAction("Mute everything for 1 h", "*", "1h")},
	}
}

func rulesPanel() dashboard.Panel {
	t := &dashboard.Table{Head: []string{"Cause", "Severity", "Opens on"}}
	for _, r := range alertRules() {
		opens := strings.Join(r.Begin, ", ")
		if r.Count > 1 {
			opens += fmt.Sprintf(" %d times in %s", r.Count, spanText(r.Within))
		}
		t.Rows = append(t.Rows, []string{r.Cause, string(r.Severity), opens})
	}
	return dashboard.Panel{Kind: "table", ID: "rules", Title: "Rules", Source: alertsAPI, Note: fmt.Sprintf("%d rules", len(t.Rows)), Table: t}
}

// spanText is a length of time without zero parts: "5m", "1h".
func spanText(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
