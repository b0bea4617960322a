package main

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
)

func (p *program) tunnelHistoryCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "history", Short: "List the changes of the tunnel's state and its incidents, oldest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			t, err := p.tunnelStanding(cmd)
			if err != nil {
				return err
			}
			var all struct {
				Events []event `json:"events"`
			}
			if err := p.get(cmd, "/api/hardening/events?door=tunnel&limit=500", &all); err != nil {
				return err
			}
			slices.SortStableFunc(all.Events, func(a, b event) int { return a.At.Compare(b.At) })
			return p.answerOr("tunnel-history", struct {
				Changes []change `json:"changes"`
				Events  []event  `json:"events"`
			}{t.Changes, append([]event{}, all.Events...)}, func() { p.sayHistory(t.Changes, all.Events) })
		},
	}
	p.addAdminFlag(cmd)
	return cmd
}

// sayHistory shows changes and events in the order of their time.
func (p *program) sayHistory(changes []change, events []event) {
	type line struct {
		at   time.Time
		text string
	}
	var lines []line
	for _, c := range changes {
		text := c.State
		if c.Cause != "" {
			text += " " + c.Cause
		}
		if c.PID != 0 {
			text += fmt.Sprintf(" (pid %d)", c.PID)
		}
		lines = append(lines, line{c.At, text})
	}
	for _, e := range events {
		lines = append(lines, line{e.At, cmp.Or(e.Detail["state"], e.Kind) + ": " + oneLine(e.Summary, 300)})
	}
	slices.SortStableFunc(lines, func(a, b line) int { return a.at.Compare(b.at) })
	if len(lines) == 0 {
		p.say("nothing has happened yet")
	}
	for _, l := range lines {
		p.say("%s  %s", local(l.at), l.text)
	}
}

func (p *program) tunnelDriftCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "drift", Short: "Show cloudflared's rules in force; exit 1 where they do not lead to the HTTP door", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			t, err := p.tunnelStanding(cmd)
			if err != nil {
				return err
			}
			r := t.Tunnel.Rules
			err = p.answerOr("tunnel-drift", struct {
				OK      bool          `json:"ok"`
				Version int           `json:"version"`
				Finding string        `json:"finding"`
				Ingress []ingressRule `json:"ingress"`
			}{r.OK, r.Version, r.Finding, t.Ingress}, func() { p.sayRules(t) })
			if err == nil && !r.OK {
				return failed()
			}
			return err
		},
	}
	p.addAdminFlag(cmd)
	return cmd
}

func (p *program) sayRules(t tunnelStanding) {
	if len(t.Ingress) > 0 {
		rows := [][]string{{"RULE", "HOST", "PATH", "SERVICE"}}
		for i, r := range t.Ingress {
			rows = append(rows, []string{fmt.Sprint(i + 1), cmp.Or(r.Hostname, "every host"), orDash(r.Path), r.Service})
		}
		p.table(rows)
	}
	p.say("version %d: %s", t.Tunnel.Rules.Version, ruleText(t.Tunnel.Rules.OK, t.Tunnel.Rules.Finding))
}
