package alert

import (
	"slices"
	"strconv"
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
// of the End kinds, or after Quiet without a Begin. An event that stands for several, by its detail "count", counts as many.
type Rule struct {
	Cause    string
	Severity journal.Severity
	// Door is the door that events must come from; "" means any.
	Door   string
	Begin  []string
	Count  int
	Within time.Duration
	End    []string
	Quiet  time.Duration // 0 means that only an End ends it
}

// DefaultRules are the rules that a Desk has where it is given none.
func DefaultRules() []Rule {
	return []Rule{
		{Cause: "DATABASE_DOWN", Severity: journal.Critical, Door: "database", Begin: []string{"breaker-open"}, Count: 1, End: []string{"breaker-closed"}},
		{Cause: "APP_DOWN", Severity: journal.Critical, Door: "http", Begin: []string{"app-down"}, Count: 1, End: []string{"app-up"}},
		{Cause: "APP_FAILING", Severity: journal.Critical, Door: "http", Begin: []string{"breaker-open"}, Count: 1, End: []string{"breaker-closed"}},
		{Cause: "CLIENT_HELD", Severity: journal.Critical, Begin: []string{"client-held"}, Count: 1, Quiet: 10 * time.Minute},
		{Cause: "SQL_ATTACK", Severity: journal.Warning, Begin: []string{"query-blocked"}, Count: 5, Within: 2 * time.Minute, Quiet: 10 * time.Minute},
		{Cause: "REQUEST_FLOOD", Severity: journal.Warning, Begin: []string{"rate-limited"}, Count: 100, Within: 2 * time.Minute, Quiet: 10 * time.Minute},
		{Cause: "RATE_LIMITS_DOWN", Severity: journal.Critical, Begin: []string{"rate-limit-store-down"}, Count: 1, End: []string{"rate-limit-store-up"}},
		{Cause: "SETTINGS_REFUSED", Severity: journal.Warning, Begin: []string{"settings-refused"}, Count: 1, End: []string{"settings-reloaded"}},
		{Cause: "HISTORY_DAMAGED", Severity: journal.Warning, Begin: []string{"history-damaged", "history-unavailable"}, Count: 1, Quiet: time.Hour},
	}
}

// rules hear journal events. Its owner serialises calls.
type rules struct {
	list []Rule
	seen map[string]*sightings // by cause
}

// sightings are the newest Begin events of a rule: enough to count up to Count.
type sightings struct {
	last   time.Time
	counts []counted // oldest first
}

// counted is one event that stands for n.
type counted struct {
	at time.Time
	n  int
}

// hear returns the faults that e opens, and the causes that it ends; both are nil where it does neither.
func (r *rules) hear(e journal.Event) (begun []Fault, over []string) {
	if f, ended, ok := confirmed(e); ok {
		return f, ended
	}
	for _, rule := range r.list {
		if rule.Door != "" && rule.Door != e.Door {
			continue
		}
		if slices.Contains(rule.End, e.Kind) {
			delete(r.seen, rule.Cause)
			over = append(over, rule.Cause)
		}
		if slices.Contains(rule.Begin, e.Kind) && r.enough(rule, e) {
			begun = append(begun, Fault{Cause: rule.Cause, Severity: rule.Severity, Summary: e.Summary, Detail: e.Detail})
		}
	}
	return begun, over
}

// confirmed recognises an event that is a turn of an incident already: its details "cause" and "state" say which. The
// supervisor of the tunnel confirms its own.
func confirmed(e journal.Event) (begun []Fault, over []string, ok bool) {
	cause := e.Detail["cause"]
	switch {
	case cause == "":
		return nil, nil, false
	case e.Detail["state"] == string(Opened):
		return []Fault{{Cause: cause, Severity: e.Severity, Summary: e.Summary, Detail: e.Detail}}, nil, true
	case e.Detail["state"] == string(Resolved):
		return nil, []string{cause}, true
	}
	return nil, nil, false
}

// mention reports whether e can mean anything.
func (r *rules) mention(e journal.Event) bool {
	for _, rule := range r.list {
		if slices.Contains(rule.Begin, e.Kind) || slices.Contains(rule.End, e.Kind) {
			return true
		}
	}
	return e.Detail["state"] != "" && e.Detail["cause"] != ""
}

// enough counts an event of rule and reports whether there were Count within Within.
func (r *rules) enough(rule Rule, e journal.Event) bool {
	n, err := strconv.Atoi(e.Detail["count"])
	if err != nil || n < 1 {
		n = 1
	}
	s := r.seen[rule.Cause]
	if s == nil {
		s = &sightings{}
		r.seen[rule.Cause] = s
	}
	s.last = e.At
	s.counts = append(s.counts, counted{e.At, n})
	s.counts = s.counts[max(0, len(s.counts)-max(rule.Count, 1)):]
	sum := 0
	for _, c := range s.counts {
		if rule.Within == 0 || e.At.Sub(c.at) <= rule.Within {
			sum += c.n
		}
	}
	return sum >= rule.Count
}

// quiet returns the causes that ended because nothing came for long enough.
func (r *rules) quiet(now time.Time) (over []string) {
	for _, rule := range r.list {
		if s := r.seen[rule.Cause]; rule.Quiet > 0 && s != nil && now.Sub(s.last) >= rule.Quiet {
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
		if s := r.seen[rule.Cause]; rule.Quiet > 0 && s != nil {
			if t := s.last.Add(rule.Quiet); at.IsZero() || t.Before(at) {
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
