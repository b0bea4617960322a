package alert

import (
	"slices"
	"time"

	"sallyport/gateway/journal"
)

// Fault is one thing that is wrong.
type Fault struct {
	// Cause is the key that faults are told apart by.
	Cause    string
	Severity journal.Severity
	Summary  string
	Detail   map[string]string
}

// Rule turns journal events into a fault: it opens when Count of the Begin kinds came within Within, and is over with one
// of the End kinds, or after Quiet without a Begin.
type Rule struct {
	Cause    string
	Severity journal.Severity
	Begin    []string
	Count    int
	Within   time.Duration
	End      []string
	Quiet    time.Duration // 0 means that only an End ends it
}

// DefaultRules are the rules that a Desk has where it is given none.
func DefaultRules() []Rule {
	return []Rule{
		{Cause: "DATABASE_DOWN", Severity: journal.Critical, Begin: []string{"breaker-open", "database-down"}, Count: 1, End: []string{"breaker-closed", "database-up"}},
		{Cause: "APP_DOWN", Severity: journal.Critical, Begin: []string{"upstream-down", "upstream-breaker-open"}, Count: 1, End: []string{"upstream-up", "upstream-breaker-closed"}},
		{Cause: "CROSS_DOOR_ATTACK", Severity: journal.Critical, Begin: []string{"cross-door"}, Count: 1, Quiet: 10 * time.Minute},
		{Cause: "SQL_ATTACK", Severity: journal.Warning, Begin: []string{"query-blocked"}, Count: 5, Within: time.Minute, Quiet: 10 * time.Minute},
		{Cause: "REQUEST_FLOOD", Severity: journal.Warning, Begin: []string{"rate-limited"}, Count: 100, Within: time.Minute, Quiet: 10 * time.Minute},
		{Cause: "SETTINGS_REFUSED", Severity: journal.Warning, Begin: []string{"settings-refused"}, Count: 1, End: []string{"settings-reloaded"}},
		{Cause: "HISTORY_DAMAGED", Severity: journal.Warning, Begin: []string{"history-moved-aside"}, Count: 1, Quiet: time.Hour},
	}
}

// rules hear journal events. Its owner serialises calls.
type rules struct {
	list []Rule
	seen map[string][]time.Time // by cause: the newest Begin events, at most Count
}

// hear returns the fault that e opens, or the cause that it ends; both are empty where it does neither.
func (r *rules) hear(e journal.Event) (begun []Fault, over []string) {
	for _, rule := range r.list {
		if slices.Contains(rule.End, e.Kind) {
			delete(r.seen, rule.Cause)
			over = append(over, rule.Cause)
		}
		if slices.Contains(rule.Begin, e.Kind) && r.enough(rule, e.At) {
			begun = append(begun, Fault{Cause: rule.Cause, Severity: rule.Severity, Summary: e.Summary, Detail: e.Detail})
		}
	}
	return begun, over
}

// mention reports whether a rule begins or ends with events of kind.
func (r *rules) mention(kind string) bool {
	for _, rule := range r.list {
		if slices.Contains(rule.Begin, kind) || slices.Contains(rule.End, kind) {
			return true
		}
	}
	return false
}

// enough counts an event of rule and reports whether there were Count within Within.
func (r *rules) enough(rule Rule, at time.Time) bool {
	w := append(r.seen[rule.Cause], at)
	w = w[max(0, len(w)-max(rule.Count, 1)):]
	r.seen[rule.Cause] = w
	return len(w) >= rule.Count && (rule.Within == 0 || at.Sub(w[0]) <= rule.Within)
}

// quiet returns the causes that ended because nothing came for long enough.
func (r *rules) quiet(now time.Time) (over []string) {
	for _, rule := range r.list {
		w := r.seen[rule.Cause]
		if rule.Quiet > 0 && len(w) > 0 && now.Sub(w[len(w)-1]) >= rule.Quiet {
			delete(r.seen, rule.Cause)
			over = append(over, rule.Cause)
		}
	}
	return over
}

// next is when quiet should be asked again; zero where nothing waits for quiet.
func (r *rules) next() time.Time {
	var at time.Time
	for _, rule := range r.list {
		if w := r.seen[rule.Cause]; rule.Quiet > 0 && len(w) > 0 {
			if t := w[len(w)-1].Add(rule.Quiet); at.IsZero() || t.Before(at) {
				at = t
			}
		}
	}
	return at
}

// Threshold opens a fault after Bad failed checks out of the newest Of, and ends it after Good good ones in a row.
type Threshold struct{ Bad, Of, Good int }

// DefaultThreshold is two of three, and two good ones in a row.
var DefaultThreshold = Threshold{Bad: 2, Of: 3, Good: 2}

// tally is the newest results of one check.
type tally struct {
	bad  []bool // newest last
	good int    // in a row
	open bool
}

// add counts a result and reports whether the fault is open now.
func (c *tally) add(t Threshold, ok bool) bool {
	c.bad = append(c.bad, !ok)
	c.bad = c.bad[max(0, len(c.bad)-max(t.Of, 1)):]
	c.good++
	if !ok {
		c.good = 0
	}
	failed := 0
	for _, b := range c.bad {
		if b {
			failed++
		}
	}
	switch {
	case !c.open && !ok && failed >= t.Bad:
		c.open = true
	case c.open && c.good >= t.Good:
		c.open, c.bad = false, nil
	}
	return c.open
}
