package dbguard

import (
	"context"
	"sync"
	"time"
)

// Permit is the right to run one query; its holder must End it exactly once and not touch it afterwards.
type Permit struct {
	// Rows is how many rows the query answered or changed; the holder may set it before End.
	Rows int64
	// LockWait is how long the query waited for locks of others, as far as it is known; the holder may set it before End.
	LockWait time.Duration

	guard   *Guard
	client  Client
	verdict *Verdict
	began   time.Time
	cancel  context.CancelFunc // nil where no deadline was set
}

// permits are reused: a query costs no allocation.
var permits = sync.Pool{New: func() any { return new(Permit) }}

// Start counts one execution of v as running and returns its permit. It never blocks.
func (g *Guard) Start(c Client, v *Verdict) *Permit {
	p := permits.Get().(*Permit)
	*p = Permit{guard: g, client: c, verdict: v, began: g.now()}
	g.counts.running.Add(1)
	return p
}

// Began is when the query began to run.
func (p *Permit) Began() time.Time { return p.began }

// End says how the query went: nil, the server's error, or what broke the connection. Only faults of the server count
// against the circuit; see ServerFault.
func (p *Permit) End(err error) {
	g := p.guard
	at := g.now()
	r := Report{At: at, Client: p.client, Verdict: p.verdict, Took: at.Sub(p.began), LockWait: p.LockWait, Err: err}
	r.Slow = r.Took-r.LockWait >= g.state.Load().settings.Limits.SlowQuery
	r.Suspicious = len(p.verdict.Findings) > 0
	if p.cancel != nil {
		p.cancel()
	}
	g.count(&r, p.Rows)
	if ServerFault(err) {
		g.state.Load().breaker.lost(err)
	}
	g.report(&r)
	*p = Permit{}
	permits.Put(p)
}

// count adds a query that ran to the figures.
func (g *Guard) count(r *Report, rows int64) {
	c := &g.counts
	c.running.Add(-1)
	c.took.Add(uint64(r.Took))
	c.durations.add(r.Took)
	if r.Err == nil {
		c.ok.Add(1)
	} else {
		c.failed.Add(1)
	}
	if r.Suspicious {
		c.suspicious.Add(1)
	}
	if r.Slow {
		c.slow.Add(1)
		g.recent.addSlow(r)
	}
	if s := r.Verdict.structure; s != nil {
		if s.forgotten.Load() {
			g.structures.restore(s)
		}
		s.add(r.Took, rows, r.Err != nil)
	}
}

func (g *Guard) report(r *Report) {
	for _, o := range *g.observers.Load() {
		o(*r)
	}
}

// Unserved counts and reports a query that was judged and then could not run, because no server was to be had: err wraps
// ErrCircuitOpen or tells of the wait for a connection. It stands instead of Start.
func (g *Guard) Unserved(c Client, v *Verdict, err error) {
	g.counts.unserved.Add(1)
	g.report(&Report{At: g.now(), Client: c, Verdict: v, Err: err})
}
