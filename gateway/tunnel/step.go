package tunnel

import (
	"maps"
	"time"
)

// evidence is one thing that was seen, done or asked for.
type evidence interface{ apply(*turn) }

// turn is one call of step: the state under change and the actions it leads to.
type turn struct {
	state
	pace
	now     time.Time
	actions []action
}

// step returns what becomes of s when ev is seen at now, and what must be done. It is pure: no clock, no dice, no I/O.
func step(s state, p pace, ev evidence, now time.Time) (state, []action) {
	t := &turn{state: s.clone(), pace: p, now: now}
	ev.apply(t)
	t.settle()
	return t.state, t.actions
}

func (t *turn) do(v verb) { t.actions = append(t.actions, action{do: v, child: t.child}) }

// enter moves to a phase; the time of the move is kept only where something changed.
func (t *turn) enter(p Phase, c Cause) {
	if t.phase == p && t.cause == c {
		return
	}
	t.phase, t.cause, t.since = p, c, t.now
}

// bad notes a sighting of c and opens an incident once it is confirmed. It reports whether c is open now.
func (t *turn) bad(c Cause, summary string, detail map[string]string) bool {
	f := t.find(c)
	if f == nil {
		t.conditions = append(t.conditions, condition{cause: c})
		f = &t.conditions[len(t.conditions)-1]
	}
	f.seen, f.good, f.summary, f.detail = f.seen+1, 0, summary, maps.Clone(detail)
	if !f.open && f.seen >= rowOf(c).confirm {
		f.open, f.since = true, t.now
		t.tell(f, true)
	}
	return f.open
}

// good notes a sign that the given causes are over, and ends incidents that had enough of them.
func (t *turn) good(causes ...Cause) {
	for _, c := range causes {
		f := t.find(c)
		if f == nil {
			continue
		}
		f.seen, f.good = 0, f.good+1
		if f.open && f.good >= rowOf(c).ended {
			f.open = false
			t.tell(f, false)
		}
	}
}

// relapse forgets the good signs of a child that has ended: what comes next begins anew.
func (t *turn) relapse() {
	for _, c := range processCauses {
		if f := t.find(c); f != nil {
			f.good = 0
		}
	}
}

// sure is bad for what needs no second look.
func (t *turn) sure(c Cause, summary string, detail map[string]string) {
	for !t.bad(c, summary, detail) {
	}
}

func (t *turn) tell(f *condition, open bool) {
	t.actions = append(t.actions, action{do: doTell, incident: Incident{
		At: t.now, Cause: f.cause, Open: open, Severity: rowOf(f.cause).severity, Since: f.since, Summary: f.summary, Detail: f.detail,
	}})
}

// settle derives Starting, Up, Degraded and Suspect from what is known; the other phases are entered by decision.
func (t *turn) settle() {
	switch t.phase {
	case Starting, Up, Degraded, Suspect:
	default:
		return
	}
	switch doubt, worst := t.doubtful(), t.worst(); {
	case t.managed && !t.served:
		t.enter(Starting, "")
	case doubt != "":
		t.enter(Suspect, doubt)
	case worst != "":
		t.enter(Degraded, worst)
	default:
		t.enter(Up, "")
	}
}

// doubtful returns a cause that was seen and is not confirmed yet.
func (t *turn) doubtful() Cause {
	if t.missed > 0 && !t.isOpen(Hung) {
		return Hung
	}
	if t.ready == 0 && t.missed == 0 && !t.isOpen(Disconnected) && !t.isOpen(NetworkDown) {
		return Disconnected
	}
	for _, r := range table {
		if f := t.find(r.cause); f != nil && f.seen > 0 && !f.open {
			return r.cause
		}
	}
	return ""
}

// worst returns the most severe open cause that keeps the tunnel from doing its work.
func (t *turn) worst() Cause {
	for _, r := range table {
		if r.severity == Critical && t.isOpen(r.cause) && (t.ready == 0 || !recovering(r.cause)) {
			return r.cause
		}
	}
	if !t.managed && t.ready == 0 && t.isOpen(Hung) {
		return Hung // a child would have been started anew by now; whose it is, nobody knows
	}
	return ""
}

// recovering reports causes whose incident is only waiting for a second good check once there is a connection.
func recovering(c Cause) bool {
	for _, p := range processCauses {
		if p == c {
			return true
		}
	}
	return false
}
