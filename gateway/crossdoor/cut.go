package crossdoor

import "sallyport/dbguard/screen"

// cutSlack is how many bytes of a cut input may be missing in a literal before it is said to reach beyond: half an escape, an ellipsis.
const cutSlack = 4

// runsOut returns the place of a value that was cut and whose rest cannot stand in the literal in which it begins, since that ends too
// early: the rest became what follows, tokens that a known statement does not have.
func (j *judge) runsOut(all []span) (span, bool) {
	s := j.statement
	for i, sp := range all {
		if sp.value.more == 0 || sp.how == part {
			continue
		}
		r := j.reach(sp.start, sp.end)
		if r.tokens() != 1 || !isText(s.Tokens[r.first].Kind) || beganIn(s.Tokens[r.first], sp, all[:i]) {
			continue
		}
		if rest := s.Text()[sp.end:s.Tokens[r.first].End]; squeezedLen(rest)+cutSlack >= sp.value.more {
			continue
		}
		if from, to, ok := j.growth(); ok && from <= r.first && r.first < to {
			return j.over(from, to, sp), true
		}
	}
	return span{}, false
}

// beganIn reports that one of the places before sp is of the same value and in the same token t: in a text that repeats itself only the
// first tells how much of it is there.
func beganIn(t screen.Token, sp span, before []span) bool {
	for _, b := range before {
		if b.value == sp.value && b.start >= int(t.Start) {
			return true
		}
	}
	return false
}

// addLost looks, where nothing was confirmed, for the request whose inputs were not all seen and whose statement it must be, since it
// is the only one in flight or the statement bears its trace. What grew in a known statement came from there, then.
func (w *Window) addLost(m *matcher, s *screen.Statement, ev *evidence) {
	if len(ev.best) > 0 && ev.best[0].verdict == confirmed {
		return
	}
	e := tracedEntry(s, m.entries, nil)
	if e == nil {
		e = w.soleEntry(m.entries[:m.inFlight])
	}
	if e == nil || e.reportOnly || e.late.Load() || !e.hasLost() {
		return
	}
	if from, to, ok := m.judge.growth(); ok {
		ev.add(proof{entry: e, verdict: confirmed, cut: true, span: m.judge.over(from, to, span{})})
	}
}
