package wire

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/dbguard"
	"sallyport/dbguard/localpg"
)

// looked waits for a health check that began after now and returns its outcome.
func looked(t *testing.T, d *doorway) dbguard.Health {
	t.Helper()
	since := time.Now()
	until(t, "a health check", func() bool {
		at := d.guard.Snapshot().Health.LastCheck
		return at != nil && at.After(since.Add(50*time.Millisecond))
	})
	return d.guard.Snapshot().Health
}

func TestHealthIsAskedWithinThePoolAndIsNoQuery(t *testing.T) {
	var dials atomic.Int32
	d := open(t, func(s *setup) {
		s.checkEvery, s.settings.Pool.Max = 10*time.Millisecond, 1
		s.dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			dials.Add(1)
			return (&net.Dialer{}).DialContext(ctx, network, addr)
		}
	})
	if h := looked(t, d); !h.Healthy || h.Latency <= 0 {
		t.Errorf("without a client: got %+v, want healthy with a latency", h)
	}
	c := d.connect(t, "")
	wants(t, c, "select 42", "42")
	before := dials.Load()
	for range 20 {
		wants(t, c, "select 42", "42")
		if h := looked(t, d); !h.Healthy {
			t.Errorf("beside a client: got %+v, want healthy", h)
		}
	}
	if got := dials.Load(); got != before {
		t.Errorf("checks over an idle connection dialled %d times, want 0", got-before)
	}
	wants(t, c, "begin; select 'held'", "held")
	if got := d.guard.Counters().OK; got != 22 {
		t.Errorf("counted %d queries, want the client's 22", got)
	}
	wants(t, c, "commit; select 'through'", "through")
}

func TestHealthFollowsTheServer(t *testing.T) {
	pg, err := localpg.Start(t.Context(), localpg.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pg.Stop() })
	d := open(t, func(s *setup) {
		s.checkEvery, s.upstream, s.guard.Breaker.OpenFor = 20*time.Millisecond, pg.URL("postgres"), time.Second
	})
	wants(t, d.connect(t, ""), "select 1", "1")
	for _, step := range []struct {
		do      func()
		healthy bool
	}{
		{func() {}, true},
		{pg.Kill, false},
		{func() {
			if err := pg.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
		}, true},
	} {
		step.do()
		until(t, "the server's state in the figures", func() bool { return d.guard.Snapshot().Health.Healthy == step.healthy })
	}
	if got := d.guard.Snapshot().CircuitBreaker.State; got != "closed" {
		t.Errorf("without any client the circuit is %s, want it closed by the check", got)
	}
}
