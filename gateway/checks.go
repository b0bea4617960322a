package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"sallyport/config"
	"sallyport/gateway/journal"
	"sallyport/gateway/preflight"
)

// checksKey is where runs of doctor and smoke are kept in the history.
const checksKey = "checks"

// keptRuns is how many runs of each list are remembered.
const keptRuns = 20

// checkRun is one run of doctor or smoke.
type checkRun struct {
	At time.Time `json:"at"`
	// By is "admin API" where this process ran it, "command line" where it was told of it.
	By      string             `json:"by"`
	Status  preflight.Status   `json:"status"`
	TookMs  int64              `json:"tookMs"`
	Results []preflight.Result `json:"results"`
}

// checkRuns remembers runs, newest first.
type checkRuns struct {
	running sync.Mutex // held by a run: two at once would count each other's queries
	keeping sync.Mutex // held while the runs go to the history, so that older ones never follow newer ones

	mu   sync.Mutex // guards runs
	runs map[string][]checkRun
}

// checkLists are the lists that can be run, by name.
var checkLists = map[string]func(preflight.Site) []preflight.Check{
	"smoke":  preflight.Smoke,
	"doctor": func(preflight.Site) []preflight.Check { return preflight.Doctor() },
}

// checklist is the list that only a person can go through, at the command line.
const checklist = "checklist"

// checksAnswer is GET /api/hardening/checks: the newest runs of each list, newest first, at most 20.
type checksAnswer struct {
	Status    string     `json:"status"`
	Timestamp string     `json:"timestamp"`
	Smoke     []checkRun `json:"smoke"`
	Doctor    []checkRun `json:"doctor"`
	Checklist []checkRun `json:"checklist"`
}

func (g *Gateway) getChecks(c *gin.Context) {
	c.JSON(http.StatusOK, checksAnswer{"ok", g.timestamp(), g.checks.of("smoke"), g.checks.of("doctor"), g.checks.of(checklist)})
}

// of returns the runs of the named list, newest first.
func (r *checkRuns) of(name string) []checkRun {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]checkRun{}, r.runs[name]...)
}

// runAnswer is POST /api/hardening/checks/smoke and .../doctor.
type runAnswer struct {
	Status    string   `json:"status"`
	Timestamp string   `json:"timestamp"`
	Summary   string   `json:"summary"`
	Run       checkRun `json:"run"`
}

// runChecks returns the handler that runs the named list here and now and answers with its results.
func (g *Gateway) runChecks(name string) gin.HandlerFunc {
	return func(c *gin.Context) {
		if !g.checks.running.TryLock() {
			c.Header("Retry-After", "5")
			refuse(c, http.StatusConflict, "Checks are running already.")
			return
		}
		defer g.checks.running.Unlock()
		ctx, begun, at := c.Request.Context(), time.Now(), g.clock().UTC()
		site, err := g.site()
		if err != nil {
			refuse(c, http.StatusServiceUnavailable, "The checks cannot begin: "+err.Error()+".")
			return
		}
		results := preflight.Run(ctx, site, checkLists[name](site))
		if ctx.Err() != nil {
			return // whoever asked has gone, and what the checks say is of that
		}
		run := checkRun{At: at, By: "admin API", Status: preflight.Worst(results), TookMs: time.Since(begun).Milliseconds(), Results: results}
		g.noteRun(name, run, peerOf(c.Request))
		c.JSON(http.StatusOK, runAnswer{"ok", g.timestamp(), tally(run.Results), run})
	}
}

// site is this deployment, as checks see it.
func (g *Gateway) site() (preflight.Site, error) {
	cfg := g.bound(g.current.Load().cfg)
	token, err := cfg.Secret(cfg.Admin.TokenFile)
	if err != nil {
		return preflight.Site{}, fmt.Errorf("admin token: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		self = "sallyport" // then our own listeners are known by the usual name
	}
	cfg = g.bound(cfg)
	return preflight.Site{Config: cfg, Instance: preflight.NewInstance(g.Addresses().Admin, token), Self: self, Now: g.clock}, nil
}

// bound is cfg with the addresses that we really listen on: a port of 0 stands for any.
func (g *Gateway) bound(cfg config.Config) config.Config {
	at := g.Addresses()
	for _, a := range []struct {
		declared *string
		real     string
	}{{&cfg.HTTP.Listen, at.HTTP}, {&cfg.Database.Listen, at.Database}, {&cfg.Admin.Listen, at.Admin}} {
		if strings.HasSuffix(*a.declared, ":0") && a.real != "" {
			*a.declared = a.real
		}
	}
	return cfg
}

// noteRun remembers run and writes it down.
func (g *Gateway) noteRun(name string, run checkRun, who string) {
	g.checks.add(name, run)
	tally := map[preflight.Status]int{}
	for _, r := range run.Results {
		tally[r.Status]++
	}
	e := journal.Event{
		At: run.At, Door: "admin", Kind: name + "-run", Client: who,
		Summary: fmt.Sprintf("The checks of %s were run: %d ok, %d warn, %d fail, %d skip.", name, tally[preflight.OK], tally[preflight.Warn], tally[preflight.Fail], tally[preflight.Skip]),
	}
	if run.Status == preflight.Fail {
		e.Severity = journal.Warning
	}
	g.journal.Add(e)
	g.keepChecks()
}

// keepChecks hands the runs to the history, for the next process.
func (g *Gateway) keepChecks() {
	g.checks.keeping.Lock()
	defer g.checks.keeping.Unlock()
	text, err := json.Marshal(g.checks.all())
	if err != nil {
		g.log.Warn("checks", "error", err)
		return
	}
	g.history.Keep(checksKey, text)
}

// add puts run where its time belongs.
func (r *checkRuns) add(name string, run checkRun) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.runs == nil {
		r.runs = map[string][]checkRun{}
	}
	list := append(r.runs[name], run)
	slices.SortStableFunc(list, func(a, b checkRun) int { return b.At.Compare(a.At) })
	r.runs[name] = list[:min(len(list), keptRuns)]
}

func (r *checkRuns) all() map[string][]checkRun {
	return map[string][]checkRun{"smoke": r.of("smoke"), "doctor": r.of("doctor"), checklist: r.of(checklist)}
}

// restoreChecks takes over the runs that the history kept of earlier processes.
func (g *Gateway) restoreChecks(ctx context.Context) {
	text, err := g.history.State(ctx, checksKey)
	if err != nil || text == nil {
		if err != nil && !errors.Is(err, journal.ErrNotOpen) {
			g.log.Warn("checks", "error", err)
		}
		return
	}
	var old map[string][]checkRun
	if json.Unmarshal(text, &old) != nil {
		return // another version's
	}
	for name := range g.checks.all() {
		for _, run := range old[name] {
			if run.At.Before(g.started) { // later ones are our own
				g.checks.add(name, run)
			}
		}
	}
	g.keepChecks() // with those that were made before the file was open
}

// recordRequest is the body of POST /api/hardening/checks/record: a run that the command line made.
type recordRequest struct {
	Name    string             `json:"name"`
	TookMs  int64              `json:"tookMs"`
	Results []preflight.Result `json:"results"`
}

// maxRecord bounds a recorded run, bytes.
const maxRecord = 256 << 10

// recordChecks remembers a run that was made elsewhere, so that the page shows the newest one whoever made it.
func (g *Gateway) recordChecks(c *gin.Context) {
	var r recordRequest
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, maxRecord)
	if err := c.ShouldBindJSON(&r); err != nil || (checkLists[r.Name] == nil && r.Name != checklist) || len(r.Results) == 0 || len(r.Results) > 200 || !known(r.Results) {
		refuse(c, http.StatusBadRequest, "Name a list, smoke, doctor or checklist, and its results.")
		return
	}
	run := checkRun{At: g.clock().UTC(), By: "command line", Status: preflight.Worst(r.Results), TookMs: r.TookMs, Results: r.Results}
	g.noteRun(r.Name, run, peerOf(c.Request))
	c.JSON(http.StatusOK, runAnswer{"ok", g.timestamp(), tally(run.Results), run})
}

// known reports whether every result has a name and a status that there is.
func known(results []preflight.Result) bool {
	return !slices.ContainsFunc(results, func(r preflight.Result) bool {
		return r.Check == "" || !slices.Contains([]preflight.Status{preflight.OK, preflight.Warn, preflight.Fail, preflight.Skip}, r.Status)
	})
}
