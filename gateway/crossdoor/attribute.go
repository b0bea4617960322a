package crossdoor

import (
	"bytes"
	"hash/maphash"
	"net/http"
	"strconv"

	"sallyport/dbguard/screen"
)

// Whose statement it may be, beside the verdicts: findings with these names are hints, which speak against nobody.
const (
	traced    = "traced"    // a comment in the statement bears the trace that the request was given
	alone     = "alone"     // no other request was in flight
	contained = "contained" // an input stands inside one literal, where it belongs
)

// maxHints bounds the requests named as having an input inside a literal.
const maxHints = 4

// evidence is what one statement shows of the requests in flight.
type evidence struct {
	best      []proof // those with the strongest verdict
	contained []proof
	givenUp   bool // requests in flight were not searched, for lack of time
}

// findings turns the evidence into findings: what was found first, then whose statement it may be.
func (w *Window) findings(m *matcher, s *screen.Statement, ev evidence) []screen.Finding {
	owner := tracedEntry(s, m.entries, ev.best)
	all := w.accuse(ev.best, owner)
	if ev.givenUp && w.settings.Fail == "closed" {
		all = append(all, m.judge.unsearched()...)
	}
	switch sole := w.soleEntry(m.entries[:m.inFlight]); {
	case owner != nil:
		all = append(all, w.hint(proof{entry: owner}, traced))
	case sole != nil:
		all = append(all, w.hint(proof{entry: sole}, alone))
	}
	for _, p := range ev.contained {
		all = append(all, w.hint(p, contained))
	}
	return all
}

// accuse turns proofs into findings. Where the statement's trace names one of them it stands alone; else, where requests of several
// clients carry the same evidence, none may be blamed, unless each of them holds exactly the bytes that were confirmed.
func (w *Window) accuse(best []proof, owner *entry) []screen.Finding {
	for _, p := range best {
		if p.entry == owner {
			best = []proof{p}
			break
		}
	}
	var all []screen.Finding
	for i, p := range best {
		if i == maxFindings {
			break
		}
		f := screen.Finding{Rule: "cross-door", Reason: reason(p), Offset: p.span.start, End: p.span.end}
		if i == 0 {
			f.Weight, f.Learned = p.verdict.weight(), p.verdict == confirmed && p.alone != hard
		}
		f.Crossing = w.crossing(p, p.verdict.String())
		f.Crossing.Ambiguous = isAmbiguous(best) || owner != nil && p.entry != owner
		all = append(all, f)
	}
	return all
}

// isAmbiguous reports that best are of several clients and not every one of them carries the very same confirmed bytes.
func isAmbiguous(best []proof) bool {
	several, same := false, true
	for _, p := range best {
		several = several || p.entry.client != best[0].entry.client
		same = same && p.verdict == confirmed && p.span.how == exact && p.span.start == best[0].span.start && p.span.end == best[0].span.end
	}
	return several && !same
}

// hint says whose statement it may be, and speaks against nobody.
func (w *Window) hint(p proof, name string) screen.Finding {
	return screen.Finding{Rule: "cross-door", Hint: true, Crossing: w.crossing(p, name)}
}

func (w *Window) crossing(p proof, verdict string) *screen.Crossing {
	c := &screen.Crossing{Request: p.entry.request, Client: p.entry.client, Route: p.entry.route, Verdict: verdict}
	if v := p.span.value; v != nil {
		c.Source, c.Param = string(v.source), plainName(v.param)
		c.Length, c.Hash = len(v.text), w.hashOf(v.text)
	}
	return c
}

// hashOf tells whether two values of evidence are the same without telling what they are: a hash under the window's own key, in
// hexadecimal.
func (w *Window) hashOf(text string) string {
	return strconv.FormatUint(maphash.String(w.key, text), 16)
}

// unsearched is what a search that was given up says where it is to fail closed: a statement that grew out of a known one is refused, for
// want of knowing whose bytes those are.
func (j *judge) unsearched() []screen.Finding {
	from, to, ok := j.growth()
	if !ok {
		return nil
	}
	sp := j.over(from, to, span{})
	return []screen.Finding{{
		Rule: "cross-door", Reason: "a statement that the app sends grew, and there was no time to search the requests in flight",
		Offset: sp.start, End: sp.end, Weight: screen.Refuse, Learned: true,
	}}
}

// plainName is a parameter's name, or that it is none: the client chooses names too, and may put values there.
func plainName(name string) string {
	for i := range len(name) {
		c := name[i]
		if !wordByte[c] && c != '.' && c != '-' && c != '[' && c != ']' && name != "(key)" {
			return "(unusual)"
		}
	}
	return name
}

// soleEntry is the only request of which the statement can be, of those in flight when it came; nil where there is none or more than
// one. One that ended since counts: it may not have been alone. Those that are not read count too.
func (w *Window) soleEntry(inFlight []*entry) *entry {
	if len(inFlight) != 1 || w.unread.Load() > 0 {
		return nil
	}
	return inFlight[0]
}

// traceID is the trace of a traceparent header (W3C Trace Context), "" where there is none.
func traceID(h http.Header) string {
	given := h["Traceparent"]
	if len(given) != 1 {
		return ""
	}
	return cutTrace([]byte(given[0]))
}

// cutTrace is the trace id of a traceparent value, "" where it is none.
func cutTrace(v []byte) string {
	if len(v) < 36 || v[2] != '-' || v[35] != '-' || len(bytes.Trim(v[3:35], "0123456789abcdef")) > 0 {
		return ""
	}
	return string(v[3:35])
}

// traceKey is how sqlcommenter writes the trace into a comment; https://google.github.io/sqlcommenter/spec/.
var traceKey = []byte("traceparent='")

// tracedEntry is the request whose trace a comment of s bears; nil where none does, where several have it, and where the comment lies
// in bytes of a request: then a client wrote it.
func tracedEntry(s *screen.Statement, entries []*entry, found []proof) (owner *entry) {
	if len(s.Comments) == 0 {
		return nil
	}
	trace := traceOf(s, found)
	if trace == "" {
		return nil
	}
	for _, e := range entries {
		if e.trace != trace {
			continue
		}
		if owner != nil {
			return nil
		}
		owner = e
	}
	return owner
}

// traceOf is the trace in the first or last comment of s outside the places found, "" where there is none.
func traceOf(s *screen.Statement, found []proof) string {
	for _, c := range []screen.Comment{s.Comments[0], s.Comments[len(s.Comments)-1]} {
		_, value, ok := bytes.Cut(s.Text()[c.Start:c.End], traceKey)
		if !ok || isInside(c, found) {
			continue
		}
		if t := cutTrace(value); t != "" {
			return t
		}
	}
	return ""
}

func isInside(c screen.Comment, found []proof) bool {
	for _, p := range found {
		if p.span.start < int(c.End) && int(c.Start) < p.span.end {
			return true
		}
	}
	return false
}
