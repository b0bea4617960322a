package wire

import (
	"context"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"sallyport/dbguard"
)

// outage is what was seen of a database that went down and came back behind a door.
type outage struct {
	// dials were tried until the circuit opened, probes when it was half-open.
	dials, probes int
	// refused are how long refusals took while it was open.
	refused []time.Duration
}

// stopAndStart stops the database behind a door with idle clients, asks it tries times while the circuit is open, and starts it.
func stopAndStart(t *testing.T, idle, tries int) outage {
	t.Helper()
	pg := ownServer(t)
	var o outage
	var dials, probes atomic.Int32
	var d *doorway
	d = open(t, func(s *setup) {
		s.upstream = pg.URL("postgres")
		s.guard.Breaker.OpenFor = 3 * time.Second // longer than all the tries take
		s.dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			dials.Add(1)
			if d.guard.Snapshot().Metrics.CircuitBreakerStatus == "half-open" {
				probes.Add(1)
			}
			return new(net.Dialer).DialContext(ctx, network, addr)
		}
	})
	conns := make([]*pgconn.PgConn, idle)
	for i := range conns {
		conns[i] = d.connect(t, "")
	}
	wants(t, conns[0], "select 1", "1")
	pg.Shutdown()
	d.untilLost(t)
	dials.Store(0)
	isOpen := func() bool { return d.guard.Snapshot().Metrics.CircuitBreakerStatus == "open" }
	for !isOpen() {
		fails(t, conns[0], "select 1", "57P03")
	}
	o.dials = int(dials.Load())
	for i := range tries {
		began := time.Now()
		_, err := try(conns[i%idle], "select 1")
		if !isOpen() {
			break
		}
		o.refused = append(o.refused, time.Since(began))
		if codeOf(err) != "57P03" {
			t.Errorf("with the circuit open got %v, want 57P03", err)
		}
	}
	if got := len(d.Snapshot().Clients); got != idle {
		t.Errorf("%d clients are connected while the database is down, want %d", got, idle)
	}
	if err := pg.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	var recovered atomic.Int32
	all(idle, func(i int) {
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
			if got, err := try(conns[i], "select 7"); err == nil && got == "7" {
				recovered.Add(1)
				return
			}
		}
	})
	if int(recovered.Load()) != idle {
		t.Errorf("%d of %d clients work again without a new connection", recovered.Load(), idle)
	}
	o.probes = int(probes.Load())
	return o
}

func TestBreakerOpensAfterFiveDialsAndClosesAfterOneProbe(t *testing.T) {
	o := stopAndStart(t, 20, 20)
	if o.dials > 5 || o.dials == 0 {
		t.Errorf("%d dials until the circuit opened, want 1 to 5", o.dials)
	}
	if o.probes != 1 {
		t.Errorf("%d probes until it closed, want 1", o.probes)
	}
}

func TestEveryQueryIsCountedOnce(t *testing.T) {
	d := open(t, func(s *setup) {
		s.guard.Screen, s.guard.Limits.QueryTimeout = dbguard.Enforce, time.Second
		s.settings.Pool.Max, s.settings.Pool.Wait = 1, 100*time.Millisecond
	})
	c, other := d.connect(t, ""), d.connect(t, "")
	for range 3 {
		ask(t, c, "select 1") // ok
	}
	fails(t, c, "select 1/0", "22012")                                      // failed
	fails(t, c, "select nothing", "42703")                                  // failed
	fails(t, c, "select pg_sleep(5)", "57014")                              // failed
	fails(t, c, "select 1"+strings.Repeat("+1", 25_000), "54001")           // refused
	ask(t, c, "begin")                                                      // ok
	fails(t, other, "select 1", "53300")                                    // unserved
	fails(t, c, "select 1/0", "22012")                                      // failed
	fails(t, c, "select 1", "25P02")                                        // failed
	ask(t, c, "rollback")                                                   // ok
	if _, err := c.Prepare(t.Context(), "p", "select 8", nil); err != nil { // not run
		t.Fatal(err)
	}
	for range 2 {
		if r := c.ExecPrepared(t.Context(), "p", nil, nil, nil).Read(); r.Err != nil { // ok
			t.Fatal(r.Err)
		}
	}
	if _, err := c.Prepare(t.Context(), "q", "select nothing", nil); codeOf(err) != "42703" { // failed
		t.Errorf("got %v, want 42703", err)
	}
	got := d.guard.Counters()
	if got.OK != 7 || got.Failed != 6 || got.TooComplex != 1 || got.Unserved != 1 || got.Blocked != 0 || got.Running != 0 {
		t.Errorf("counted %+v, want 7 ok, 6 failed, 1 too complex, 1 unserved", got)
	}
	if m := d.guard.Snapshot().Metrics; m.TotalQueries != 15 || m.FailedQueries != 7 || m.BlockedQueries != 1 {
		t.Errorf("counted %+v, want 15 in all, 7 failed, 1 blocked", m)
	}
}
