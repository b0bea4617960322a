package tunnel

import (
	"fmt"
	"strings"
)

// exited says that a child has ended.
type exited struct {
	child  int
	code   int       // exit code; 128+n for signal n
	class  lineClass // of the last line that told a reason
	line   string    // that line, shortened
	forced bool      // we had to kill it
}

func (e exited) apply(t *turn) {
	if e.child != t.child || !t.running {
		return
	}
	t.running, t.ready, t.goods, t.missed = false, 0, 0, 0
	t.relapse()
	switch {
	case t.replacing, t.phase == Stopping, t.phase == Held:
		return
	case t.phase == Healing && t.cause == "":
		t.lookForNetwork() // an operator asked for it: nothing is wrong, so nothing is waited for
	case t.phase == Healing:
		t.backOff(t.cause)
	case e.code == 1 && !t.served && e.class != lineConfig && e.class != lineCredentials && e.class != lineAuth:
		t.doubted = &e // no name service at boot looks like this too: five restarts would be burnt in seconds
		t.lookForNetwork()
	default:
		t.judge(e)
	}
}

// judge decides what an end means. An exit code of 0 before any connection is a usage error: cloudflared prints help and exits 0.
func (t *turn) judge(e exited) {
	quoted := e.quoted()
	switch {
	case t.app:
		t.crashed(e)
	case e.class == lineUsage, e.code == 0 && !t.served:
		t.end(Usage, "cloudflared did not understand how it was started"+quoted)
	case e.class == lineAuth, e.code == 255:
		t.end(Auth, "the edge or cloudflared refuses the tunnel's secret"+quoted)
	case e.class == lineCredentials:
		t.end(Credentials, "cloudflared cannot use the credentials"+quoted)
	case e.class == lineConfig:
		t.end(BadConfig, "cloudflared refuses its configuration"+quoted)
	default:
		t.crashed(e)
	}
}

// crashed starts it again, as far as the budget allows.
func (t *turn) crashed(e exited) {
	t.sure(Crash, fmt.Sprintf("%s ended with %s%s", t.who(), e.how(), e.quoted()), nil)
	t.again(Crash)
}

// end holds for a cause that no restart cures.
func (t *turn) end(c Cause, summary string) {
	t.sure(c, summary, nil)
	if t.heldFor == "" || t.heldFor == CrashLoop {
		t.holdFor(c)
		return
	}
	t.holdFor(t.heldFor)
}

// how says the exit code in words.
func (e exited) how() string {
	if e.code > 128 {
		return fmt.Sprintf("signal %d", e.code-128)
	}
	return fmt.Sprintf("exit code %d", e.code)
}

func (e exited) quoted() string {
	if e.line == "" {
		return ""
	}
	return ": " + strings.TrimSpace(e.line)
}

// logged is a line of the child's log that means something.
type logged struct {
	child int
	class lineClass
	line  string
}

// refusalsToHold is how many lines of refusal we want before giving up: a single one can be a hiccup of the edge.
const refusalsToHold = 2

// dialsToPin is after how many failed QUIC dials http2 is used; cloudflared's own fallback takes more than two minutes.
const dialsToPin = 3

func (l logged) apply(t *turn) {
	if l.child != t.child || !t.running {
		return
	}
	switch l.class {
	case lineRegistered:
		t.quic, t.refusals = 0, 0
		t.nextProcess = t.now
	case lineQUICDial:
		t.quicFailed(l.line)
	case lineAuth:
		t.refused(l.line)
	}
}

func (t *turn) quicFailed(line string) {
	if t.ready > 0 || t.phase == Healing || t.phase == Held {
		return
	}
	t.quic++
	if !t.bad(QUICBlocked, "QUIC (UDP 7844) does not get through to the edge: "+line, nil) || t.quic < dialsToPin {
		return
	}
	if t.protocol == "auto" && !t.now.Before(t.pinned) {
		t.pinned = t.now.Add(t.pin)
		t.do(doSave)
		t.heal(QUICBlocked)
	}
}

func (t *turn) refused(line string) {
	t.refusals++
	if t.ready > 0 || t.refusals < refusalsToHold || t.phase == Held {
		return
	}
	if t.managed {
		t.do(doStop)
	}
	t.end(Auth, "the edge refuses the tunnel's secret: "+line)
}
