package dbguard

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"
)

// showTop is how many structures a Snapshot holds.
const showTop = 20

// resetPoint is where the JSON view begins to count.
type resetPoint struct {
	mu   sync.Mutex // guards base
	base figures
}

// RecordHealth keeps the outcome of a health check: how long the database took, and nil where it answered.
func (g *Guard) RecordHealth(took time.Duration, err error) {
	at := g.now().UTC()
	g.health.Store(&Health{Healthy: err == nil, Latency: ms(took), LastCheck: &at})
}

// Snapshot returns the state now.
func (g *Guard) Snapshot() Snapshot {
	st := g.state.Load()
	s := Snapshot{
		Metrics: g.Metrics(), Health: g.Health(), SecurityFeatures: g.features(&st.settings), Limits: viewLimits(&st.settings), Learning: g.Learning(),
		CircuitBreaker: g.viewBreaker(st), TopQueries: g.TopQueries(showTop),
	}
	s.SlowQueries, s.Blocked = g.recent.read()
	return s
}

// Health returns Snapshot's Health alone.
func (g *Guard) Health() Health {
	if h := g.health.Load(); h != nil {
		return *h
	}
	return Health{}
}

// Reset lets the JSON view count from zero and returns what it showed. Counters are untouched.
func (g *Guard) Reset() Metrics {
	g.reset.mu.Lock()
	defer g.reset.mu.Unlock()
	now := g.counts.now(g.now())
	previous := g.viewMetrics(now.since(g.reset.base), g.reset.base.at)
	g.reset.base = now
	for _, s := range g.structures.all() {
		s.zero()
	}
	g.recent.clear()
	return previous
}

// Metrics returns Snapshot's Metrics alone, for who asks often: nothing is sorted and no statement copied for it.
func (g *Guard) Metrics() Metrics {
	g.reset.mu.Lock()
	defer g.reset.mu.Unlock()
	return g.viewMetrics(g.counts.now(g.now()).since(g.reset.base), g.reset.base.at)
}

func (g *Guard) viewMetrics(f figures, since time.Time) Metrics {
	failed, ran := f.Failed+f.Unserved, f.OK+f.Failed
	m := Metrics{
		TotalQueries: f.OK + failed + f.Blocked + f.TooComplex, SlowQueries: f.Slow, FailedQueries: failed,
		SuspiciousQueries: f.Suspicious, BlockedQueries: f.Blocked + f.TooComplex, P95Latency: ms(f.durations.quantile(0.95)),
		SuccessRate: rate(f.OK, f.OK+failed), CircuitBreakerStatus: g.state.Load().breaker.status(), Since: since.UTC(),
		Pool: g.poolFigures(),
	}
	if ran > 0 {
		m.AvgLatency = ms(f.Took / time.Duration(ran))
	}
	return m
}

// rate is part of all as a percentage, "100.00%" where there is nothing. It is rounded down: 100 % means all.
func rate(part, all uint64) string {
	if all == 0 {
		return "100.00%"
	}
	hundredths := part * 10000 / all
	return fmt.Sprintf("%d.%02d%%", hundredths/100, hundredths%100)
}

func (g *Guard) features(s *Settings) Features {
	return Features{
		SQLInjectionPrevention: s.Screen == Enforce, QueryComplexityLimit: s.Screen == Enforce && s.Limits.Complexity > 0,
		QueryTimeout: true, SlowQueryDetection: true, ConnectionPooling: g.pool.Load() != nil, CircuitBreaker: true,
		RetryWithBackoff: s.Retry.Attempts > 1, CrossDoorDetection: s.CrossDoor != Off && len(g.crossRules) > 1, AllowList: g.allowed.Load() != nil,
	}
}

func viewLimits(s *Settings) LimitsView {
	return LimitsView{
		Screen: s.Screen, CrossDoor: s.CrossDoor, Complexity: s.Limits.Complexity, SlowQueryMs: s.Limits.SlowQuery.Milliseconds(),
		QueryTimeoutMs: s.Limits.QueryTimeout.Milliseconds(), RetryAttempts: s.Retry.Attempts,
	}
}

func (g *Guard) viewBreaker(st *state) BreakerView {
	v := BreakerView{
		State: st.breaker.status(), Opened: g.opened(), Failures: st.settings.Breaker.Failures,
		OpenForMs: st.settings.Breaker.OpenFor.Milliseconds(), Dials: g.counts.dials.Load(), DialsFailed: g.counts.dialsFailed.Load(),
		Retries: g.counts.retries.Load(),
	}
	if left, refusing := st.breaker.refusing(); refusing {
		v.RetryInMs = left.Milliseconds()
	}
	return v
}

// TopQueries returns at most n structures, the one that took most time in all first.
func (g *Guard) TopQueries(n int) []TopQuery {
	type ranked struct {
		*structure
		took uint64
	}
	var all []ranked
	for _, s := range g.structures.all() {
		all = append(all, ranked{s, s.took.Load()})
	}
	slices.SortFunc(all, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(b.took, a.took), bytes.Compare(a.fingerprint[:], b.fingerprint[:]))
	})
	top := []TopQuery{}
	for _, s := range all[:min(n, len(all))] {
		top = append(top, s.view())
	}
	return top
}

func (s *structure) view() TopQuery {
	t, took, n := s.durations.read(), time.Duration(s.took.Load()), s.count.Load()
	return TopQuery{
		Fingerprint: short(s.fingerprint), Query: s.skeleton, Count: n, Failed: s.failed.Load(), Rows: s.rows.Load(),
		MeanMs: ms(took / time.Duration(max(n, 1))), P95Ms: ms(t.quantile(0.95)), P99Ms: ms(t.quantile(0.99)), TotalMs: ms(took),
	}
}
