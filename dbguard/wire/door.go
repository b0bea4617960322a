// Package wire is the database door: a PostgreSQL proxy that pools server connections and asks a guard about each statement.
//
// A client has one goroutine that reads it, a server connection one that reads that. Between them stand front and back, which
// know the protocol and do no I/O: messages go in, bytes for the other side come out.
package wire

import (
	"context"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"sallyport/dbguard"
)

// Door lets PostgreSQL clients in. Its fields must not change once Run was called.
type Door struct {
	Settings Settings
	// Guard judges and counts statements, says how long they may run, and breaks the circuit to an ill database.
	Guard *dbguard.Guard
	// Logger hears of refused logins and trouble; nil drops it.
	Logger *slog.Logger
	// Now is the clock, nil the system's.
	Now func() time.Time
	// Dial reaches the database, nil by net.Dialer.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// CheckEvery is how often the guard is told whether the database answers; 0 never.
	CheckEvery time.Duration

	running atomic.Pointer[proxy]
}

// Run serves clients of ln until ctx ends, and then for as long as running transactions may take. It closes ln, and returns when
// everything it started has ended; nil where that is because ctx ended.
func (d *Door) Run(ctx context.Context, ln net.Listener) error {
	x, err := d.proxy(ln)
	if err != nil {
		_ = ln.Close()
		return err
	}
	d.running.Store(x)
	d.Guard.WatchPool(func() dbguard.PoolFigures {
		p := x.pool.snapshot()
		return dbguard.PoolFigures{Max: p.Max, Active: p.Active, Idle: p.Idle, Waiting: p.Waiting}
	})
	return x.run(ctx, ln)
}

// Sweeps counts the rounds of the loop that keeps the time limits, some each second; one that stands still means that Run hangs. It is
// 0 before Run.
func (d *Door) Sweeps() uint64 {
	x := d.running.Load()
	if x == nil {
		return 0
	}
	return x.sweeps.Load()
}
