package tunnel

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"sync"
	"time"
)

// record is what outlives the gateway, in state.json.
type record struct {
	Restarts []time.Time `json:"restarts,omitempty"`
	Pinned   time.Time   `json:"http2Until,omitzero"`
	Process  identity    `json:"process,omitzero"`
	// Members are those that an app's process has started, in its group.
	Members []identity `json:"members,omitempty"`
}

const maxRecord = 64 << 10

// save writes the record; a disk that refuses is logged and stops nothing.
func (r *runner) save() {
	if r.job.dir() == "" {
		return
	}
	r.saving.Lock()
	defer r.saving.Unlock()
	r.mu.Lock()
	rec := record{Restarts: r.state.restarts, Pinned: r.state.pinned}
	newest := 0
	for n, c := range r.children {
		if n > newest && c.isUp() {
			newest, rec.Process, rec.Members = n, c.process.ident, c.members
		}
	}
	r.mu.Unlock()
	text, err := json.Marshal(rec)
	if err == nil {
		err = writeFile(r.path("state.json"), text)
	}
	if err != nil {
		r.opt.Log.Warn("tunnel state not saved", "error", err)
	}
}

// isUp reports whether c has a process, without waiting for one.
func (c *child) isUp() bool {
	select {
	case <-c.started:
		return c.process != nil
	default:
		return false
	}
}

// restore takes over budget and pin of the gateway before us, and remembers the connector it may have left.
func (r *runner) restore() {
	if r.job.dir() == "" {
		return
	}
	text, err := readSmall(r.path("state.json"), maxRecord)
	if os.IsNotExist(err) {
		return
	}
	var rec record
	if err == nil {
		err = json.Unmarshal(text, &rec)
	}
	if err != nil {
		r.opt.Log.Warn("tunnel state not read; the restart budget begins anew", "error", err)
		return
	}
	now := r.opt.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, at := range rec.Restarts {
		if !at.After(now) { // a clock that was ahead must not lock the budget
			r.state.restarts = append(r.state.restarts, at)
		}
	}
	r.state.pinned = minTime(rec.Pinned, now.Add(r.pace.pin))
	r.orphan, r.stale = rec.Process, rec.Members
}

// clearStale ends what an app of the gateway before us has left, before ours starts: it may hold the port. Only
// processes whose recorded identity still is theirs are signalled.
func (r *runner) clearStale(ctx context.Context) {
	if !r.state.app {
		return
	}
	left := append(r.stale, r.orphan)
	r.stale, r.orphan = nil, identity{}
	var wg sync.WaitGroup
	for _, id := range left {
		if id.alive() {
			r.opt.Log.Warn("supervised process: a stale one is ended", "pid", id.PID, "exe", id.Exe)
			wg.Go(func() { id.end(ctx, r.job.grace()) })
		}
	}
	wg.Wait()
}

// noteMembers records who is in the group of c, where that has changed.
func (r *runner) noteMembers(c *child) {
	r.mu.Lock()
	app := r.state.app
	r.mu.Unlock()
	if !app || c.process == nil {
		return
	}
	now := groupMembers(c.process.pid)
	r.mu.Lock()
	same := slices.Equal(now, c.members)
	c.members = now
	r.mu.Unlock()
	if !same {
		r.save()
	}
}

// drainOrphan ends the connector that the gateway before us left, now that ours serves.
func (r *runner) drainOrphan() {
	left := r.orphan
	r.orphan = identity{}
	if left.PID == 0 {
		return
	}
	r.wg.Go(func() { left.end(r.work, r.job.grace()) })
}

// takeFolder takes the lock of the state folder, so that two gateways never fight over one tunnel. It waits until the
// folder is free; it returns nil where ctx ended first.
func (r *runner) takeFolder(ctx context.Context) (func(), error) {
	if r.job.dir() == "" {
		return func() {}, nil
	}
	if err := os.MkdirAll(r.job.dir(), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(r.path("lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	again := time.NewTicker(500 * time.Millisecond)
	defer again.Stop()
	for lockFile(f) != nil {
		r.advance(inUse{r.job.dir()})
		select {
		case <-ctx.Done():
			return nil, f.Close()
		case <-again.C:
		case <-r.in: // nothing can be done about anything yet
		}
	}
	return func() { _ = f.Close() }, nil // closing frees the lock
}

// inUse says that another process has the state folder.
type inUse struct{ dir string }

func (u inUse) apply(t *turn) {
	t.bad(StateInUse, "another process supervises this tunnel: "+u.dir+" is locked", nil)
	t.holdFor(StateInUse)
}
