package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"sallyport/dbguard"
	"sallyport/gateway/journal"
)

// totalsKey is where the figures of earlier processes are kept in the history.
const totalsKey = "totals"

// figures are counters of the JSON view, over all processes since a moment.
type figures struct {
	Since time.Time `json:"since"`
	// Total, Slow, Failed, Suspicious and Blocked are queries; Ran those that took TookMs milliseconds in all.
	Total, Slow, Failed, Suspicious, Blocked, Ran uint64
	TookMs                                        float64
	// Requests, RateLimited and TooLarge are requests of the HTTP door.
	Requests, RateLimited, TooLarge int64
}

// totals adds what earlier processes counted to the figures of this one.
type totals struct {
	mu       sync.Mutex // guards what follows
	base     figures    // of earlier processes
	queries  dbguard.Counters
	restored bool // base holds what the history had
	saved    figures
}

// begin starts counting at now.
func (t *totals) begin(now time.Time) { t.base.Since = now.UTC() }

// of returns the figures with those of earlier processes; g's own are the parts'.
func (g *Gateway) figures() figures {
	g.totals.mu.Lock()
	defer g.totals.mu.Unlock()
	return g.figuresLocked()
}

// figuresLocked is figures; the caller holds totals.mu.
func (g *Gateway) figuresLocked() figures {
	f := g.totals.base
	f.Requests += g.visitors.Requests.Load()
	f.RateLimited += g.visitors.RateLimited.Load()
	f.TooLarge += g.visitors.TooLarge.Load()
	if g.database == nil {
		return f
	}
	now, from := g.database.guard.Counters(), g.totals.queries
	f.Failed += now.Failed + now.Unserved - from.Failed - from.Unserved
	f.Blocked += now.Blocked + now.TooComplex - from.Blocked - from.TooComplex
	f.Slow += now.Slow - from.Slow
	f.Suspicious += now.Suspicious - from.Suspicious
	f.Ran += now.OK + now.Failed - from.OK - from.Failed
	f.Total += now.OK + now.Failed + now.Unserved + now.Blocked + now.TooComplex - from.OK - from.Failed - from.Unserved - from.Blocked - from.TooComplex
	f.TookMs += float64((now.Took - from.Took).Microseconds()) / 1000
	return f
}

// databaseMetrics are the guard's metrics with those of earlier processes.
func (g *Gateway) databaseMetrics() dbguard.Metrics {
	f := g.figures()
	m := dbguard.Metrics{CircuitBreakerStatus: "closed"}
	if g.database != nil {
		m = g.database.guard.Metrics()
	}
	m.TotalQueries, m.SlowQueries, m.FailedQueries, m.SuspiciousQueries, m.BlockedQueries = f.Total, f.Slow, f.Failed, f.Suspicious, f.Blocked
	m.Since, m.AvgLatency, m.SuccessRate = f.Since, 0, successRate(f.Total-f.Failed-f.Blocked, f.Total-f.Blocked)
	if f.Ran > 0 {
		m.AvgLatency = float64(int64(f.TookMs/float64(f.Ran)*1000)) / 1000
	}
	return m
}

// successRate is part of all as a percentage, rounded down: 100 % means all.
func successRate(part, all uint64) string {
	if all == 0 {
		return "100.00%"
	}
	hundredths := part * 10000 / all
	return fmt.Sprintf("%d.%02d%%", hundredths/100, hundredths%100)
}

// resetQueries lets the queries count from zero and returns what they were.
func (g *Gateway) resetQueries(now time.Time) dbguard.Metrics {
	before := g.databaseMetrics()
	g.totals.mu.Lock()
	defer g.totals.mu.Unlock()
	b := &g.totals.base
	*b = figures{Since: now.UTC(), Requests: b.Requests, RateLimited: b.RateLimited, TooLarge: b.TooLarge}
	if g.database != nil {
		g.totals.queries = g.database.guard.Counters()
		g.database.guard.Reset()
	}
	return before
}

// restoreTotals adds what the history kept of earlier processes, once its file is open.
func (g *Gateway) restoreTotals(ctx context.Context) {
	text, err := g.history.State(ctx, totalsKey)
	if err != nil {
		if !errors.Is(err, journal.ErrNotOpen) {
			g.log.Warn("totals", "error", err)
		}
		return
	}
	var old figures
	if text != nil && json.Unmarshal(text, &old) != nil {
		old = figures{} // another version's: counting begins anew
	}
	g.totals.mu.Lock()
	defer g.totals.mu.Unlock()
	g.totals.restored = true
	if old.Since.IsZero() {
		return
	}
	b := &g.totals.base
	b.Since = old.Since
	b.Total, b.Slow, b.Failed, b.Suspicious, b.Blocked = b.Total+old.Total, b.Slow+old.Slow, b.Failed+old.Failed, b.Suspicious+old.Suspicious, b.Blocked+old.Blocked
	b.Ran, b.TookMs = b.Ran+old.Ran, b.TookMs+old.TookMs
	b.Requests, b.RateLimited, b.TooLarge = b.Requests+old.Requests, b.RateLimited+old.RateLimited, b.TooLarge+old.TooLarge
}

// saveTotals keeps the figures for the next process where they changed. Before the old ones are known it keeps nothing.
func (g *Gateway) saveTotals() {
	g.totals.mu.Lock()
	defer g.totals.mu.Unlock()
	f := g.figuresLocked()
	if !g.totals.restored || f == g.totals.saved {
		return
	}
	text, err := json.Marshal(f)
	if err != nil {
		g.log.Warn("totals", "error", err)
		return
	}
	g.totals.saved = f
	g.history.Keep(totalsKey, text)
}
