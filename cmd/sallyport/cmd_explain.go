package main

import (
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"
)

// event is one event of the journal, as the API shows it.
type event struct {
	At       time.Time         `json:"at"`
	Door     string            `json:"door"`
	Kind     string            `json:"kind"`
	Severity string            `json:"severity"`
	Client   string            `json:"client,omitempty"`
	Request  string            `json:"request,omitempty"`
	Summary  string            `json:"summary"`
	Detail   map[string]string `json:"detail,omitempty"`
}

// explanation is everything that is known of one id.
type explanation struct {
	ID      string         `json:"id"`
	Events  []event        `json:"events"`
	Queries []blockedQuery `json:"queries"`
}

func (p *program) explainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "explain ID", Short: "Tell what is known of a request or incident by the id that its visitor saw", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			x, err := p.explanation(cmd, args[0])
			if err != nil {
				return err
			}
			if p.json {
				err = p.answer("explain", x)
			} else {
				p.sayExplanation(x)
			}
			if err == nil && len(x.Events)+len(x.Queries) == 0 {
				return failed()
			}
			return err
		},
	}
	p.addAdminFlag(cmd)
	return cmd
}

func (p *program) explanation(cmd *cobra.Command, id string) (explanation, error) {
	x := explanation{ID: id, Events: []event{}, Queries: []blockedQuery{}}
	var all struct {
		Events []event `json:"events"`
	}
	if err := p.get(cmd, "/api/hardening/events?limit=10000", &all); err != nil {
		return x, err
	}
	for _, e := range all.Events {
		if e.Request == id || slices.Contains(slices.Collect(maps.Values(e.Detail)), id) {
			x.Events = append(x.Events, e)
		}
	}
	b, err := p.refusals(cmd)
	for _, q := range b.Queries {
		if q.Incident == id {
			x.Queries = append(x.Queries, q)
		}
	}
	return x, err
}

func (p *program) sayExplanation(x explanation) {
	if len(x.Events)+len(x.Queries) == 0 {
		p.say("nothing is known of %s; events are kept as long as history.keep says", oneLine(x.ID, 80))
		return
	}
	for _, e := range x.Events {
		p.say("%s  %s %s: %s", e.At.Local().Format(time.DateTime), e.Door, e.Kind, oneLine(e.Summary, 300))
		for _, name := range slices.Sorted(maps.Keys(e.Detail)) {
			p.say("    %s: %s", name, oneLine(e.Detail[name], 300))
		}
	}
	for _, q := range x.Queries {
		p.say("%s  refused with %s for %s: %s", q.At.Local().Format(time.DateTime), q.SQLState, q.User, oneLine(q.Query, 300))
		for i, rule := range q.Rules {
			if i < len(q.Reasons) {
				p.say("    %s: %s", rule, oneLine(q.Reasons[i], 300))
			}
		}
	}
}
