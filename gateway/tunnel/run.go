package tunnel

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Run supervises until ctx ends, and returns when the child and all else it started have ended. A supervisor that is off
// only waits.
func (s *Supervisor) Run(ctx context.Context) error {
	defer close(s.done)
	if s.job == nil {
		<-ctx.Done()
		return nil
	}
	r := &runner{Supervisor: s, spawner: startSpawner(), busy: map[verb]bool{}}
	r.work, r.cancel = context.WithCancel(context.WithoutCancel(ctx)) // children are stopped with grace, not with ctx
	defer r.spawner.close()
	defer r.wg.Wait()
	defer r.cancel()
	unlock, err := r.takeFolder(ctx)
	if err != nil || unlock == nil {
		return err
	}
	defer unlock()
	r.restore()
	r.clearStale(ctx)
	r.advance(boot{})
	if s.backup != nil {
		r.wg.Go(func() { s.backup.run(r.work, func(err error) { r.post(backedUp{err}) }) })
	}
	r.loop(ctx)
	return nil
}

// runner is what lives only while Run does.
type runner struct {
	*Supervisor
	spawner *spawner
	work    context.Context // of checks
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	busy    map[verb]bool // checks under way; guarded by mu
	saving  sync.Mutex    // one save at a time
	stale   []identity    // what an app left by the gateway before us has started
	orphan  identity      // a connector left by the gateway before us, drained once ours serves
}

// loop hands evidence to step until ctx has ended and no child is left.
func (r *runner) loop(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	ending := ctx.Done()
	for running := true; running || r.anyChild(); {
		timer.Reset(r.untilWake())
		select {
		case ev := <-r.in:
			if re, ok := ev.(repaced); ok {
				r.mu.Lock()
				r.pace = re.pace
				r.mu.Unlock()
			}
			r.advance(ev)
		case <-timer.C:
			r.advance(tick{})
		case <-ending:
			ending, running = nil, false
			r.advance(orderStop)
			r.stopAll()
		}
	}
}

// untilWake is how long step wants to sleep.
func (r *runner) untilWake() time.Duration {
	wake := r.state.wake() // only this goroutine changes it
	if wake.IsZero() {
		return time.Hour
	}
	return max(wake.Sub(r.opt.Now()), time.Millisecond)
}

// advance is one step and what follows from it.
func (r *runner) advance(ev evidence) {
	now := r.opt.Now()
	before := r.state
	after, actions := step(before, r.pace, ev, now)
	r.mu.Lock()
	r.state = after
	if before.phase != after.phase || before.cause != after.cause {
		r.remember(Transition{At: now, State: after.phase, Cause: after.cause, PID: r.pidLocked(after.child)})
	}
	r.mu.Unlock()
	if before.phase != after.phase {
		r.opt.Log.Info("supervised process: changed", "state", string(after.phase), "cause", string(after.cause))
	}
	if after.ready > 0 && before.ready == 0 {
		r.drainOrphan()
	}
	for _, a := range actions {
		r.carryOut(a)
	}
}

// carryOut begins an action; nothing here blocks.
func (r *runner) carryOut(a action) {
	switch a.do {
	case doStart:
		r.begin(a.child, a.protocol)
	case doReplace:
		r.beginBeside(a.child, a.protocol)
	case doStop:
		r.end(a.child)
	case doCheckProcess:
		r.check(a.do, func(ctx context.Context) []evidence { return r.lookAt(ctx, a.child) })
	case doCheckPublic:
		r.check(a.do, r.lookFromOutside)
	case doCheckNetwork:
		r.check(a.do, r.lookForEdge)
	case doTell:
		r.opt.Log.Log(r.work, levelOf(a.incident), "supervised process: incident", "cause", string(a.incident.Cause), "open", a.incident.Open, "summary", a.incident.Summary)
		r.opt.OnIncident(a.incident)
	case doSave:
		r.save()
	}
}

func levelOf(i Incident) slog.Level {
	switch {
	case !i.Open:
		return slog.LevelInfo
	case i.Severity == Critical:
		return slog.LevelError
	}
	return slog.LevelWarn
}

// check gathers evidence beside the loop; a check of the same kind that is still under way is not doubled.
func (r *runner) check(v verb, look func(context.Context) []evidence) {
	r.mu.Lock()
	busy := r.busy[v]
	r.busy[v] = true
	r.mu.Unlock()
	if busy {
		return
	}
	r.wg.Go(func() {
		found := look(r.work)
		r.mu.Lock()
		r.busy[v] = false
		r.mu.Unlock()
		for _, ev := range found {
			r.post(ev)
		}
	})
}

// lookFromOutside probes the public URL.
func (r *runner) lookFromOutside(ctx context.Context) []evidence {
	p := r.probe(ctx)
	return []evidence{probed{class: p.Class, quote: p.quote, foreign: p.Foreign, expires: p.NotAfter}}
}

// edgeHost is a name that cloudflared resolves to find the edge.
const edgeHost = "region1.v2.argotunnel.com"

// lookForEdge asks the name service for the edge. Whether it can be reached is cloudflared's to find out.
func (r *runner) lookForEdge(ctx context.Context) []evidence {
	if !r.job.needsNetwork() {
		return []evidence{network{up: true}}
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if _, err := r.opt.Lookup(ctx, edgeHost); err != nil {
		return []evidence{network{reason: shorten(cause(err), 200)}}
	}
	return []evidence{network{up: true}}
}
