package tunnel

import (
	"fmt"
	"slices"
	"time"
)

// spend takes one restart of the budget, and reports false where none is left in the sliding window.
func (t *turn) spend() bool {
	t.restarts = slices.DeleteFunc(t.restarts, func(at time.Time) bool { return !at.After(t.now.Add(-t.window)) })
	if len(t.restarts) >= t.limit {
		return false
	}
	t.restarts = append(t.restarts, t.now)
	t.do(doSave)
	return true
}

// heal stops the running child for c and starts another one, as far as the budget allows.
func (t *turn) heal(c Cause) {
	switch {
	case !t.managed:
		return
	case t.heldFor != "": // an attempt out of Held that did not work out
		t.do(doStop)
		t.holdFor(t.heldFor)
	case !t.spend():
		t.do(doStop)
		t.crashLoop()
	default:
		t.enter(Healing, c)
		t.do(doStop)
	}
}

// replace starts another child beside the serving one for c, as far as the budget allows.
func (t *turn) replace(c Cause) bool {
	if !t.managed || t.replacing || !t.spend() {
		return false
	}
	t.beginReplace(c)
	return true
}

func (t *turn) beginReplace(c Cause) {
	t.replacing = true
	t.enter(Healing, c)
	t.actions = append(t.actions, action{do: doReplace, child: t.child + 1, protocol: t.transport()})
}

// renew is a restart that an operator asked for; it costs nothing. Two apps cannot listen on one port, so an app is
// stopped first.
func (t *turn) renew() {
	if !t.app {
		t.beginReplace("")
		return
	}
	t.enter(Healing, "")
	t.do(doStop)
}

// again starts another child after one that has ended, as far as the budget allows.
func (t *turn) again(c Cause) {
	switch {
	case t.heldFor != "":
		t.holdFor(t.heldFor)
	case !t.spend():
		t.crashLoop()
	default:
		t.backOff(c)
	}
}

// backOff waits a random while, longer from try to try, before the next start.
func (t *turn) backOff(c Cause) {
	t.enter(Backoff, c)
	t.resume = t.now.Add(t.delay())
	t.tries++
}

// delay is full jitter between first and a cap that doubles with each try up to longest.
func (t *turn) delay() time.Duration {
	limit := min(t.longest, t.first<<min(t.tries+1, 20))
	return t.first + time.Duration(t.roll()%uint64(limit-t.first+1))
}

// roll is the next number of the jitter's own sequence (splitmix64).
func (t *turn) roll() uint64 {
	t.seed += 0x9e3779b97f4a7c15
	z := t.seed
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (t *turn) crashLoop() {
	t.sure(CrashLoop, fmt.Sprintf("%d restarts in %s did not help; one attempt every %s from here on", t.limit, t.window, t.retry), nil)
	t.holdFor(CrashLoop)
}

// holdFor stops trying for c; one attempt is made per retry interval, so that nothing is held for ever.
func (t *turn) holdFor(c Cause) {
	t.abandon()
	t.heldFor = c
	t.ready = 0
	t.resume = t.now.Add(t.retry)
	t.enter(Held, c)
}

// abandon gives up a start beside the serving child: the one on its way is the current one from here on, and is stopped. Its
// number must not be given to another.
func (t *turn) abandon() {
	if !t.replacing {
		return
	}
	t.replacing = false
	t.child++
	t.running = true
	t.do(doStop)
}

// replaced says how a start beside the serving child went.
type replaced struct {
	child  int // the new one
	ok     bool
	reason string // why not
}

func (r replaced) apply(t *turn) {
	if !t.replacing || r.child != t.child+1 {
		return
	}
	t.replacing = false
	if r.ok {
		t.newChild()
		t.running, t.started, t.served, t.ready = true, t.now, true, 1
		t.nextProcess = t.now
		t.enter(Up, "")
		return
	}
	t.renewals++
	if t.running {
		t.enter(Up, "") // the old one serves on
		return
	}
	t.child++ // the failed one had this number
	t.again(t.cause)
}
