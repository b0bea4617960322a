package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"sallyport/gateway/journal"
)

// complianceAnswer is GET /api/hardening/compliance?from=&to=&format=json|md: what guards were on, when, and what they refused.
type complianceAnswer struct {
	Status    string          `json:"status"`
	Timestamp string          `json:"timestamp"`
	From      string          `json:"from"`
	To        string          `json:"to"`
	Version   string          `json:"version"`
	Guards    []guardState    `json:"guards"`
	Changes   []journal.Event `json:"changes"`
	Refusals  []journal.Count `json:"refusals"`
	Totals    map[string]int  `json:"totals"`
	// Covered is the share of the range's minutes of which figures are there, 0..1.
	Covered float64 `json:"covered"`
}

// guardState is one guard as it stands now; Changes tell when that was otherwise.
type guardState struct {
	Name    string `json:"name"`
	Mode    string `json:"mode"`
	Setting string `json:"setting"`
	Origin  string `json:"origin"`
}

// guardSettings are the settings that say which guards are on, in order of the report.
var guardSettings = []struct{ name, key string }{
	{"Security headers", "http.headers"}, {"Rate limit, requests", "http.rate_limit.requests"}, {"Rate limit, period", "http.rate_limit.per"},
	{"Body size", "http.body_max"}, {"CORS origins", "http.cors.origins"}, {"Only our own tunnel", "http.require_tunnel"},
	{"SQL screening", "database.screen"}, {"Cross-door detection", "database.cross_door"}, {"Query complexity", "database.limits.complexity"},
	{"Query timeout", "database.limits.query_timeout"}, {"Allow-list", "database.allow_list.mode"}, {"Admin API on the public door", "admin.on_door"},
}

// changeKinds are events after which guards may stand otherwise.
var changeKinds = []string{"started", "stopped", "settings-reloaded", "settings-refused", "metrics-reset", "client-released"}

func (g *Gateway) getCompliance(c *gin.Context) {
	from, errFrom := timeOf(c.Query("from"))
	to, errTo := timeOf(c.Query("to"))
	if to.IsZero() {
		to = g.clock()
	}
	if from.IsZero() {
		from = to.Add(-30 * 24 * time.Hour)
	}
	if errors.Join(errFrom, errTo) != nil || !from.Before(to) {
		refuse(c, http.StatusBadRequest, "from and to are times such as 2026-01-31T14:00:00Z, and from is earlier")
		return
	}
	a, err := g.compliance(c, from.UTC(), to.UTC())
	switch {
	case errors.Is(err, journal.ErrNotOpen):
		refuse(c, http.StatusConflict, "There is no history to report on: set history.path.")
	case err != nil:
		g.log.Warn("compliance", "error", err)
		refuse(c, http.StatusServiceUnavailable, "The history cannot be read.")
	case c.Query("format") == "md":
		c.Data(http.StatusOK, "text/markdown; charset=utf-8", []byte(a.markdown()))
	default:
		c.JSON(http.StatusOK, a)
	}
}

// compliance gathers the report from the settings and the history.
func (g *Gateway) compliance(c *gin.Context, from, to time.Time) (complianceAnswer, error) {
	ctx := c.Request.Context()
	a := complianceAnswer{
		Status: "ok", Timestamp: g.timestamp(), From: from.Format(time.RFC3339), To: to.Format(time.RFC3339), Version: g.parts.Version,
		Guards: g.guards(), Changes: []journal.Event{}, Refusals: []journal.Count{}, Totals: map[string]int{},
	}
	counts, err := g.history.Counts(ctx, from, to)
	if err != nil {
		return a, err
	}
	for _, n := range counts {
		if n.Severity != journal.Info && (n.Door == "http" || n.Door == "database") {
			a.Refusals = append(a.Refusals, n)
		}
	}
	for _, kind := range changeKinds {
		events, err := g.history.Events(ctx, journal.EventQuery{From: from, To: to, Kind: kind, Limit: 200})
		if err != nil {
			return a, err
		}
		a.Changes = append(a.Changes, events...)
	}
	tracks, err := g.history.Series(ctx, []string{"requests", "queries", "refused", "blocked"}, from, to, to.Sub(from))
	for _, t := range tracks {
		for _, v := range t.Points {
			if v == v { // not NaN
				a.Totals[t.Name] += int(v)
			}
		}
	}
	if err == nil {
		a.Covered, err = g.covered(c, from, to)
	}
	return a, err
}

// covered is the share of the range's minutes in which the gateway kept figures.
func (g *Gateway) covered(c *gin.Context, from, to time.Time) (float64, error) {
	tracks, err := g.history.Series(c.Request.Context(), []string{"up"}, from, to, time.Minute)
	if err != nil || len(tracks) == 0 {
		return 0, err
	}
	there := 0
	for _, v := range tracks[0].Points {
		if v == v { // not NaN
			there++
		}
	}
	return float64(there) / float64(len(tracks[0].Points)), nil
}

// guards are the guards as the settings have them.
func (g *Gateway) guards() []guardState {
	values := map[string][2]string{}
	for _, v := range g.current.Load().cfg.Explain() {
		values[v.Key] = [2]string{v.Value, v.Origin}
	}
	states := []guardState{}
	for _, s := range guardSettings {
		if v, known := values[s.key]; known {
			states = append(states, guardState{s.name, v[0], s.key, v[1]})
		}
	}
	return states
}

// markdown is the report for people.
func (a complianceAnswer) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# What Sallyport guarded\n\n%s to %s, written %s by version %s. Figures cover %.1f %% of the minutes.\n\n", a.From, a.To, a.Timestamp, a.Version, 100*a.Covered)
	b.WriteString("## Guards as they stand\n\n| guard | mode | setting | from |\n|---|---|---|---|\n")
	for _, g := range a.Guards {
		fmt.Fprintf(&b, "| %s | %s | `%s` | %s |\n", cell(g.Name), cell(g.Mode), g.Setting, cell(g.Origin))
	}
	fmt.Fprintf(&b, "\n## Traffic\n\n%d requests, %d refused; %d queries, %d blocked.\n\n", a.Totals["requests"], a.Totals["refused"], a.Totals["queries"], a.Totals["blocked"])
	b.WriteString("## Refusals\n\nEvents; a flood of one client is one event a minute.\n\n| door | kind | severity | events | first | last |\n|---|---|---|---:|---|---|\n")
	for _, r := range a.Refusals {
		fmt.Fprintf(&b, "| %s | %s | %s | %d | %s | %s |\n", r.Door, r.Kind, r.Severity, r.Events, micro(r.First), micro(r.Last))
	}
	b.WriteString("\n## Changes\n\n| when | what |\n|---|---|\n")
	for _, e := range a.Changes {
		fmt.Fprintf(&b, "| %s | %s |\n", e.At.UTC().Format(time.RFC3339), cell(e.Summary))
	}
	return b.String()
}

func micro(us int64) string { return time.UnixMicro(us).UTC().Format(time.RFC3339) }

// cell is text that stays in its cell of a table.
func cell(s string) string { return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;").Replace(s) }
