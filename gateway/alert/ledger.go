package alert

import (
	"maps"
	"slices"
	"time"

	"sallyport/gateway/journal"
)

// incident is one fault from when it opened until it is over and calm.
type incident struct {
	Cause    string            `json:"cause"`
	Severity journal.Severity  `json:"severity"`
	Summary  string            `json:"summary"`
	Detail   map[string]string `json:"detail,omitempty"`
	Since    time.Time         `json:"since"`
	Open     bool              `json:"open"`
	// Told reports that people heard of the opening; Reminded counts the reminders since.
	Told     bool `json:"told"`
	Reminded int  `json:"reminded"`
	// Turns are the newest times it opened or closed; Flapping is set while they come too fast.
	Turns    []time.Time `json:"turns,omitempty"`
	Flapping bool        `json:"flapping,omitempty"`
	// Unconfirmed is when an incident kept from before a restart ends unless its source reports it again; zero otherwise.
	Unconfirmed time.Time `json:"unconfirmed,omitzero"`
}

const (
	flapTurns  = 4                // turns within flapWindow make an incident flap
	flapWindow = 10 * time.Minute // and so long without one make it calm
	// keptUnconfirmed is how long an incident from before a restart waits for its source.
	keptUnconfirmed = 10 * time.Minute
)

// firstReminders are when an open incident is reminded of; after them every Settings.Repeat.
var firstReminders = []time.Duration{time.Hour, 6 * time.Hour, 24 * time.Hour}

// ledger decides what people are told. It has no clock, no goroutine and does no I/O; its owner serialises calls.
type ledger struct {
	repeat    time.Duration
	limit     limit
	incidents map[string]*incident
	mutes     []Mute
}

func newLedger(s Settings) *ledger {
	return &ledger{repeat: s.Repeat, limit: limit{max: s.MaxPerHour}, incidents: map[string]*incident{}}
}

// open notes that f is wrong and returns what must be said. An incident that is open already is only brought up to date.
func (l *ledger) open(f Fault, now time.Time) []Event {
	i := l.incidents[f.Cause]
	if i == nil {
		i = &incident{Cause: f.Cause}
		l.incidents[f.Cause] = i
	}
	i.Severity, i.Summary, i.Detail, i.Unconfirmed = f.Severity, f.Summary, maps.Clone(f.Detail), time.Time{}
	if i.Open {
		return nil
	}
	i.Open, i.Told, i.Reminded, i.Since = true, false, 0, now
	if l.turn(i, now) {
		return l.flap(i, now)
	}
	return l.announce(i, now)
}

// close notes that cause is over and returns what must be said: nothing where nothing was open.
func (l *ledger) close(cause, summary string, now time.Time) []Event {
	i := l.incidents[cause]
	if i == nil || !i.Open {
		return nil
	}
	i.Open = false
	if summary != "" {
		i.Summary = summary
	}
	if l.turn(i, now) {
		return l.flap(i, now)
	}
	if i.Flapping || !i.Told {
		return nil
	}
	return l.say(i.event(Resolved, now), now)
}

// turn counts an opening or closing, and reports that i has just begun to flap.
func (l *ledger) turn(i *incident, now time.Time) bool {
	i.Turns = append(i.Turns, now)
	i.Turns = slices.DeleteFunc(i.Turns, func(at time.Time) bool { return now.Sub(at) > flapWindow })
	if i.Flapping || len(i.Turns) < flapTurns {
		return false
	}
	i.Flapping = true
	return true
}

// flap tells once that i comes and goes; nothing more is said of it until it is calm.
func (l *ledger) flap(i *incident, now time.Time) []Event {
	if l.muted(i.Cause, now) {
		return nil
	}
	i.Told = true
	return l.say(i.event(Flapping, now), now)
}

// announce tells that i is open, unless it flaps or is muted.
func (l *ledger) announce(i *incident, now time.Time) []Event {
	if i.Flapping || l.muted(i.Cause, now) {
		return nil
	}
	i.Told = true
	l.skipReminders(i, now)
	return l.say(i.event(Opened, now), now)
}

// skipReminders leaves out those that are due already: they were missed while muted or asleep, or this is said now anyway.
func (l *ledger) skipReminders(i *incident, now time.Time) {
	for !now.Before(i.Since.Add(l.reminder(i.Reminded))) {
		i.Reminded++
	}
}

// due returns what must be said because time has passed: reminders, calm after flapping, ended mutes, the rest of an
// hour that had too much.
func (l *ledger) due(now time.Time) []Event {
	l.mutes = slices.DeleteFunc(l.mutes, func(m Mute) bool { return !now.Before(m.Until) })
	out := l.limit.summary(now, l.openCauses())
	for _, cause := range slices.Sorted(maps.Keys(l.incidents)) {
		out = append(out, l.dueOf(l.incidents[cause], now)...)
	}
	return out
}

func (l *ledger) dueOf(i *incident, now time.Time) []Event {
	if i.Open && !i.Unconfirmed.IsZero() && !now.Before(i.Unconfirmed) {
		return l.close(i.Cause, i.Summary+" (not seen again after a restart)", now)
	}
	if i.Flapping {
		return l.calm(i, now)
	}
	if !i.Open {
		if len(i.Turns) == 0 || now.Sub(i.Turns[len(i.Turns)-1]) > flapWindow {
			delete(l.incidents, i.Cause)
		}
		return nil
	}
	if !i.Told {
		return l.announce(i, now)
	}
	if now.Before(i.Since.Add(l.reminder(i.Reminded))) || l.muted(i.Cause, now) {
		return nil
	}
	l.skipReminders(i, now)
	return l.say(i.event(Reminder, now), now)
}

// calm ends flapping once there was no turn for a while, and says where that left the incident.
func (l *ledger) calm(i *incident, now time.Time) []Event {
	if n := len(i.Turns); n > 0 && now.Sub(i.Turns[n-1]) < flapWindow {
		return nil
	}
	i.Flapping = false
	if i.Open {
		i.Told = false
		return l.announce(i, now)
	}
	return l.say(i.event(Resolved, now), now)
}

// reminder is how long after the opening reminder n comes, n counted from 0.
func (l *ledger) reminder(n int) time.Duration {
	if n < len(firstReminders) {
		return firstReminders[n]
	}
	return firstReminders[len(firstReminders)-1] + time.Duration(n-len(firstReminders)+1)*l.repeat
}

// next returns when due should be asked again; zero where nothing is going on.
func (l *ledger) next(now time.Time) time.Time {
	var at time.Time
	sooner := func(t time.Time) {
		if !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	for _, i := range l.incidents {
		sooner(i.Unconfirmed)
		if n := len(i.Turns); n > 0 && (i.Flapping || !i.Open) {
			sooner(i.Turns[n-1].Add(flapWindow + 1))
		}
		if i.Open && i.Told {
			sooner(i.Since.Add(l.reminder(i.Reminded)))
		}
	}
	for _, m := range l.mutes {
		sooner(m.Until)
	}
	sooner(l.limit.free(now))
	return at
}

// say lets e out, as far as the hour has room.
func (l *ledger) say(e Event, now time.Time) []Event { return l.limit.admit(e, now) }

func (i *incident) event(s State, now time.Time) Event {
	lasted := now.Sub(i.Since)
	return Event{
		At: now, Cause: i.Cause, State: s, Severity: i.Severity, Summary: i.Summary, Since: i.Since,
		Lasted: lasted, LastedMs: lasted.Milliseconds(), Detail: maps.Clone(i.Detail),
	}
}

// openCauses returns the causes that are open, sorted.
func (l *ledger) openCauses() []string {
	var open []string
	for cause, i := range l.incidents {
		if i.Open {
			open = append(open, cause)
		}
	}
	slices.Sort(open)
	return open
}
