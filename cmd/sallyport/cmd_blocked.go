package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// blocked is what is shown of GET /api/hardening/database and /api/hardening/security.
type blocked struct {
	Queries []blockedQuery `json:"queries"`
	Holds   []hold         `json:"holds"`
}

type blockedQuery struct {
	At       time.Time `json:"at"`
	Incident string    `json:"incident"`
	SQLState string    `json:"sqlState"`
	Rules    []string  `json:"rules"`
	Reasons  []string  `json:"reasons"`
	Query    string    `json:"query"`
	User     string    `json:"user"`
	Client   string    `json:"client"`
	// Crossing names the request that the statement came from, nil where that is not known.
	Crossing *crossing `json:"crossing,omitempty"`
}

// crossing is a request with the input that became SQL; with the verdict "alone" or "traced" no input was found.
type crossing struct {
	Request   string `json:"request"`
	Client    string `json:"client"`
	Route     string `json:"route"`
	Source    string `json:"source"`
	Param     string `json:"param"`
	Verdict   string `json:"verdict"`
	Ambiguous bool   `json:"ambiguous"`
}

// from is who sent the statement, and by which route and parameter: the request's client where that is known, else the peer at the
// database door.
func (q blockedQuery) from() (client, route string) {
	if q.Crossing == nil {
		return q.Client, ""
	}
	return q.Crossing.Client, strings.TrimSpace(q.Crossing.Route + " " + q.Crossing.Param)
}

type hold struct {
	Client string    `json:"client"`
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until"`
	Reason string    `json:"reason"`
}

func (p *program) blockedCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "blocked", Short: "List the refused statements and the clients that are held off", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := p.refusals(cmd)
			if err != nil {
				return err
			}
			if p.json {
				return p.answer("blocked", b)
			}
			p.sayBlocked(b)
			return nil
		},
	}
	p.addAdminFlag(cmd)
	return cmd
}

func (p *program) refusals(cmd *cobra.Command) (blocked, error) {
	var database struct {
		Blocked []blockedQuery `json:"blocked"`
	}
	var security struct {
		Holds []hold `json:"holds"`
	}
	if err := p.get(cmd, "/api/hardening/database", &database); err != nil {
		return blocked{}, err
	}
	err := p.get(cmd, "/api/hardening/security", &security)
	return blocked{append([]blockedQuery{}, database.Blocked...), append([]hold{}, security.Holds...)}, err
}

func (p *program) sayBlocked(b blocked) {
	if len(b.Queries)+len(b.Holds) == 0 {
		p.say("nothing was refused and nobody is held off")
		return
	}
	rows := [][]string{}
	for _, q := range b.Queries {
		client, route := q.from()
		rows = append(rows, []string{q.At.Local().Format("15:04:05"), q.Incident, q.SQLState, strings.Join(q.Rules, ","), orDash(client), orDash(oneLine(route, 60)), oneLine(q.Query, 80)})
	}
	if len(rows) > 0 {
		p.table(append([][]string{{"AT", "INCIDENT", "SQLSTATE", "RULES", "CLIENT", "ROUTE AND PARAMETER", "STATEMENT"}}, rows...))
	}
	for _, h := range b.Holds {
		p.say("held off: %s until %s (%s); let go with: sallyport release %s", h.Client, h.Until.Local().Format("15:04:05"), oneLine(h.Reason, 80), h.Client)
	}
}

func (p *program) releaseCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "release CLIENT", Short: "Let go a client that is held off", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := p.ask(cmd, "POST", "/api/hardening/security/release", map[string]string{"client": args[0]})
			if err != nil {
				return err
			}
			var done struct {
				Client   string `json:"client"`
				Released bool   `json:"released"`
			}
			if err := r.Decode(&done); err != nil {
				return coded(err)
			}
			switch {
			case p.json:
				err = p.answer("release", done)
			case done.Released:
				p.say("%s may come in again", done.Client)
			default:
				p.say("%s was not held off", done.Client)
			}
			if err == nil && !done.Released {
				return failed()
			}
			return err
		},
	}
	p.addAdminFlag(cmd)
	return cmd
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// oneLine is text on one line without control characters, at most n characters.
func oneLine(text string, n int) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > n {
		return fmt.Sprintf("%s...", string(runes[:n-3]))
	}
	return text
}
