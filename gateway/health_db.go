package gateway

import (
	"context"
	"time"

	"sallyport/gateway/journal"
)

// downAfter is how many looks in a row must fail before the database is called down.
const downAfter = 2

// watchDatabase writes down when the database falls ill and when it is well again, by what the door told its guard, until ctx ends.
func (g *Gateway) watchDatabase(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var seen time.Time
	failures := 0
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		h := g.database.guard.Health()
		if h.LastCheck == nil || !h.LastCheck.After(seen) {
			continue
		}
		seen = *h.LastCheck
		failures = g.noteLook(h.Healthy, failures)
	}
}

// noteLook writes down what one look changes, and returns how many have failed in a row.
func (g *Gateway) noteLook(well bool, failures int) int {
	if !well {
		if failures++; failures == downAfter {
			g.journal.Add(journal.Event{Door: "database", Kind: "database-down", Severity: journal.Critical, Summary: "The database does not answer."})
		}
		return failures
	}
	if failures >= downAfter {
		g.journal.Add(journal.Event{Door: "database", Kind: "database-up", Summary: "The database answers again."})
	}
	return 0
}
