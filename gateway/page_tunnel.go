package gateway

import (
	"fmt"
	"slices"

	"sallyport/gateway/dashboard"
	"sallyport/gateway/tunnel"
)

const tunnelAPI = "/api/hardening/tunnel"

// viewTunnel is the supervisor in detail.
func (g *Gateway) viewTunnel(v *dashboard.View, _ healthAnswer) {
	if g.tunnel == nil {
		v.Panels = []dashboard.Panel{{Kind: "facts", ID: "tunnel", Title: "No tunnel is supervised", Note: "set tunnel.run or tunnel.metrics", Facts: []dashboard.Fact{{Name: "what this means", Value: "cloudflared is neither started nor watched; nothing is probed through the public URL"}}}}
		v.Panels = append(v.Panels, g.appPanels()...)
		return
	}
	t := g.tunnel.Snapshot()
	beats := g.probeBeats()
	v.Panels = append(v.Panels, dashboard.Panel{
		Kind: "beats", ID: "beats", Title: "Probes through the public URL", Source: tunnelAPI, Note: fmt.Sprintf("the last %d", len(beats)), Empty: "No probe was sent yet.", Beats: beats,
	}, g.processPanel(t), publicPanel(t), g.rulesTable(), binaryPanel(t), g.changesPanel(), g.eventsPanel("tunnel", "Incidents"))
	v.Panels = append(v.Panels, g.appPanels()...)
}

func (g *Gateway) processPanel(t tunnel.Snapshot) dashboard.Panel {
	p := dashboard.Panel{Kind: "facts", ID: "state", Title: "cloudflared", Width: "half", Source: tunnelAPI, Note: "JSON", Facts: []dashboard.Fact{
		{Name: "state", Value: string(t.State) + " for " + longer(g.clock().Sub(t.Since))}, {Name: "cause", Value: orDash(string(t.Cause))}, {Name: "pid", Value: numberOrDash(t.PID)}, {Name: "version", Value: orDash(t.Version)},
		{Name: "connections, protocol", Value: fmt.Sprintf("%d, %s", t.ReadyConnections, orDash(t.Protocol))}, {Name: "restarts in the last hour", Value: fmt.Sprintf("%d of %d", t.Restarts.Used, t.Restarts.Budget)},
	}}
	if t.Cause != "" {
		p.Facts[1].State = dashboard.Warn
	}
	if t.Mode == "run" {
		p.Actions = []dashboard.Action{{Label: "Restart", Busy: "Restarting…", Path: tunnelAPI + "/restart", Confirm: "Restart cloudflared? A second connector is started first where that can be."}}
		if t.State == tunnel.Held {
			p.Actions = append(p.Actions, dashboard.Action{Label: "Release", Path: tunnelAPI + "/release"})
		}
	}
	return p
}

func publicPanel(t tunnel.Snapshot) dashboard.Panel {
	certificate := dashboard.Fact{Name: "certificate", Value: "not seen yet"}
	if !t.Certificate.NotAfter.IsZero() {
		certificate.Value = fmt.Sprintf("%d days left, %s", t.Certificate.DaysLeft, orDash(t.Certificate.Issuer))
	}
	return dashboard.Panel{Kind: "facts", ID: "probe", Title: "Through the public URL", Width: "wide", Source: tunnelAPI, Note: "JSON", Facts: []dashboard.Fact{
		{Name: "newest probe", Value: timeText(t.Probe.Last)}, {Name: "class", Value: orDash(string(t.Probe.Class))}, {Name: "meaning", Value: orDash(t.Probe.Meaning)}, {Name: "round trip", Value: tripText(t)}, certificate,
	}, Actions: []dashboard.Action{{Label: "Probe now", Busy: "Probing…", Path: tunnelAPI + "/probe"}}}
}

// rulesTable sets the rules that cloudflared has in force beside where they must lead.
func (g *Gateway) rulesTable() dashboard.Panel {
	cfg := g.current.Load().cfg
	want := cfg.Tunnel.Service
	if want == "" {
		want = "http://" + cfg.HTTP.Listen
	}
	r := g.tunnel.Snapshot().Rules
	t := &dashboard.Table{Head: []string{"Host", "Path", "Leads to", "Must lead to"}}
	host := siteOf(cfg.PublicURL)
	for _, rule := range g.tunnel.Ingress() {
		row := []string{orAll(rule.Hostname), orAll(rule.Path), rule.Service, "–"}
		state := dashboard.State("")
		if rule.Hostname == host || rule.Hostname == "" && host == "" {
			row[3] = want
			if rule.Service != want {
				state = dashboard.Bad
			}
		}
		t.Rows, t.States = append(t.Rows, row), append(t.States, state)
	}
	note := "JSON"
	if r.Finding != "" {
		note = clip(r.Finding, 120)
	} else if r.OK {
		note = fmt.Sprintf("version %d leads to the HTTP door", r.Version)
	}
	return dashboard.Panel{Kind: "table", ID: "rules", Title: "Rules in force against what is declared", Source: tunnelAPI, Note: note, Table: t, Empty: "cloudflared has not told its rules yet."}
}

func orAll(s string) string {
	if s == "" {
		return "every"
	}
	return s
}

func numberOrDash(n int) string {
	if n == 0 {
		return "–"
	}
	return fmt.Sprint(n)
}

func binaryPanel(t tunnel.Snapshot) dashboard.Panel {
	pinned := dashboard.Fact{Name: "SHA-256", Value: "not pinned: set tunnel.run.sha256"}
	switch {
	case t.Binary.Pinned && t.Binary.Verified:
		pinned = dashboard.Fact{Name: "SHA-256", Value: "pinned, and the running image has it", State: dashboard.OK}
	case t.Binary.Pinned:
		pinned = dashboard.Fact{Name: "SHA-256", Value: "pinned, not verified", State: dashboard.Bad}
	}
	backup := dashboard.Fact{Name: "newest backup", Value: timeText(t.Backup.Last)}
	if t.Backup.Error != "" {
		backup = dashboard.Fact{Name: "newest backup", Value: clip(t.Backup.Error, 120), State: dashboard.Bad}
	}
	p := dashboard.Panel{Kind: "facts", ID: "binary", Title: "Executable and backups", Width: "half", Source: tunnelAPI, Note: "JSON", Facts: []dashboard.Fact{
		{Name: "executable", Value: orDash(t.Binary.Path)}, pinned, backup, {Name: "backups kept", Value: grouped(t.Backup.Kept)},
	}}
	if !t.Backup.Last.IsZero() || t.Backup.Error != "" {
		p.Actions = []dashboard.Action{{Label: "Back up now", Busy: "Backing up…", Path: tunnelAPI + "/backup"}}
	}
	return p
}

// changesPanel lists the newest changes of state, newest first.
func (g *Gateway) changesPanel() dashboard.Panel {
	t := &dashboard.Table{Head: []string{"At", "State", "Cause", "pid"}, Numeric: []bool{false, false, false, true}}
	changes := g.tunnel.History()
	slices.Reverse(changes)
	for _, c := range changes[:min(len(changes), 12)] {
		t.Rows = append(t.Rows, []string{timeText(c.At), string(c.State), orDash(string(c.Cause)), numberOrDash(c.PID)})
	}
	return dashboard.Panel{Kind: "table", ID: "changes", Title: "Restarts and their causes", Width: "wide", Source: tunnelAPI, Note: "JSON", Table: t, Empty: "Nothing has changed since the start."}
}

// appPanels show the app's process where it is ours.
func (g *Gateway) appPanels() []dashboard.Panel {
	if g.appRun == nil {
		return nil
	}
	a := g.appPart()
	return []dashboard.Panel{{Kind: "facts", ID: "app-process", Title: "The app's process", Source: "/api/hardening/app", Note: "JSON", Facts: []dashboard.Fact{
		{Name: "state", Value: string(a.State)}, {Name: "cause", Value: orDash(string(a.Cause))}, {Name: "pid", Value: numberOrDash(a.PID)}, {Name: "restarts in the last hour", Value: fmt.Sprintf("%d of %d", a.Restarts.Used, a.Restarts.Budget)},
	}, Actions: []dashboard.Action{{Label: "Restart the app", Busy: "Restarting…", Path: "/api/hardening/app/restart", Confirm: "Restart the app? Requests wait or fail meanwhile."}}}}
}
