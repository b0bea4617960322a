package gateway

import (
	"context"
	"errors"
	"time"

	"sallyport/dbguard/wire"
	"sallyport/gateway/journal"
)

const (
	checkEvery  = 10 * time.Second // between two looks at the database
	checkAgain  = time.Second      // after a look for which there was no room, or which failed
	checkWithin = 5 * time.Second  // for one look
)

// watchDatabase looks at the database until ctx ends and writes down when it falls ill, after two failures in a row, and when
// it is well again.
func (g *Gateway) watchDatabase(ctx context.Context) error {
	failures, timer := 0, time.NewTimer(100*time.Millisecond)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		next := checkEvery
		switch err := g.lookAtDatabase(ctx); {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, wire.ErrNoRoom):
			next = checkAgain
		case err != nil:
			next = checkAgain
			if failures++; failures == 2 {
				g.journal.Add(journal.Event{Door: "database", Kind: "database-down", Severity: journal.Critical, Summary: "The database does not answer."})
				g.log.Warn("database check", "error", err)
			}
		default:
			if failures >= 2 {
				g.journal.Add(journal.Event{Door: "database", Kind: "database-up", Summary: "The database answers again."})
			}
			failures = 0
		}
		timer.Reset(next)
	}
}

// lookAtDatabase checks once and tells the guard.
func (g *Gateway) lookAtDatabase(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, checkWithin)
	defer cancel()
	began := time.Now()
	err := g.database.door.Check(within)
	if ctx.Err() == nil && !errors.Is(err, wire.ErrNoRoom) {
		g.database.guard.RecordHealth(time.Since(began), err)
	}
	return err
}
