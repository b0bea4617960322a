package tunnel

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/gateway/alert"
	"sallyport/gateway/journal"
)

// day is a model of cloudflared, the network and the edge, with step and a real alert desk on top, in fake time.
type day struct {
	t    *testing.T
	dice *rand.Rand
	s    state
	p    pace
	desk *alert.Desk

	events []event              // what is to come, sorted by time
	alive  int                  // number of the child that runs, 0 for none
	silent bool                 // it does not answer
	frozen bool                 // it is stopped
	lost   bool                 // the edge has no route to it
	faults map[string]time.Time // until when a fault lasts

	told   []Incident
	spends []time.Time
}

// event is something that happens at a time.
type event struct {
	at time.Time
	do func()
}

func (d *day) in(after time.Duration, do func()) {
	d.events = append(d.events, event{time.Now().Add(after), do})
	slices.SortStableFunc(d.events, func(a, b event) int { return a.at.Compare(b.at) })
}

func (d *day) has(fault string) bool { return time.Now().Before(d.faults[fault]) }

// see is one step and the actions that follow from it.
func (d *day) see(ev evidence) {
	var actions []action
	d.s, actions = step(d.s, d.p, ev, time.Now())
	for _, a := range actions {
		d.carryOut(a)
	}
}

func (d *day) carryOut(a action) {
	n := a.child
	switch a.do {
	case doStart:
		d.in(time.Second, func() { d.born(n) })
	case doReplace:
		d.in(3*time.Second, func() { d.born(n); d.see(replaced{child: n, ok: true}) })
	case doStop:
		d.in(time.Second, func() { d.dies(n, 143) })
	case doCheckProcess:
		d.in(10*time.Millisecond, func() { d.look(n) })
	case doCheckPublic:
		d.in(50*time.Millisecond, func() { d.see(probed{class: d.class(), expires: dawn.Add(200 * 365 * 24 * time.Hour)}) })
	case doCheckNetwork:
		d.in(20*time.Millisecond, func() { d.see(network{up: !d.has("network"), reason: "no such host"}) })
	case doTell:
		d.tell(a.incident)
	case doSave:
		if n := len(d.s.restarts); n > 0 && (len(d.spends) == 0 || !d.s.restarts[n-1].Equal(d.spends[len(d.spends)-1])) {
			d.spends = append(d.spends, d.s.restarts[n-1])
		}
	}
}

func (d *day) born(n int) {
	if d.has("network") && n == d.s.child {
		d.alive = n
		d.dies(n, 1)
		return
	}
	d.alive, d.silent, d.frozen, d.lost = n, false, false, false
}

func (d *day) dies(n, code int) {
	if d.alive == n {
		d.alive = 0
	}
	d.see(exited{child: n, code: code})
}

func (d *day) look(n int) {
	if d.alive != n {
		return
	}
	ready := 4
	if d.has("network") {
		ready = 0
	}
	d.see(readiness{child: n, answered: !d.silent, ready: ready, frozen: d.frozen, fault: "timeout"})
	if d.silent || d.frozen {
		return
	}
	found := rules{child: n}
	if d.has("drift") {
		found.cause, found.summary = Drift, "elsewhere"
	}
	d.see(found)
}

func (d *day) class() ProbeClass {
	switch {
	case d.has("network"):
		return ProbeTimeout
	case d.lost:
		return ProbeRouteLost
	case d.has("origin"):
		return ProbeOrigin
	}
	return ProbeReached
}

func (d *day) tell(i Incident) {
	d.told = append(d.told, i)
	if i.Open {
		d.desk.Open(alert.Fault{Cause: string(i.Cause), Severity: journal.Severity(i.Severity), Summary: i.Summary})
	} else {
		d.desk.Close(string(i.Cause), "")
	}
}

// strike lets a random fault happen now.
func (d *day) strike() {
	lasts := time.Duration(1+d.dice.IntN(100)) * time.Minute
	switch kind := d.dice.IntN(7); kind {
	case 0:
		d.dies(d.alive, 137)
	case 1:
		d.silent = true
	case 2:
		d.frozen = true
	case 3:
		d.lost = true
	default:
		d.faults[[]string{"network", "drift", "origin"}[kind-4]] = time.Now().Add(lasts)
	}
}

// live lets time pass until end: events when they are due, ticks when step wants them.
func (d *day) live(end time.Time) {
	for time.Now().Before(end) {
		next, wake := end, d.s.wake()
		if !wake.IsZero() && wake.Before(next) {
			next = wake
		}
		if len(d.events) > 0 && d.events[0].at.Before(next) {
			next = d.events[0].at
		}
		time.Sleep(max(time.Until(next), time.Millisecond))
		synctest.Wait()
		if len(d.events) > 0 && !time.Now().Before(d.events[0].at) {
			e := d.events[0]
			d.events = d.events[1:]
			e.do()
			continue
		}
		d.see(tick{})
	}
}

// mailbox counts messages by their state.
type mailbox map[alert.State]int

func (m mailbox) Send(_ context.Context, e alert.Event) error {
	m[e.State]++
	return nil
}

func TestDayOfRandomFaultsIsToldExactly(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { liveADay(t, seed) })
		})
	}
}

func liveADay(t *testing.T, seed uint64) {
	set, box := alert.Defaults(), mailbox{}
	set.MaxPerHour = 1000
	d := &day{t: t, dice: rand.New(rand.NewPCG(seed, 1)), p: paceOf(Defaults().Watch), faults: map[string]time.Time{}}
	d.desk = alert.New(set, alert.Options{Channels: []alert.Channel{{Name: "box", Sender: box}}})
	d.s = state{managed: true, probing: true, protocol: "auto", phase: Off, seed: seed}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.desk.Run(ctx) }()
	began := time.Now()
	d.see(boot{})
	for time.Since(began) < 24*time.Hour {
		d.live(time.Now().Add(15*time.Minute + time.Duration(d.dice.IntN(25))*time.Minute))
		d.strike()
	}
	d.live(time.Now().Add(3 * time.Hour)) // every fault is over by then
	end := time.Now()
	synctest.Wait()
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if d.s.phase != Up {
		t.Errorf("the day ends in %s (%s), want up", d.s.phase, d.s.cause)
	}
	opened, resolved, reminders := tally(t, d.told, end)
	if opened != resolved || opened == 0 {
		t.Errorf("%d opened and %d resolved, want as many", opened, resolved)
	}
	if box[alert.Opened] != opened || box[alert.Resolved] != resolved || box[alert.Reminder] != reminders || len(box) > 3 {
		t.Errorf("messages are %v, want %d opened, %d resolved, %d reminders and nothing else", box, opened, resolved, reminders)
	}
	wantBudgetKept(t, d.spends)
	t.Logf("%d incidents, %d reminders, %d restarts", opened, reminders, len(d.spends))
}

// tally counts what was opened and resolved, in turn for each cause, and the reminders that were due in between.
func tally(t *testing.T, told []Incident, end time.Time) (opened, resolved, reminders int) {
	t.Helper()
	open := map[Cause]time.Time{}
	for _, i := range told {
		since, was := open[i.Cause]
		if was == i.Open {
			t.Errorf("%s is told open=%v twice in a row", i.Cause, i.Open)
		}
		if i.Open {
			opened++
			open[i.Cause] = i.At
			continue
		}
		resolved++
		delete(open, i.Cause)
		for _, after := range []time.Duration{time.Hour, 6 * time.Hour, 24 * time.Hour} {
			if since.Add(after).Before(i.At) {
				reminders++
			}
		}
	}
	if len(open) > 0 {
		t.Errorf("open at %s: %v", end, open)
	}
	return opened, resolved, reminders
}

func wantBudgetKept(t *testing.T, spends []time.Time) {
	t.Helper()
	for i := range spends {
		n := 0
		for _, at := range spends[i:] {
			if at.Sub(spends[i]) < time.Hour {
				n++
			}
		}
		if n > 5 {
			t.Errorf("%d restarts within an hour, want at most 5", n)
		}
	}
}
