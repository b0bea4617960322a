// Package preflight says whether a deployment may go live: doctor, smoke and drift are lists of its checks.
package preflight

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"sallyport/config"
)

// Status is how a check ended.
type Status string

// The statuses. Warn does not keep anybody from going live, Fail does; Skip means that the check had nothing to look at or that
// one it needs did not end well.
const (
	OK   Status = "ok"
	Warn Status = "warn"
	Fail Status = "fail"
	Skip Status = "skip"
)

// Result is what a check found.
type Result struct {
	// Check is the check's name.
	Check  string `json:"check"`
	Status Status `json:"status"`
	// Found is one sentence: what is so.
	Found string `json:"found"`
	// Evidence are facts behind it, a line each: owners, addresses, figures; never a secret.
	Evidence []string `json:"evidence,omitempty"`
	// Fix is the command or step that mends it; "" where nothing is to be done.
	Fix string `json:"fix,omitempty"`
	// Ms is how long the check took, milliseconds.
	Ms int64 `json:"ms"`
}

// Check is one look at the deployment.
type Check struct {
	// Name is short and stable: "split-port".
	Name string
	// Needs are checks that must have ended ok or warn; they stand earlier in the list.
	Needs []string
	// Run looks. It may block until ctx ends, and changes nothing.
	Run func(ctx context.Context, site Site) Result
	// Wait is the longest that it may take; 0 means 2.5 s.
	Wait time.Duration
}

// Site is the deployment that is looked at.
type Site struct {
	Config config.Config
	// Instance is the running program; asking it fails where none runs.
	Instance *Instance
	// Self is the path of this program; a listener of the same program is ours.
	Self string
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

func (s Site) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

// checkWait is the longest that one check may take where it says nothing else.
const checkWait = 2500 * time.Millisecond

// Run runs checks side by side, each as soon as those it needs have ended, and returns the results in the order of checks.
func Run(ctx context.Context, site Site, checks []Check) []Result {
	results := make([]Result, len(checks))
	ended := make(map[string]chan struct{}, len(checks))
	at := make(map[string]int, len(checks))
	for i, c := range checks {
		ended[c.Name], at[c.Name] = make(chan struct{}), i
	}
	var all sync.WaitGroup
	for i, c := range checks {
		all.Go(func() {
			defer close(ended[c.Name])
			for _, need := range c.Needs {
				<-ended[need]
				if s := results[at[need]].Status; s == Fail || s == Skip {
					results[i] = Result{Check: c.Name, Status: Skip, Found: "needs " + need}
					return
				}
			}
			results[i] = c.run(ctx, site)
		})
	}
	all.Wait()
	return results
}

// run looks once and keeps the time. A check that panics fails like any other; it must not hide the rest.
func (c Check) run(ctx context.Context, site Site) (r Result) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(c.Wait, checkWait))
	defer cancel()
	begun := time.Now()
	defer func() {
		if p := recover(); p != nil {
			slog.Debug("check panicked", "check", c.Name, "panic", p)
			r = Result{Status: Fail, Found: fmt.Sprintf("the check itself broke: %v", p), Fix: "report this"}
		}
		r.Check, r.Ms = c.Name, time.Since(begun).Milliseconds()
	}()
	return c.Run(ctx, site)
}

// Worst is fail where one result is, else warn, else ok.
func Worst(results []Result) Status {
	worst := OK
	for _, r := range results {
		if r.Status == Fail {
			return Fail
		}
		if r.Status == Warn {
			worst = Warn
		}
	}
	return worst
}

func ok(format string, args ...any) Result {
	return Result{Status: OK, Found: fmt.Sprintf(format, args...)}
}

func skip(format string, args ...any) Result {
	return Result{Status: Skip, Found: fmt.Sprintf(format, args...)}
}

func warn(fix, format string, args ...any) Result {
	return Result{Status: Warn, Found: fmt.Sprintf(format, args...), Fix: fix}
}

func fail(fix, format string, args ...any) Result {
	return Result{Status: Fail, Found: fmt.Sprintf(format, args...), Fix: fix}
}

// with adds evidence.
func (r Result) with(evidence ...string) Result {
	r.Evidence = append(r.Evidence, evidence...)
	return r
}
