package wire

import (
	"testing"
	"time"
)

func TestWaitingForLocksIsNotSlowness(t *testing.T) {
	d := open(t, func(s *setup) { s.guard.Limits.SlowQuery = 2 * time.Second })
	watch, locker := direct(t), direct(t)
	ask(t, watch, "drop table if exists contended; create table contended(a int); insert into contended values (1)")
	a, b := d.connect(t, ""), d.connect(t, "")
	ask(t, locker, "begin; update contended set a = 2")
	done := make(chan error, 1)
	go func() { _, err := try(a, "update contended set a = 3"); done <- err }()
	until(t, "it to wait", func() bool { return backends(t, watch, "wait_event_type='Lock'") == "1" })
	wants(t, b, "select 1", "1") // so that a server connection idles
	until(t, "the door to see it wait for longer than what is slow", func() bool { return d.seenWaiting() > 3*time.Second })
	ask(t, locker, "commit")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if m := d.guard.Snapshot().Metrics; m.SlowQueries != 0 {
		t.Errorf("%d queries were slow, want 0: it waited for a lock", m.SlowQueries)
	}
	ask(t, a, "select pg_sleep(2.2)")
	if got := d.guard.Snapshot(); got.Metrics.SlowQueries != 1 {
		t.Errorf("%d queries were slow, want 1: nobody held it up", got.Metrics.SlowQueries)
	}
}

// seenWaiting is the longest wait for locks that the door knows of.
func (d *doorway) seenWaiting() (longest time.Duration) {
	p := d.running.Load().pool
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		if l.mu.TryLock() {
			longest = max(longest, l.locks.all())
			l.mu.Unlock()
		}
	}
	return longest
}

func TestLockWaitsAddUp(t *testing.T) {
	var w lockWaits
	at := time.Unix(1000, 0)
	for _, s := range []struct{ after, lasted time.Duration }{
		{0, time.Second}, {time.Second, 2 * time.Second}, {2 * time.Second, 0}, {3 * time.Second, time.Second / 2}, {4 * time.Second, time.Second / 4},
	} {
		w.seen(at.Add(s.after), s.lasted)
	}
	if got, want := w.all(), 2750*time.Millisecond; got != want {
		t.Errorf("waits of 2 s, 0.5 s and 0.25 s add up to %s, want %s", got, want)
	}
}
