package tunnel

import (
	"fmt"
	"time"
)

// boot is the first evidence: Run began.
type boot struct{}

func (boot) apply(t *turn) {
	if t.managed {
		t.lookForNetwork()
		return
	}
	t.running, t.started = true, t.now
	t.enter(Starting, "")
	t.nextProcess, t.nextPublic = t.now, t.now
	t.checks()
}

// tick says that time has passed; wake tells when the next one is wanted.
type tick struct{}

func (tick) apply(t *turn) {
	switch t.phase {
	case WaitNet:
		if !t.now.Before(t.resume) {
			t.resume = t.now.Add(t.network)
			t.do(doCheckNetwork)
		}
	case Backoff:
		if !t.now.Before(t.resume) {
			t.lookForNetwork()
		}
	case Held:
		if !t.now.Before(t.resume) && t.heldFor != OperatorHold {
			t.lookForNetwork()
		}
	case Starting, Up, Degraded, Suspect:
		t.checks()
	}
}

// wake returns when step wants its next tick; zero where only an event can move it on.
func (s state) wake() time.Time {
	switch s.phase {
	case Held:
		if s.heldFor == OperatorHold {
			return time.Time{}
		}
		return s.resume
	case WaitNet, Backoff:
		return s.resume
	case Starting, Up, Degraded, Suspect:
		if s.probing && s.nextPublic.Before(s.nextProcess) && s.mayProbe() {
			return s.nextPublic
		}
		return s.nextProcess
	}
	return time.Time{}
}

// mayProbe reports whether a public probe could tell anything new.
func (s state) mayProbe() bool { return s.probing && (s.ready > 0 || !s.managed) }

// checks asks for the checks that are due.
func (t *turn) checks() {
	if t.managed && !t.served && t.now.Sub(t.started) > t.start {
		t.sure(Hung, fmt.Sprintf("%s is not ready %s after its start", t.who(), t.start), nil)
		t.heal(Hung)
		return
	}
	doubt := t.doubtful() != ""
	if !t.now.Before(t.nextProcess) {
		t.nextProcess = t.now.Add(t.interval(t.process, doubt))
		if t.managed && !t.served {
			t.nextProcess = t.now.Add(t.rise(t.process))
		}
		t.do(doCheckProcess)
	}
	if t.mayProbe() && !t.now.Before(t.nextPublic) {
		t.nextPublic = t.now.Add(t.interval(t.public, doubt))
		t.do(doCheckPublic)
	}
}

func (t *turn) interval(usual time.Duration, doubt bool) time.Duration {
	if doubt {
		return t.hurry(usual)
	}
	return usual
}

// lookForNetwork waits for the network, which is free, and starts a child once it is there.
func (t *turn) lookForNetwork() {
	t.enter(WaitNet, t.cause)
	t.resume = t.now.Add(t.network)
	t.do(doCheckNetwork)
}

// network says whether the edge can be found.
type network struct {
	up     bool
	reason string // why not
}

func (n network) apply(t *turn) {
	if !n.up {
		t.bad(NetworkDown, "the network or its name service is down: "+n.reason, nil)
		if t.phase == WaitNet {
			t.doubted = nil // the end that made us look was the network's, not the child's
			t.enter(WaitNet, NetworkDown)
		}
		return
	}
	switch {
	case t.phase == WaitNet && t.doubted != nil:
		end := *t.doubted
		t.doubted = nil
		t.judge(end)
	case t.phase == WaitNet:
		t.launch()
	case t.ready == 0 && t.running && t.missed == 0:
		t.disconnected()
	}
}

// launch starts the next child.
func (t *turn) launch() {
	t.abandon()
	t.newChild()
	t.enter(Starting, "")
	t.running, t.started, t.served, t.ready = true, t.now, false, 0
	t.actions = append(t.actions, action{do: doStart, child: t.child, protocol: t.transport()})
}

// newChild counts a child and forgets what was seen of the one before.
func (t *turn) newChild() {
	t.child++
	t.goods, t.missed, t.idle, t.quic, t.refusals = 0, 0, 0, 0, 0
	t.nextProcess, t.nextPublic = t.now.Add(t.rise(t.process)), t.now.Add(t.hurry(t.public))
	t.route = nil
	for _, c := range processCauses {
		if f := t.find(c); f != nil && !f.open {
			f.seen = 0
		}
	}
}

// transport is the protocol of the next start.
func (t *turn) transport() string {
	if t.now.Before(t.pinned) {
		return "http2"
	}
	return t.protocol
}

// unstarted says that a child could not be started at all.
type unstarted struct {
	child  int
	cause  Cause // Binary, BadConfig or Credentials
	reason string
}

func (u unstarted) apply(t *turn) {
	if u.child != t.child {
		return
	}
	t.running = false
	if t.heldFor == OperatorHold {
		return // it is wanted down anyway
	}
	t.sure(u.cause, u.reason, nil)
	t.holdFor(u.cause)
}
