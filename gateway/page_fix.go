package gateway

import (
	"strings"

	"sallyport/gateway/dashboard"
	"sallyport/gateway/tunnel"
)

// splitFact is the fact that two processes share a port, as preflight names it.
const splitFact = "one owner per port"

// fixes are cards for what is broken and can be told with its cure, worst first.
func (g *Gateway) fixes() []dashboard.Panel {
	var cards []dashboard.Panel
	add := func(id string, f dashboard.Fix) {
		cards = append(cards, dashboard.Panel{Kind: "fix", ID: "fix-" + id, Fix: &f})
	}
	drifted, incidents := g.driftPart().Items, g.tunnelPart().Incidents
	for _, d := range drifted {
		if d.Fact == splitFact {
			add("split", driftFix(d))
		}
	}
	if c := g.checkApp(); c.Status == unhealthy {
		add("app", dashboard.Fix{
			State: dashboard.Bad, Title: "The app does not answer", Text: c.Reason,
			Evidence: []dashboard.Fact{{Name: "http.upstream", Value: g.current.Load().cfg.HTTP.App.URL}},
			Cure:     "See who listens there, and start the app on that very address:", Commands: []string{"sallyport doctor"},
		})
	}
	for _, i := range incidents {
		add(string(i.Cause), g.incidentFix(i))
	}
	for _, d := range drifted {
		if d.Fact != splitFact && (d.Fact != "tunnel rule" || len(incidents) == 0) {
			add("drift-"+d.Fact, driftFix(d))
		}
	}
	return cards
}

// driftFix says what is not as declared, with the evidence and the command that the check knows.
func driftFix(d driftItem) dashboard.Fix {
	f := dashboard.Fix{
		State: dashboard.Warn, Title: "Not as declared: " + d.Fact, Text: "Declared is " + d.Declared + ". " + sentence(d.Observed),
		Cure: "Make them equal:", Commands: []string{"sallyport drift"},
	}
	if d.Fact == splitFact {
		f.State, f.Title, f.Text = dashboard.Bad, "A port is split between two processes", "Tests that say localhost and the tunnel may reach different programs."
		f.Cure = "End the one that is not meant, and start the app on the declared address:"
	}
	for _, line := range d.Evidence {
		name, value, found := strings.Cut(line, " is ")
		if !found {
			name, value = "", line
		}
		f.Evidence = append(f.Evidence, dashboard.Fact{Name: name, Value: value})
	}
	f.Evidence = append(f.Evidence, dashboard.Fact{Name: "since", Value: timeText(d.Since)})
	if d.Fix != "" {
		f.Commands = []string{d.Fix}
	}
	return f
}

// sentence is text as one, where it begins with an ordinary word.
func sentence(text string) string {
	first, _, _ := strings.Cut(text, " ")
	plain := strings.IndexFunc(first, func(r rune) bool { return r < 'a' || r > 'z' }) < 0
	if plain && first != "" && first != "cloudflared" && first != "localhost" {
		text = strings.ToUpper(text[:1]) + text[1:]
	}
	return strings.TrimSuffix(text, ".") + "."
}

// incidentFix says what the supervisor knows and what a person can do about it.
func (g *Gateway) incidentFix(i tunnel.OpenIncident) dashboard.Fix {
	state := dashboard.Warn
	if i.Severity == tunnel.Critical {
		state = dashboard.Bad
	}
	w, known := causeWords[i.Cause]
	if !known {
		w = words{title: string(i.Cause)}
	}
	if w.cure == "" {
		w.cure, w.command = "What the supervisor knows of it:", "sallyport tunnel status"
	}
	if i.Cause == tunnel.Bypass || i.Cause == tunnel.Drift {
		w.command = "service: http://" + g.current.Load().cfg.HTTP.Listen
	}
	return dashboard.Fix{
		State: state, Title: w.title, Text: sentence(i.Summary), Cure: w.cure, Commands: []string{w.command},
		Evidence: []dashboard.Fact{{Name: "cause", Value: string(i.Cause)}, {Name: "since", Value: timeText(i.Since)}},
	}
}

// words are a cause as people say it, with what helps; no cure means that the status tells more.
type words struct{ title, cure, command string }

var causeWords = map[tunnel.Cause]words{
	tunnel.Crash:        {title: "cloudflared crashed"},
	tunnel.Hung:         {title: "cloudflared does not answer"},
	tunnel.Stopped:      {title: "cloudflared was stopped"},
	tunnel.RouteLost:    {title: "The tunnel has lost its route"},
	tunnel.QUICBlocked:  {title: "This network blocks QUIC"},
	tunnel.NetworkDown:  {title: "This machine has no network"},
	tunnel.Disconnected: {title: "cloudflared is not connected to Cloudflare"},
	tunnel.Auth:         {"Cloudflare refuses the tunnel's secrets", "Replace the token file, then let it try again:", "sallyport tunnel release"},
	tunnel.Credentials:  {"The tunnel's credentials cannot be used", "Put a backup in place:", "sallyport tunnel restore"},
	tunnel.Usage:        {title: "cloudflared refuses its arguments"},
	tunnel.BadConfig:    {title: "cloudflared refuses its configuration"},
	tunnel.Binary:       {title: "The cloudflared executable is not the pinned one"},
	tunnel.StateInUse:   {title: "Another gateway supervises this tunnel"},
	tunnel.CrashLoop:    {"cloudflared keeps crashing; the restarts of this hour are used up", "Mend the cause, then let it try again:", "sallyport tunnel release"},
	tunnel.Bypass:       {title: "The tunnel leads past the HTTP door", cure: "Visitors reach the app unguarded. In cloudflared's rule for this host write:"},
	tunnel.Drift:        {title: "cloudflared's rules are not as declared", cure: "In cloudflared's rule for this host write:"},
	tunnel.Foreign:      {title: "Another connector serves this tunnel too"},
	tunnel.NotOurs:      {"The public URL is answered by another process", "See who listens where:", "sallyport doctor"},
	tunnel.Direct:       {title: "The public URL does not lead through Cloudflare"},
	tunnel.OriginDown:   {"cloudflared does not reach the HTTP door", "See who listens where:", "sallyport doctor"},
	tunnel.PublicDNS:    {title: "The public name does not resolve"},
	tunnel.TLS:          {title: "The public certificate is not accepted"},
	tunnel.Unreachable:  {title: "The public URL does not answer"},
	tunnel.CertExpiring: {title: "The public certificate ends soon"},
	tunnel.BackupFailed: {"The tunnel's secrets could not be backed up", "Try it and see why:", "sallyport tunnel backup"},
	tunnel.OperatorHold: {"The tunnel is held by an operator", "Let it connect again:", "sallyport tunnel release"},
}
