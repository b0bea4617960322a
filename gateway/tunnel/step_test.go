package tunnel

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

var dawn = time.Date(2026, 3, 1, 6, 0, 0, 0, time.UTC)

// world drives step with a clock of its own.
type world struct {
	t       *testing.T
	s       state
	p       pace
	now     time.Time
	done    []string // verbs, with the child's number
	told    []Incident
	starts  []string // protocols
	dropped int
}

func newWorld(t *testing.T, managed bool) *world {
	w := &world{t: t, now: dawn, p: paceOf(Defaults().Watch)}
	w.s = state{managed: managed, probing: true, protocol: "auto", phase: Off, since: dawn, seed: 1}
	return w
}

// see lets step judge ev now.
func (w *world) see(evs ...evidence) *world {
	for _, ev := range evs {
		var actions []action
		w.s, actions = step(w.s, w.p, ev, w.now)
		for _, a := range actions {
			switch a.do {
			case doTell:
				w.told = append(w.told, a.incident)
			case doStart, doReplace:
				w.starts = append(w.starts, a.protocol)
				w.done = append(w.done, fmt.Sprintf("%s %d", a.do, a.child))
			case doStop:
				w.done = append(w.done, fmt.Sprintf("%s %d", a.do, a.child))
			default:
				w.done = append(w.done, string(a.do))
			}
		}
	}
	return w
}

func (w *world) wait(d time.Duration) *world { w.now = w.now.Add(d); return w }

// sleep moves to the next wake-up and ticks.
func (w *world) sleep() *world {
	wake := w.s.wake()
	if wake.IsZero() {
		w.t.Fatalf("phase %s never wakes", w.s.phase)
	}
	if wake.After(w.now) {
		w.now = wake
	}
	return w.see(tick{})
}

// up brings a managed tunnel up by its first child.
func (w *world) up() *world {
	w.see(boot{}, network{up: true})
	w.see(w.ready(4), w.reached())
	return w.see(w.ready(4), w.reached()).forget()
}

func (w *world) forget() *world { w.done, w.told, w.starts = nil, nil, nil; return w }

func (w *world) ready(n int) readiness { return readiness{child: w.s.child, answered: true, ready: n} }
func (w *world) silent() readiness     { return readiness{child: w.s.child, fault: "timeout"} }
func (w *world) reached() probed       { return probed{class: ProbeReached} }
func (w *world) ended(code int, class lineClass, line string) exited {
	return exited{child: w.s.child, code: code, class: class, line: line}
}

// restarted brings the tunnel from Backoff to Up.
func (w *world) restarted() *world {
	w.t.Helper()
	if w.s.phase != Backoff {
		w.t.Fatalf("phase is %s, want backoff", w.s.phase)
	}
	w.sleep().see(network{up: true})
	return w.see(w.ready(4)).wait(time.Second).see(w.ready(4))
}

func (w *world) want(phase Phase, cause Cause) *world {
	w.t.Helper()
	if w.s.phase != phase || w.s.cause != cause {
		w.t.Fatalf("state is %s (%s), want %s (%s)", w.s.phase, w.s.cause, phase, cause)
	}
	return w
}

func (w *world) wantSpent(n int) *world {
	w.t.Helper()
	if got := w.s.used(w.p, w.now); got != n {
		w.t.Fatalf("%d restarts spent, want %d", got, n)
	}
	return w
}

// wantTold compares incidents as "+CRASH" for opened and "-CRASH" for over.
func (w *world) wantTold(want ...string) *world {
	w.t.Helper()
	var got []string
	for _, i := range w.told {
		got = append(got, map[bool]string{true: "+", false: "-"}[i.Open]+string(i.Cause))
	}
	if !slices.Equal(got, want) {
		w.t.Fatalf("told %q, want %q", got, want)
	}
	return w
}

func (w *world) did(verb string) bool { return slices.Contains(w.done, verb) }

func TestStepComesUp(t *testing.T) {
	w := newWorld(t, true)
	w.see(boot{}).want(WaitNet, "")
	w.see(network{up: true}).want(Starting, "")
	if !w.did("start 1") {
		t.Fatalf("did %q, want start 1", w.done)
	}
	w.see(w.ready(0)).want(Starting, "")
	w.see(w.ready(1)).want(Up, "")
	w.wantSpent(0).wantTold()
}

// cureCase is one row of the cause and action table.
type cureCase struct {
	cause Cause
	see   func(w *world) // from Up to the moment the cause is dealt with
	phase Phase
	spent int
	heals bool   // the way back is Backoff, start, ready
	quote string // stands in the incident
}

var cureCases = []cureCase{
	{Crash, func(w *world) { w.see(w.ended(137, lineOther, "")) }, Backoff, 1, true, "signal 9"},
	{Hung, func(w *world) {
		w.see(w.silent(), w.silent(), w.silent()).want(Healing, Hung)
		w.see(w.ended(143, lineOther, ""))
	}, Backoff, 1, true, "timeout"},
	{Stopped, func(w *world) {
		w.see(readiness{child: w.s.child, frozen: true}).want(Healing, Stopped)
		w.see(w.ended(137, lineOther, ""))
	}, Backoff, 1, true, "stopped by a signal"},
	{RouteLost, func(w *world) {
		for range 3 {
			w.see(probed{class: ProbeRouteLost, quote: "status 530, error code 1033"})
		}
	}, Healing, 1, false, "1033"},
	{QUICBlocked, func(w *world) {
		w.see(w.ready(0), network{up: true})
		for range 3 {
			w.see(logged{child: w.s.child, class: lineQUICDial, line: "timeout: no recent network activity"})
		}
		w.want(Healing, QUICBlocked).see(w.ended(0, lineOther, ""))
	}, Backoff, 1, true, "QUIC"},
	{Disconnected, func(w *world) {
		for range idleToHeal {
			w.see(w.ready(0), network{up: true})
		}
		w.want(Healing, Disconnected).see(w.ended(0, lineOther, ""))
	}, Backoff, 1, true, "no connection"},
	{NetworkDown, func(w *world) {
		w.see(w.ready(0), network{reason: "no such host"}, w.ready(0), network{reason: "no such host"})
	}, Degraded, 0, false, "no such host"},
	{Auth, func(w *world) {
		w.see(w.ready(0))
		w.see(logged{child: 1, class: lineAuth, line: "Unauthorized: Invalid tunnel secret"}, logged{child: 1, class: lineAuth, line: "Unauthorized: Invalid tunnel secret"})
	}, Held, 0, false, "Invalid tunnel secret"},
	{Credentials, func(w *world) { w.see(w.ended(1, lineCredentials, "tunnel credentials file not found")) }, Held, 0, false, "credentials file not found"},
	{Usage, func(w *world) { w.see(w.ended(0, lineUsage, "flag provided but not defined")) }, Held, 0, false, "flag provided"},
	{BadConfig, func(w *world) { w.see(w.ended(1, lineConfig, "yaml: line 3")) }, Held, 0, false, "yaml: line 3"},
	{Binary, func(w *world) { w.see(image{child: 1, reason: "SHA-256 differs"}) }, Degraded, 0, false, "SHA-256"},
	{Bypass, func(w *world) {
		w.see(rules{child: 1, cause: Bypass, summary: "localhost"}, rules{child: 1, cause: Bypass, summary: "localhost"})
	}, Degraded, 0, false, "localhost"},
	{Drift, func(w *world) {
		w.see(rules{child: 1, cause: Drift, summary: "8080 9999"}, rules{child: 1, cause: Drift, summary: "8080 9999"})
	}, Degraded, 0, false, "9999"},
	{NotOurs, twice(ProbeOther), Degraded, 0, false, "somebody else"},
	{OriginDown, twice(ProbeOrigin), Degraded, 0, false, "does not reach the HTTP door"},
	{TLS, twice(ProbeTLS), Degraded, 0, false, "certificate"},
	{PublicDNS, twice(ProbeDNS), Degraded, 0, false, "resolve"},
	{Unreachable, twice(ProbeTimeout), Degraded, 0, false, "cannot be reached"},
	{Direct, twice(ProbeDirect), Up, 0, false, "without passing Cloudflare"},
	{Foreign, func(w *world) {
		w.see(probed{class: ProbeReached, foreign: true}, probed{class: ProbeReached, foreign: true})
	}, Up, 0, false, "2 of 4 probes"},
	{CertExpiring, func(w *world) { w.see(probed{class: ProbeReached, expires: w.now.Add(5*24*time.Hour + time.Hour)}) }, Up, 0, false, "5 days"},
	{CrashLoop, func(w *world) {
		for range 5 {
			w.see(w.ended(1, lineOther, "boom")).restarted()
		}
		w.see(w.ended(1, lineOther, "boom"))
	}, Held, 5, false, "5 restarts"},
	{OperatorHold, func(w *world) { w.see(orderHold, w.ended(0, lineOther, "")) }, Held, 0, false, "operator"},
	{BackupFailed, func(w *world) { w.see(backedUp{errors.New("disk full")}) }, Up, 0, false, "disk full"},
	{StateInUse, func(w *world) { w.see(inUse{"/x"}) }, Held, 0, false, "/x"},
}

func twice(c ProbeClass) func(*world) {
	return func(w *world) { w.see(probed{class: c}, probed{class: c}) }
}

func TestEveryCauseIsMetAsTheTableSays(t *testing.T) {
	for _, c := range cureCases {
		t.Run(string(c.cause), func(t *testing.T) {
			w := newWorld(t, true).up()
			c.see(w)
			if w.s.phase != c.phase {
				t.Errorf("phase is %s, want %s", w.s.phase, c.phase)
			}
			w.wantSpent(c.spent)
			var opened []Incident
			for _, i := range w.told {
				if i.Open && i.Cause == c.cause {
					opened = append(opened, i)
				}
			}
			if len(opened) != 1 {
				t.Fatalf("%s opened %d times, want once; told %v", c.cause, len(opened), w.told)
			}
			if !strings.Contains(opened[0].Summary, c.quote) {
				t.Errorf("summary is %q, want it to quote %q", opened[0].Summary, c.quote)
			}
			if opened[0].Severity != rowOf(c.cause).severity {
				t.Errorf("severity is %s, want %s", opened[0].Severity, rowOf(c.cause).severity)
			}
			if c.heals {
				w.forget().restarted().want(Up, "").wantTold("-" + string(c.cause))
			}
			if rowOf(c.cause).cure == tell && len(w.starts) > 0 {
				t.Errorf("%s restarted %d times, want never", c.cause, len(w.starts))
			}
		})
	}
}

func TestEveryCauseHasItsRow(t *testing.T) {
	for _, r := range table {
		if !slices.ContainsFunc(cureCases, func(c cureCase) bool { return c.cause == r.cause }) {
			t.Errorf("%s has no case", r.cause)
		}
	}
	if len(cureCases) != len(table) {
		t.Errorf("%d cases, want the %d of the table", len(cureCases), len(table))
	}
}

func TestStepTellsOnlyAfterConfirmation(t *testing.T) {
	w := newWorld(t, true).up()
	w.see(probed{class: ProbeOrigin}).want(Suspect, OriginDown).wantTold()
	w.see(w.reached()).want(Up, "").wantTold()
	w.see(probed{class: ProbeOrigin}, w.reached(), probed{class: ProbeOrigin}).wantTold()
	w.see(probed{class: ProbeOrigin}).want(Degraded, OriginDown).wantTold("+" + string(OriginDown))
	w.see(w.reached()).want(Degraded, OriginDown)
	w.see(w.reached()).want(Up, "").wantTold("+"+string(OriginDown), "-"+string(OriginDown))
}

func TestBudgetIsFiveInASlidingHour(t *testing.T) {
	w := newWorld(t, true).up()
	for i := range 5 {
		w.see(w.ended(137, lineOther, "")).wantSpent(i + 1).restarted().wait(time.Minute)
	}
	w.see(w.ended(137, lineOther, "")).want(Held, CrashLoop)
	critical := 0
	for _, i := range w.told {
		if i.Open && i.Severity == Critical {
			critical++
		}
	}
	if critical != 1 {
		t.Errorf("%d critical incidents opened, want 1", critical)
	}
	if n := len(w.starts); n != 5 {
		t.Errorf("%d restarts, want 5", n)
	}
}

func TestBudgetIsFreeAgainAfterAnHour(t *testing.T) {
	w := newWorld(t, true).up()
	first := w.now
	for range 5 {
		w.see(w.ended(137, lineOther, "")).restarted().wait(time.Minute)
	}
	w.now = first.Add(time.Hour - time.Nanosecond)
	w.wantSpent(5)
	w.now = first.Add(time.Hour)
	w.wantSpent(4)
	w.see(w.ended(137, lineOther, "")).want(Backoff, Crash).wantSpent(5)
}

func TestHeldTriesOncePerHalfHourAndRecovers(t *testing.T) {
	w := newWorld(t, true).up()
	for range 6 {
		w.see(w.ended(1, lineOther, "boom"))
		if w.s.phase == Backoff {
			w.restarted()
		}
	}
	w.want(Held, CrashLoop).forget()
	began := w.now
	for i := range 3 { // attempts that fail are free and tell nothing
		w.sleep()
		if got, want := w.now.Sub(began), time.Duration(i+1)*30*time.Minute; got != want {
			t.Fatalf("attempt %d came after %s, want %s", i+1, got, want)
		}
		w.see(network{up: true}).see(w.ready(1)).see(w.ended(1, lineOther, "boom")).want(Held, CrashLoop)
	}
	w.wantTold().sleep().see(network{up: true}).see(w.ready(4), w.ready(4)).want(Up, "")
	w.wantTold("-"+string(Crash), "-"+string(CrashLoop))
	if w.s.heldFor != "" {
		t.Errorf("still held for %s after recovery", w.s.heldFor)
	}
}

func TestWaitingForTheNetworkIsFree(t *testing.T) {
	w := newWorld(t, true).see(boot{})
	for range 100 {
		w.see(network{reason: "no such host"}).want(WaitNet, NetworkDown).sleep()
	}
	w.wantSpent(0).wantTold("+" + string(NetworkDown))
	if len(w.starts) != 0 {
		t.Fatalf("%d starts without a network, want none", len(w.starts))
	}
	w.see(network{up: true}).see(w.ready(4), w.ready(4)).want(Up, "").wantTold("+"+string(NetworkDown), "-"+string(NetworkDown))
}

func TestFailedStartWithoutNetworkIsFree(t *testing.T) {
	w := newWorld(t, true).see(boot{}, network{up: true})
	w.see(w.ended(1, lineNetwork, "no such host")).want(WaitNet, "").wantSpent(0)
	w.see(network{reason: "no such host"}).wantSpent(0).sleep()
	w.see(network{up: true}).want(Starting, "").wantSpent(0)
	w.see(w.ended(1, lineOther, "first registration")).see(network{up: true}).want(Backoff, Crash).wantSpent(1)
}

func TestSlowStartIsNotHungUntilItsLimit(t *testing.T) {
	w := newWorld(t, true).see(boot{}, network{up: true})
	for range 17 {
		w.wait(10*time.Second).see(w.silent(), tick{}).want(Starting, "").wantTold()
	}
	w.wait(11*time.Second).see(tick{}).want(Healing, Hung).wantTold("+" + string(Hung))
	w.see(w.ended(143, lineOther, "")).restarted().wantSpent(1)
	w.see(w.silent(), w.silent()).want(Suspect, Hung).wantSpent(1)
}

func TestDelayIsJitteredAndCapped(t *testing.T) {
	p := paceOf(Defaults().Watch)
	for seed := range uint64(200) {
		tr := &turn{pace: p, state: state{seed: seed}}
		for tries := range 12 {
			tr.tries = tries
			limit := min(p.longest, p.first<<(tries+1))
			if d := tr.delay(); d < p.first || d > limit {
				t.Fatalf("delay of try %d is %s, want %s to %s", tries, d, p.first, limit)
			}
		}
	}
}

func TestLostRouteIsRestartedOnceNotAgainAndAgain(t *testing.T) {
	w := newWorld(t, true).up()
	lost := probed{class: ProbeRouteLost, quote: "status 530, error code 1033"}
	w.see(lost, w.reached(), lost, lost).want(Healing, RouteLost).wantSpent(1)
	w.see(replaced{child: 2, ok: true}).see(w.ready(4))
	for range 20 {
		w.see(lost).wait(time.Minute)
	}
	w.wantSpent(1).want(Degraded, RouteLost)
	for range 11 {
		w.see(lost).wait(time.Minute)
	}
	w.wantSpent(2)
}

func TestRouteLossNeedsThreeOfFour(t *testing.T) {
	w := newWorld(t, true).up()
	lost := probed{class: ProbeRouteLost}
	for range 10 {
		w.see(lost, w.reached(), w.reached())
	}
	w.see(w.reached()).wantSpent(0).wantTold().want(Up, "")
}

func TestReplaceKeepsTheOldChildWhereTheNewOneFails(t *testing.T) {
	w := newWorld(t, true).up().see(orderRestart).want(Healing, "")
	if !w.did("replace 2") {
		t.Fatalf("did %q, want replace 2", w.done)
	}
	w.see(replaced{child: 2, reason: "no connection"}).want(Up, "").wantSpent(0)
	if w.s.child != 1 {
		t.Errorf("child is %d, want the old one, 1", w.s.child)
	}
	w.see(w.ready(4)).see(w.ended(137, lineOther, "")).want(Backoff, Crash)
}

func TestHoldDuringAReplaceStopsBothAndNoNumberIsGivenTwice(t *testing.T) {
	w := newWorld(t, true).up().see(orderRestart).see(orderHold).want(Held, OperatorHold)
	if !w.did("stop 1") || !w.did("stop 2") {
		t.Fatalf("did %q, want both stopped", w.done)
	}
	w.see(replaced{child: 2, ok: true}).want(Held, OperatorHold)
	w.see(exited{child: 2}).want(Held, OperatorHold)
	w.see(orderRelease, network{up: true}).want(Starting, "").wantSpent(0)
	if !w.did("start 3") {
		t.Errorf("did %q, want start 3", w.done)
	}
}

func TestOldChildThatDiesDuringReplaceDoesNotMatter(t *testing.T) {
	w := newWorld(t, true).up().see(orderRestart)
	w.see(w.ended(0, lineOther, "")).want(Healing, "")
	w.see(replaced{child: 2, ok: true}).want(Up, "").wantSpent(0)
	w = newWorld(t, true).up().see(orderRestart)
	w.see(w.ended(0, lineOther, "")).see(replaced{child: 2, reason: "no"}).want(Backoff, "").wantSpent(1)
}

func TestForeignConnectorIsASharedTunnelNotAnOutage(t *testing.T) {
	w := newWorld(t, true).up()
	for range 10 {
		w.see(probed{class: ProbeOther})
	}
	for range 12 {
		w.see(w.reached())
	}
	w.wantTold("+"+string(NotOurs), "-"+string(NotOurs)).forget()
	for range 4 {
		w.see(probed{class: ProbeOther}, w.reached(), w.reached())
	}
	w.wantTold("+" + string(Foreign))
	for range 19 {
		w.see(w.reached())
	}
	w.wantTold("+"+string(Foreign), "-"+string(Foreign))
}

func TestHTTP2StaysPinnedForADay(t *testing.T) {
	w := newWorld(t, true).see(boot{}, network{up: true})
	for range 3 {
		w.see(logged{child: 1, class: lineQUICDial, line: "timeout"})
	}
	w.see(w.ended(0, lineOther, "")).restarted()
	w.wait(23*time.Hour + 59*time.Minute).see(w.ended(137, lineOther, "")).restarted()
	w.wait(time.Hour).see(w.ended(137, lineOther, "")).restarted()
	if want := []string{"auto", "http2", "http2", "auto"}; !slices.Equal(w.starts, want) {
		t.Errorf("started with %q, want %q", w.starts, want)
	}
}

func TestObservedTunnelIsNeverTouched(t *testing.T) {
	for _, c := range cureCases {
		w := newWorld(t, false).see(boot{})
		w.see(readiness{answered: true, ready: 4}, readiness{answered: true, ready: 4})
		for range 12 {
			w.see(w.silent()).wait(time.Minute).see(tick{})
		}
		for range 12 {
			w.see(readiness{answered: true}, network{up: true}, probed{class: ProbeRouteLost}, rules{cause: Drift}).wait(time.Minute)
		}
		for _, d := range w.done {
			if !strings.HasPrefix(d, "check-") {
				t.Fatalf("%s: did %q to a tunnel that is only watched", c.cause, d)
			}
		}
	}
}

func TestObservedTunnelThatDoesNotAnswerHasNoConnections(t *testing.T) {
	w := newWorld(t, false).see(boot{})
	w.see(readiness{answered: true, ready: 4}, readiness{answered: true, ready: 4}).want(Up, "")
	w.see(w.silent(), w.silent()).want(Suspect, Hung)
	if w.s.ready != 4 {
		t.Errorf("after two checks without an answer: %d connections, want the 4 of before", w.s.ready)
	}
	w.see(w.silent()).want(Degraded, Hung)
	if w.s.ready != 0 {
		t.Errorf("after three checks without an answer: %d connections, want 0: nobody knows of any", w.s.ready)
	}
	w.see(readiness{answered: true, ready: 4}, readiness{answered: true, ready: 4}).want(Up, "").wantTold("+"+string(Hung), "-"+string(Hung))
}

func TestHoldAndReleaseByAnOperator(t *testing.T) {
	w := newWorld(t, true).up().see(orderHold).want(Held, OperatorHold)
	w.see(w.ended(0, lineOther, "")).want(Held, OperatorHold)
	if !w.s.wake().IsZero() {
		t.Error("an operator's hold ends by itself, want it to last")
	}
	w.wait(48*time.Hour).see(tick{}).want(Held, OperatorHold)
	w.see(orderRelease, network{up: true}).see(w.ready(4), w.ready(4)).want(Up, "").wantTold("+"+string(OperatorHold), "-"+string(OperatorHold))
}

func TestStoppingIgnoresWhatComesAfter(t *testing.T) {
	w := newWorld(t, true).up().see(orderStop).want(Stopping, "")
	w.see(w.silent(), w.ended(0, lineOther, ""), orderHold, orderRelease, tick{}).want(Stopping, "").wantSpent(0).wantTold()
}

func TestStepLeavesItsArgumentAlone(t *testing.T) {
	w := newWorld(t, true).up().see(probed{class: ProbeRouteLost})
	before := fmt.Sprintf("%+v", w.s)
	for range 5 {
		step(w.s, w.p, probed{class: ProbeRouteLost}, w.now)
		step(w.s, w.p, exited{child: 1, code: 1}, w.now)
	}
	if after := fmt.Sprintf("%+v", w.s); after != before {
		t.Errorf("step changed its argument:\n%s\n%s", before, after)
	}
}

func TestFlappingConnectionOpensAndEndsInPairs(t *testing.T) {
	w := newWorld(t, true).up()
	for range 6 {
		w.see(w.ready(0), network{up: true}, w.ready(0), network{up: true}, w.ready(4), w.ready(4)).wait(time.Minute)
	}
	if len(w.told) != 12 {
		t.Fatalf("%d incidents told, want 12", len(w.told))
	}
	for i, in := range w.told {
		if in.Open != (i%2 == 0) || in.Cause != Disconnected {
			t.Errorf("incident %d is %s open=%v, want opened and over in turn", i, in.Cause, in.Open)
		}
	}
}
