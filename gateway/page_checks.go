package gateway

import (
	"fmt"
	"strings"
	"time"

	"sallyport/gateway/dashboard"
	"sallyport/gateway/preflight"
)

const checksAPI = "/api/hardening/checks"

func smokeAction(label string, strong bool) dashboard.Action {
	return dashboard.Action{Label: label, Busy: "Running…", Path: checksAPI + "/smoke", Strong: strong}
}

// viewChecks shows the newest runs of smoke and doctor, those before them, what is looked at all the time, and what has drifted.
func (g *Gateway) viewChecks(v *dashboard.View, health healthAnswer) {
	smoke, doctor := g.checks.of("smoke"), g.checks.of("doctor")
	v.Panels = []dashboard.Panel{
		runPanel("smoke", "Smoke test", "Not run yet. It asks the public URL, or the door where there is none, for what your visitors ask.", smoke),
		runPanel("doctor", "Doctor", "Not run yet. It looks at ports, owners, secrets, the database, the tunnel and this machine.", doctor),
		runsTable(smoke, doctor), livePanel(health), g.driftTable(),
	}
	v.Panels[0].Width, v.Panels[1].Width = "wide", "half"
	v.Panels[0].Actions = []dashboard.Action{smokeAction("Run smoke test now", false)}
	v.Panels[1].Actions = []dashboard.Action{{Label: "Run doctor now", Busy: "Running…", Path: checksAPI + "/doctor"}}
}

// runPanel shows the newest run of a list.
func runPanel(id, title, empty string, runs []checkRun) dashboard.Panel {
	p := dashboard.Panel{Kind: "checks", ID: id, Title: title, Source: checksAPI, Note: "JSON", Empty: empty}
	if len(runs) == 0 {
		return p
	}
	p.Note = id + " run " + timeText(runs[0].At) + " · " + tally(runs[0].Results)
	for _, r := range runs[0].Results {
		c := dashboard.Check{State: resultState(r.Status), Text: sentence(r.Found), Right: r.Check}
		if r.Status == preflight.Fail || r.Status == preflight.Warn {
			c.More = strings.Join(r.Evidence, " · ")
			if r.Fix != "" && c.More != "" {
				c.More += " · "
			}
			c.More += r.Fix
		}
		p.Checks = append(p.Checks, c)
	}
	return p
}

// tally counts what passed: "12 of 13 passed". What was skipped did not run.
func tally(results []preflight.Result) string {
	passed, ran := 0, 0
	for _, r := range results {
		if r.Status == preflight.OK {
			passed++
		}
		if r.Status != preflight.Skip {
			ran++
		}
	}
	return fmt.Sprintf("%d of %d passed", passed, ran)
}

func resultState(s preflight.Status) dashboard.State {
	switch s {
	case preflight.OK:
		return dashboard.OK
	case preflight.Warn:
		return dashboard.Warn
	case preflight.Fail:
		return dashboard.Bad
	}
	return dashboard.Off
}

// runsTable lists the runs before, both lists together, newest first.
func runsTable(smoke, doctor []checkRun) dashboard.Panel {
	t := &dashboard.Table{Head: []string{"At", "Checks", "By", "Result", "Took"}, Numeric: []bool{false, false, false, false, true}}
	for len(smoke)+len(doctor) > 0 && len(t.Rows) < 20 {
		name, from := "smoke", &smoke
		if len(smoke) == 0 || len(doctor) > 0 && doctor[0].At.After(smoke[0].At) {
			name, from = "doctor", &doctor
		}
		r := (*from)[0]
		*from = (*from)[1:]
		t.Rows = append(t.Rows, []string{timeText(r.At), name, r.By, tally(r.Results), msText(float64(r.TookMs))})
		state := resultState(r.Status)
		if state == dashboard.OK {
			state = ""
		}
		t.States = append(t.States, state)
	}
	return dashboard.Panel{Kind: "table", ID: "runs", Title: "Runs", Source: checksAPI, Note: "JSON", Table: t, Empty: "Neither was run yet."}
}

// livePanel lists what is looked at all the time.
func livePanel(health healthAnswer) dashboard.Panel {
	p := dashboard.Panel{Kind: "checks", ID: "live", Title: "Looked at all the time", Note: health.Status, Source: "/api/hardening/health"}
	for _, name := range sortedKeys(health.Checks) {
		c := health.Checks[name]
		p.Checks = append(p.Checks, dashboard.Check{State: stateOf(c.Status), Text: c.Reason, Right: name})
	}
	return p
}

// freshRun is how long a run says anything about now.
const freshRun = 24 * time.Hour

// readyPanel shows the newest smoke run of a day, what is not good first; without one it shows the live checks.
func (g *Gateway) readyPanel(health healthAnswer) dashboard.Panel {
	runs := g.checks.of("smoke")
	if len(runs) == 0 || g.clock().Sub(runs[0].At) > freshRun {
		p := livePanel(health)
		p.ID, p.Title, p.Width, p.Note = "ready", "Ready to show?", "half", "live checks; no smoke run today"
		return p
	}
	p := runPanel("smoke", "Ready to show?", "", runs)
	p.ID, p.Width = "ready", "half"
	return p
}

func (g *Gateway) driftTable() dashboard.Panel {
	p := dashboard.Panel{Kind: "table", ID: "drift", Title: "Drift", Source: "/api/hardening/metrics", Note: "JSON", Empty: "Everything is as declared.", Table: &dashboard.Table{Head: []string{"Fact", "Declared", "Observed", "Source", "Since"}}}
	for _, d := range g.driftPart().Items {
		p.Table.Rows = append(p.Table.Rows, []string{d.Fact, d.Declared, d.Observed, d.Source, timeText(d.Since)})
		p.Table.States = append(p.Table.States, dashboard.Warn)
	}
	return p
}
