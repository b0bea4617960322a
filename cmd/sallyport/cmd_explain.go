package main

import (
	"maps"
	"net/http"
	"net/url"
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
	ID string `json:"id"`
	// Request is what the stages of the HTTP door made of it, nil where they do not remember it.
	Request *explainedRequest `json:"request"`
	Events  []event           `json:"events"`
	Queries []blockedQuery    `json:"queries"`
}

// explainedRequest is GET /api/hardening/explain.
type explainedRequest struct {
	Request struct {
		At      time.Time `json:"at"`
		Client  string    `json:"client"`
		Method  string    `json:"method"`
		Path    string    `json:"path"`
		Status  int       `json:"status"`
		TookMs  float64   `json:"tookMs"`
		Refused string    `json:"refused"`
	} `json:"request"`
	Generation int `json:"generation"`
	Decisions  []struct {
		Stage   string `json:"stage"`
		Verdict string `json:"verdict"`
		Setting string `json:"setting"`
		Value   string `json:"value"`
		Origin  string `json:"origin"`
	} `json:"decisions"`
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
			if err == nil && x.empty() {
				return failed()
			}
			return err
		},
	}
	p.addAdminFlag(cmd)
	return cmd
}

// empty reports that nothing is known.
func (x explanation) empty() bool { return x.Request == nil && len(x.Events)+len(x.Queries) == 0 }

func (p *program) explanation(cmd *cobra.Command, id string) (explanation, error) {
	x := explanation{ID: id, Events: []event{}, Queries: []blockedQuery{}}
	request, err := p.explainedRequest(cmd, id)
	if err != nil {
		return x, err
	}
	x.Request = request
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

// explainedRequest asks what the stages remember of id, nil where nothing.
func (p *program) explainedRequest(cmd *cobra.Command, id string) (*explainedRequest, error) {
	r, err := p.ask(cmd, "GET", "/api/hardening/explain?"+url.Values{"id": {id}}.Encode(), nil)
	if err != nil || r.Status == http.StatusNotFound {
		return nil, err
	}
	var x explainedRequest
	return &x, coded(r.Decode(&x))
}

func (p *program) sayExplanation(x explanation) {
	if x.empty() {
		p.say("nothing is known of %s; the newest thousand requests are, and events as long as history.keep says", oneLine(x.ID, 80))
		return
	}
	if x.Request != nil {
		p.sayDecisions(*x.Request)
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

// sayDecisions tells each decision of a request with the place of the setting that made it.
func (p *program) sayDecisions(x explainedRequest) {
	r := x.Request
	p.say("%s  %s %s of %s: %d in %.1f ms, under settings generation %d", r.At.Local().Format(time.DateTime), r.Method, oneLine(r.Path, 200), r.Client, r.Status, r.TookMs, x.Generation)
	rows := [][]string{{"STAGE", "DECISION", "SETTING", "SET BY"}}
	for _, d := range x.Decisions {
		setting := orDash(d.Setting)
		if d.Value != "" {
			setting += ": " + d.Value
		}
		rows = append(rows, []string{d.Stage, oneLine(d.Verdict, 120), oneLine(setting, 120), orDash(oneLine(d.Origin, 200))})
	}
	p.table(rows)
}
