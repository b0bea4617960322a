package tunnel

import (
	"fmt"
	"time"
)

// readiness is the answer of /ready, with what the operating system says of the process.
type readiness struct {
	child    int
	answered bool
	ready    int    // connections
	frozen   bool   // the process is stopped by a signal
	fault    string // why there was no answer
}

// missedToHeal is how many checks in a row may go unanswered.
const missedToHeal = 3

// idleToHeal is how many checks in a row may find no connection while the network is there: cloudflared's own retries
// come first, and they wait up to a few minutes.
const idleToHeal = 10

func (r readiness) apply(t *turn) {
	if r.child != t.child || !t.running || t.phase == Healing || t.phase == Held || t.phase == Stopping {
		return
	}
	switch {
	case r.frozen && t.managed:
		t.sure(Stopped, t.who()+" is stopped by a signal and serves nothing", nil)
		t.heal(Stopped)
	case !r.answered && t.managed && !t.served:
		// It is still coming up, however slow the machine is; pace.start limits how long that may take.
	case !r.answered:
		t.unanswered(r.fault)
	case r.ready == 0:
		t.missed, t.goods, t.ready = 0, 0, 0
		t.good(Hung)
		if t.served || !t.managed {
			t.do(doCheckNetwork)
		}
	default:
		t.connected(r.ready)
	}
}

func (t *turn) unanswered(fault string) {
	t.missed++
	t.goods = 0
	t.nextProcess = minTime(t.nextProcess, t.now.Add(t.hurry(t.process)))
	if t.bad(Hung, fmt.Sprintf("%s has not answered %d checks in a row: %s", t.who(), t.missed, fault), nil) && t.missed >= missedToHeal {
		if !t.managed {
			t.ready = 0 // what it said last holds no more
		}
		t.heal(Hung)
	}
}

func (t *turn) connected(ready int) {
	t.served, t.ready, t.missed, t.idle, t.quic = true, ready, 0, 0, 0
	t.goods++
	t.good(processCauses...)
	t.good(Binary, StateInUse)
	if t.goods >= 2 {
		t.heldFor = ""
	}
	if t.now.Sub(t.started) >= t.stable {
		t.tries = 0
	}
}

// disconnected is called when there is no connection although the network is there.
func (t *turn) disconnected() {
	t.good(NetworkDown)
	t.idle++
	open := t.bad(Disconnected, "cloudflared has no connection to the edge although the network is there", nil)
	if open && t.idle >= idleToHeal {
		t.idle = 0
		t.heal(Disconnected)
	}
}

// rules is what cloudflared's effective rules mean for us.
type rules struct {
	child   int
	cause   Cause // Bypass, Drift or "" where they are right
	summary string
	detail  map[string]string
}

func (r rules) apply(t *turn) {
	if r.child != t.child {
		return
	}
	switch r.cause {
	case Bypass:
		t.good(Drift)
	case Drift:
		t.good(Bypass)
	default:
		t.good(Bypass, Drift)
		return
	}
	if !t.bad(r.cause, r.summary, r.detail) {
		t.nextProcess = t.now.Add(t.hurry(t.process) / 10) // a second look at once, so that people know within a tick
	}
}

// image says whether the running executable is the pinned one.
type image struct {
	child  int
	ok     bool
	reason string
}

func (i image) apply(t *turn) {
	if i.child != t.child {
		return
	}
	if i.ok {
		t.good(Binary)
		return
	}
	t.sure(Binary, i.reason, nil)
}

// backedUp says how a scheduled backup went.
type backedUp struct{ err error }

func (b backedUp) apply(t *turn) {
	if b.err != nil {
		t.bad(BackupFailed, b.err.Error(), nil)
		return
	}
	t.good(BackupFailed)
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
