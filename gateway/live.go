package gateway

import (
	"context"
	"sync"
	"time"

	"sallyport/dbguard"
	"sallyport/gateway/journal"
)

// Live is the state of the gateway at one second, with what happened since the second before.
type Live struct {
	At         time.Time `json:"at"`
	Status     string    `json:"status"`
	Generation int       `json:"generation"`
	// Requests, Queries, Refused, Blocked and Failed happened within the second.
	Requests int64 `json:"requests"`
	Queries  int64 `json:"queries"`
	Refused  int64 `json:"refused"`
	Blocked  int64 `json:"blocked"`
	Failed   int64 `json:"failed"`
	// ServerErrors are answers of 500 and more.
	ServerErrors int64 `json:"serverErrors"`
	InFlight     int64 `json:"inFlight"`
	// RequestP95, AppP95 and QueryP95 are milliseconds over the last one to two minutes; QueryP95 over all since the reset.
	RequestP95 float64             `json:"requestP95"`
	AppP95     float64             `json:"appP95"`
	QueryP95   float64             `json:"queryP95"`
	Pool       dbguard.PoolFigures `json:"pool"`
	AppBreaker string              `json:"appBreaker"`
	Breaker    string              `json:"breaker"`
	RSS        uint64              `json:"rss"`
	Tunnel     string              `json:"tunnel"`
	Holds      int                 `json:"holds"`
}

// live keeps the last hour, a Live each second, and what the next one is compared with.
type live struct {
	mu     sync.Mutex // guards what follows
	recent []Live     // oldest first, at most liveKept
	before counted
}

// liveKept is how many seconds are kept.
const liveKept = 3600

// counted are the counters that Live tells the growth of.
type counted struct{ requests, queries, refused, blocked, failed, serverErrors int64 }

// Live returns the newest second; the zero Live before the first.
func (g *Gateway) Live() Live {
	g.live.mu.Lock()
	defer g.live.mu.Unlock()
	if len(g.live.recent) == 0 {
		return Live{}
	}
	return g.live.recent[len(g.live.recent)-1]
}

// Recent returns the last n seconds, oldest first.
func (g *Gateway) Recent(n int) []Live {
	g.live.mu.Lock()
	defer g.live.mu.Unlock()
	from := max(len(g.live.recent)-n, 0)
	return append([]Live{}, g.live.recent[from:]...)
}

// pulse is the one clock of the gateway: each second it takes the figures, folds events and keeps totals; each minute it
// turns the latency windows.
func (g *Gateway) pulse(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	ready := g.history.Ready()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			g.lastBeat(ctx, ready)
			return nil
		case <-ready:
			ready = nil
			g.restoreTotals(context.WithoutCancel(ctx))
			g.restoreChecks(context.WithoutCancel(ctx))
		case <-tick.C:
			g.beat(g.clock())
			g.beats.Add(1)
			if n%60 == 0 {
				g.latency.turn()
				g.naming.turn(namesOf(g.visitors))
			}
		}
	}
}

// lastBeat takes what happened since the last second; a process that lived for a moment may not have looked back yet.
func (g *Gateway) lastBeat(ctx context.Context, ready <-chan struct{}) {
	select {
	case <-ready:
		g.restoreTotals(context.WithoutCancel(ctx))
	default:
	}
	g.beat(g.clock())
}

// beat is one second.
func (g *Gateway) beat(now time.Time) {
	l := g.measure(now)
	g.live.mu.Lock()
	g.live.recent = append(g.live.recent, l)
	if len(g.live.recent) > liveKept+600 { // moved once in ten minutes, not each second
		g.live.recent = append(g.live.recent[:0], g.live.recent[len(g.live.recent)-liveKept:]...)
	}
	g.live.mu.Unlock()
	g.history.Sample(now, l.figures())
	g.narrator.folds.sweep(now)
	g.saveTotals()
}

// measure takes the figures of now.
func (g *Gateway) measure(now time.Time) Live {
	n := g.current.Load()
	app := n.app.Snapshot()
	v := g.visitors
	l := Live{
		At: now.UTC(), Status: g.judge().Status, Generation: n.number, InFlight: v.InFlight.Load(), RequestP95: milliseconds(g.latency.quantile(0.95)),
		AppP95: milliseconds(app.P95), AppBreaker: app.Breaker, Breaker: "closed", RSS: residentBytes(), Tunnel: "off", Holds: len(v.Holds.List()),
	}
	c := counted{requests: v.Requests.Load(), serverErrors: g.serverErrors.Load(), refused: v.RateLimited.Load() + v.TooLarge.Load() + v.TooSlow.Load() + v.BadOrigin.Load() + v.Held.Load() + g.malformed.Load()}
	if g.database != nil {
		q := g.database.guard.Counters()
		c.blocked, c.failed = int64(q.Blocked+q.TooComplex), int64(q.Failed+q.Unserved)
		c.queries = int64(q.OK) + c.blocked + c.failed
		m := g.database.guard.Metrics()
		l.Pool, l.Breaker, l.QueryP95 = m.Pool, m.CircuitBreakerStatus, m.P95Latency
	}
	if g.tunnel != nil {
		l.Tunnel = string(g.tunnel.Snapshot().State)
	}
	b := &g.live.before // only the pulse's goroutine touches it
	l.Requests, l.Queries, l.Refused, l.Blocked, l.Failed = c.requests-b.requests, c.queries-b.queries, c.refused-b.refused, c.blocked-b.blocked, c.failed-b.failed
	l.ServerErrors = c.serverErrors - b.serverErrors
	*b = c
	return l
}

// figures are the series that the history keeps.
func (l Live) figures() []journal.Figure {
	f := []journal.Figure{
		{Name: "requests", Fold: journal.Sum, Value: float64(l.Requests)},
		{Name: "queries", Fold: journal.Sum, Value: float64(l.Queries)},
		{Name: "refused", Fold: journal.Sum, Value: float64(l.Refused)},
		{Name: "blocked", Fold: journal.Sum, Value: float64(l.Blocked)},
		{Name: "failed", Fold: journal.Sum, Value: float64(l.Failed)},
		{Name: "server_errors", Fold: journal.Sum, Value: float64(l.ServerErrors)},
		{Name: "in_flight", Fold: journal.Max, Value: float64(l.InFlight)},
		{Name: "request_p95", Fold: journal.Mean, Value: l.RequestP95},
		{Name: "app_p95", Fold: journal.Mean, Value: l.AppP95},
		{Name: "query_p95", Fold: journal.Mean, Value: l.QueryP95},
		{Name: "pool_active", Fold: journal.Max, Value: float64(l.Pool.Active)},
		{Name: "pool_waiting", Fold: journal.Max, Value: float64(l.Pool.Waiting)},
		{Name: "rss", Fold: journal.Mean, Value: float64(l.RSS)},
		{Name: "holds", Fold: journal.Max, Value: float64(l.Holds)},
	}
	up := 1.0
	if l.Status == unhealthy {
		up = 0
	}
	return append(f, journal.Figure{Name: "up", Fold: journal.Mean, Value: up})
}
