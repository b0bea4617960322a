package crossdoor

import (
	"slices"
	"time"

	"sallyport/dbguard/screen"
)

// Rule returns the database door's end: it looks for inputs of the requests in flight in a statement. Ask it only of structures that
// nobody knows; it costs most of them a few microseconds and never more than the budget.
func (w *Window) Rule() screen.Rule { return screen.Rule{Name: "cross-door", Check: w.check} }

// verdict orders what was found of one request, weakest first.
type verdict uint8

const (
	nothing   verdict = iota
	seen              // bytes are there, but honest apps do that too: report only
	suspected         // likewise, of a form that lists and names do not have: evidence where a rule objects to the same bytes
	hard              // they left a literal, opened a comment, ended a statement or are six tokens
	confirmed         // without them the statement is one that the app has shown before
)

// String returns the verdict's name as evidence bears it.
func (v verdict) String() string { return [...]string{"", "seen", "seen", "hard", "confirmed"}[v] }

// weight is what a finding of each verdict adds: hard and confirmed refuse alone, suspected with a rule's finding in the same bytes.
func (v verdict) weight() int { return [...]int{0, 0, screen.Corroborating, 5, 5}[v] }

// proof is what was found of one request.
type proof struct {
	entry   *entry
	late    bool
	verdict verdict
	span    span
	// alone is the verdict without the model, at most verdict; cut is true where bytes that were not kept are what must have become SQL.
	alone verdict
	cut   bool
}

// check implements the rule.
func (w *Window) check(s *screen.Statement) []screen.Finding {
	w.counters.asked.Add(1)
	m := w.scratch.Get().(*matcher)
	defer w.scratch.Put(m)
	m.entries, m.inFlight = w.running(m.entries[:0])
	defer m.forget()
	if len(m.entries) == 0 {
		return nil
	}
	m.load(s.Text())
	ev := w.search(m, s)
	w.addWords(m, s, &ev)
	w.addShingles(m, &ev)
	w.addLost(m, s, &ev)
	if len(ev.best) > 0 {
		w.counters.crossings.Add(1)
	}
	return w.findings(m, s, ev)
}

// running appends the requests in flight and then the late ones, newest first, so that the budget goes to those that count. n is
// how many are in flight.
func (w *Window) running(to []*entry) (all []*entry, n int) {
	now := w.now()
	w.mu.RLock()
	defer w.mu.RUnlock()
	for e := range w.entries {
		if !e.late.Load() && !e.over(now) {
			to = append(to, e)
		}
	}
	n = len(to)
	for _, e := range slices.Backward(w.late) {
		if e.late.Load() {
			to = append(to, e)
		}
	}
	return to, n
}

// search judges each request and returns the proofs with the strongest verdict, at most one a request, and the requests with an input
// inside a literal.
func (w *Window) search(m *matcher, s *screen.Statement) (ev evidence) {
	deadline := time.Now().Add(w.settings.Budget)
	j := &m.judge
	j.begin(w.model, s, lexesFor(s, w.settings.Lexes), deadline)
	for i, e := range m.entries {
		if m.isTime(i, 8) && time.Now().After(deadline) {
			ev.givenUp = ev.givenUp || !e.late.Load()
			break
		}
		rest, _ := e.view()
		for late := false; len(rest) > 0 && !late; {
			rest, late = m.find(rest, deadline)
			ev.givenUp = ev.givenUp || late && !e.late.Load()
			if len(m.spans) > 0 {
				ev.add(m.weigh(e, &ev))
			}
		}
	}
	if ev.givenUp {
		w.counters.overBudget.Add(1)
	}
	return ev
}

// weigh judges the places in m.spans, of values of e, and notes e where it has a value inside a literal.
func (m *matcher) weigh(e *entry, ev *evidence) proof {
	p := m.judge.spans(m.spans)
	p.entry, p.late = e, e.late.Load()
	if at, out := m.judge.runsOut(m.spans); out && p.verdict < confirmed {
		p.verdict, p.span, p.cut = confirmed, at, true
	}
	if p.late || e.reportOnly {
		p.verdict = min(p.verdict, seen)
	}
	if p.verdict == nothing && !p.late && m.spans[0].how != part && !m.spans[0].value.word {
		ev.contain(proof{entry: e, span: m.spans[0]})
	}
	return p
}

// contain notes a request with a value inside a literal, the newest in line only once.
func (ev *evidence) contain(p proof) {
	if n := len(ev.contained); n < maxHints && (n == 0 || ev.contained[n-1].entry != p.entry) {
		ev.contained = append(ev.contained, p)
	}
}

// maxTokens bounds the statements that are read counterfactually: a reading of a longer one takes longer than the whole search may.
const maxTokens = 16_384

// lexesFor is how many counterfactual readings of s there may be, at most most.
func lexesFor(s *screen.Statement, most int) int {
	if len(s.Tokens) > maxTokens {
		return 0
	}
	return most
}

// add keeps p where no stronger proof is there, and none as strong of the same request.
func (ev *evidence) add(p proof) {
	switch {
	case p.verdict == nothing || len(ev.best) > 0 && p.verdict < ev.best[0].verdict:
		return
	case len(ev.best) > 0 && p.verdict > ev.best[0].verdict:
		ev.best = ev.best[:0]
	case len(ev.best) > 0 && ev.best[len(ev.best)-1].entry == p.entry:
		return
	}
	ev.best = append(ev.best, p)
}

// maxFindings bounds the requests named for one statement.
const maxFindings = 4

func reason(p proof) string {
	switch {
	case p.late:
		return "bytes of a request that had ended stand in the statement's structure"
	case p.cut:
		return "a statement that the app sends grew while input of its request was too much to be read to its end"
	case p.verdict == confirmed:
		return "input of a request became SQL: without it the statement is one that the app sends"
	case p.verdict == hard:
		return "input of a request left its literal and became SQL"
	default:
		return "input of a request stands in the statement's structure"
	}
}
