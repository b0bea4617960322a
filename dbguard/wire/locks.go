package wire

import (
	"context"
	"strconv"
	"strings"
	"time"
)

// lockWaits is how long a statement waited for locks of others.
type lockWaits struct {
	// over is the sum of the waits that ended; since and current are of the one that goes on, or was seen last.
	over, current time.Duration
	since         time.Time
}

func (w *lockWaits) all() time.Duration { return w.over + w.current }

// seen notes that at now a wait went on for so long; 0 that none did.
func (w *lockWaits) seen(now time.Time, lasted time.Duration) {
	since := now.Add(-lasted)
	if lasted == 0 || since.Sub(w.since).Abs() > time.Second/10 {
		w.over, w.current = w.over+w.current, 0
	}
	w.current, w.since = lasted, since
}

// locksEvery is how often locks are looked at while a statement runs that may become slow: in a tenth of the time that makes it so.
func (x *proxy) locksEvery() time.Duration {
	return max(x.guard.Settings().Limits.SlowQuery/10, sweepEvery)
}

// watchLocks notes how long statements wait for locks, so that these waits do not count as slowness, until ctx ends. It asks over
// an idle server connection; where there is none, it does not know.
func (x *proxy) watchLocks(ctx context.Context) {
	for {
		every := x.locksEvery()
		select {
		case <-ctx.Done():
			return
		case <-time.After(every):
			x.lookAtLocks(ctx, every)
		}
	}
}

// lookAtLocks asks the database about the statements that run for at least so long.
func (x *proxy) lookAtLocks(ctx context.Context, atLeast time.Duration) {
	running := x.running(atLeast)
	if len(running) == 0 {
		return
	}
	x.pool.mu.Lock()
	l := x.pool.spareIdle()
	x.pool.mu.Unlock()
	if l == nil {
		return
	}
	waiting, cancel := context.WithTimeout(ctx, healthWait)
	defer cancel()
	row, err := l.inquire(waiting, lockQuery(running))
	if err != nil {
		return
	}
	r := rowReader{rest: row[min(2, len(row)):]}
	list, _ := r.next()
	lasted := readLockWaits(list)
	now := x.now()
	for busy, since := range running {
		if !busy.mu.TryLock() {
			continue
		}
		if busy.since.Equal(since) {
			busy.locks.seen(now, lasted[busy.pid])
		}
		busy.mu.Unlock()
	}
}

// running are the links whose statement runs for at least so long, with its beginning.
func (x *proxy) running(atLeast time.Duration) map[*link]time.Time {
	x.pool.mu.Lock()
	defer x.pool.mu.Unlock()
	var found map[*link]time.Time
	now := x.now()
	for l := range x.pool.links {
		if l.holder.Load() == nil || !l.mu.TryLock() {
			continue
		}
		if !l.since.IsZero() && now.Sub(l.since) >= atLeast {
			if found == nil {
				found = map[*link]time.Time{}
			}
			found[l] = l.since
		}
		l.mu.Unlock()
	}
	return found
}

// lockQuery asks which of the links' backends wait for a lock, and for how many milliseconds: "123 4567,124 89".
func lockQuery(of map[*link]time.Time) string {
	pids := make([]string, 0, len(of))
	for l := range of {
		pids = append(pids, strconv.FormatUint(uint64(l.pid), 10))
	}
	return "SELECT pg_catalog.string_agg(pid || ' ' || pg_catalog.round(extract(epoch FROM pg_catalog.clock_timestamp() - waitstart) * 1000), ',') " +
		"FROM pg_catalog.pg_locks WHERE NOT granted AND waitstart IS NOT NULL AND pid IN (" + strings.Join(pids, ",") + ")"
}

func readLockWaits(list string) map[uint32]time.Duration {
	lasted := map[uint32]time.Duration{}
	for one := range strings.SplitSeq(list, ",") {
		pid, ms, _ := strings.Cut(one, " ")
		n, err := strconv.ParseUint(pid, 10, 32)
		if d, err2 := strconv.ParseInt(ms, 10, 64); err == nil && err2 == nil {
			lasted[uint32(n)] = max(time.Duration(d)*time.Millisecond, 1)
		}
	}
	return lasted
}
