package crossdoor

import (
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
}

// check implements the rule.
func (w *Window) check(s *screen.Statement) []screen.Finding {
	w.counters.asked.Add(1)
	m := w.scratch.Get().(*matcher)
	defer w.scratch.Put(m)
	m.entries = w.running(m.entries[:0])
	defer m.forget()
	if len(m.entries) == 0 {
		return nil
	}
	m.load(s.Text())
	best := w.search(m, s)
	if len(best) == 0 {
		return nil
	}
	w.counters.crossings.Add(1)
	return findings(best)
}

// running appends the requests in flight and the late ones.
func (w *Window) running(to []*entry) []*entry {
	w.mu.RLock()
	defer w.mu.RUnlock()
	for e := range w.entries {
		to = append(to, e)
	}
	return to
}

// search judges each request and returns the proofs with the strongest verdict; at most one a request.
func (w *Window) search(m *matcher, s *screen.Statement) []proof {
	deadline := time.Now().Add(w.settings.Budget)
	j := &m.judge
	j.begin(w.model, s, w.settings.Lexes)
	var best []proof
	for i, e := range m.entries {
		if i%8 == 7 && time.Now().After(deadline) {
			w.counters.overBudget.Add(1)
			break
		}
		values, _, done := e.view()
		m.find(values, deadline)
		if len(m.spans) == 0 {
			continue
		}
		v, at := j.spans(m.spans)
		late := !done.IsZero()
		if late && v > seen {
			v = seen
		}
		if v == nothing || len(best) > 0 && v < best[0].verdict {
			continue
		}
		if len(best) > 0 && v > best[0].verdict {
			best = best[:0]
		}
		best = append(best, proof{entry: e, late: late, verdict: v, span: at})
	}
	return best
}

// maxFindings bounds the requests named for one statement.
const maxFindings = 4

// findings turns proofs into findings. Where requests of more than one client carry the same evidence, none may be blamed alone.
func findings(best []proof) []screen.Finding {
	ambiguous := false
	for _, p := range best[1:] {
		ambiguous = ambiguous || p.entry.client != best[0].entry.client
	}
	var all []screen.Finding
	for i, p := range best {
		if i == maxFindings {
			break
		}
		f := screen.Finding{Rule: "cross-door", Reason: reason(p), Offset: p.span.start, End: p.span.end}
		if i == 0 {
			f.Weight = p.verdict.weight()
		}
		f.Crossing = &screen.Crossing{
			Request: p.entry.request, Client: p.entry.client, Route: p.entry.route, Source: string(p.span.value.source), Param: p.span.value.param,
			Verdict: p.verdict.String(), Ambiguous: ambiguous,
		}
		all = append(all, f)
	}
	return all
}

func reason(p proof) string {
	switch {
	case p.late:
		return "bytes of a request that had ended stand in the statement's structure"
	case p.verdict == confirmed:
		return "input of a request became SQL: without it the statement is one that the app sends"
	case p.verdict == hard:
		return "input of a request left its literal and became SQL"
	default:
		return "input of a request stands in the statement's structure"
	}
}
