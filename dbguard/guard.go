package dbguard

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"sallyport/dbguard/screen"
)

// Parts are what a Guard is built from.
type Parts struct {
	// Settings must be valid; see Defaults.
	Settings Settings
	// Rules are asked first of each text not seen before; nil means screen.Builtin(), which are asked of each structure not
	// seen before.
	Rules []screen.Rule
	// Cross are the cross-door rules. They are asked last and after the model's growth rule, of statements of a structure that
	// is not known yet (see Knows), and their findings are never kept.
	Cross []screen.Rule
	// Origin tells what requests a statement judged now may come from: a number above 0 that grows with each request, and whether none is
	// in flight. Two sightings of a new structure count as two only with different numbers; with none in flight one is enough. Nil
	// counts each sighting.
	Origin func() (newest uint64, quiet bool)
	// Observers hear of each query; see Observe too.
	Observers []Observer
	// OnBreaker hears each step of the circuit, in the goroutine of a dial; nil is fine. It must not block.
	OnBreaker func(BreakerChange)
	// Key makes fingerprints; the zero Key means a random one, so that fingerprints change with each process.
	Key screen.Key
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Guard judges queries, limits and counts them, and breaks the circuit to a database that is ill. All its methods may be
// called from several goroutines.
type Guard struct {
	rules      []screen.Rule
	crossRules []screen.Rule // growth of the model's statements, and those given
	builtin    bool          // rules are the built-in ones
	key        screen.Key
	model      *screen.Model
	seeds      textSeeds
	origin     func() (newest uint64, quiet bool)
	hasOrigin  bool // origin is not ours
	started    time.Time
	warm       atomic.Bool // structures came from a file
	onBreaker  func(BreakerChange)
	now        func() time.Time

	applying  sync.Mutex // held while settings change
	state     atomic.Pointer[state]
	observers atomic.Pointer[[]Observer]
	pool      atomic.Pointer[func() PoolFigures]
	allowed   atomic.Pointer[allowed] // nil where no list holds
	health    atomic.Pointer[Health]

	counts     counts
	structures structures
	recent     recent
	reset      resetPoint
	openedOld  atomic.Uint64 // times that breakers of earlier settings opened
}

// state is all that changes with the settings, swapped as one.
type state struct {
	settings Settings
	// texts are the verdicts by text; structures and loose the clean ones by exact and by loose structure.
	texts, structures, loose *verdicts
	breaker                  *breaker
}

var _ Admission = (*Guard)(nil)

// New builds a Guard. It starts nothing.
func New(p Parts) (*Guard, error) {
	g := &Guard{rules: p.Rules, key: p.Key, seeds: newTextSeeds(), origin: p.Origin, onBreaker: p.OnBreaker, now: p.Now}
	if g.builtin = p.Rules == nil; g.builtin {
		g.rules = screen.Builtin()
	}
	if g.key == (screen.Key{}) {
		_, _ = rand.Read(g.key[:]) // never fails; see crypto/rand
	}
	g.model = screen.NewModel(g.key, 0)
	g.crossRules = append([]screen.Rule{g.model.GrowthRule()}, p.Cross...)
	if g.hasOrigin = g.origin != nil; !g.hasOrigin {
		g.origin = func() (uint64, bool) { return 0, false }
	}
	if g.onBreaker == nil {
		g.onBreaker = func(BreakerChange) {}
	}
	if g.now == nil {
		g.now = time.Now
	}
	g.started = g.now()
	observers := slices.Clone(p.Observers)
	g.observers.Store(&observers)
	g.reset.base = g.counts.now(g.now())
	return g, g.Apply(p.Settings)
}

// Apply lets s hold from the next query on. It changes nothing where s is not valid. What is known of structures stays,
// unless all screening is turned on or off; the breaker starts anew where its settings changed.
func (g *Guard) Apply(s Settings) error {
	if wrong := s.Validate(); len(wrong) > 0 {
		return fmt.Errorf("settings: %w", errors.Join(wrong...))
	}
	g.applying.Lock()
	defer g.applying.Unlock()
	next := &state{settings: s, texts: new(verdicts), structures: new(verdicts), loose: new(verdicts)}
	before := g.state.Load()
	if before != nil && before.settings.inspects() == s.inspects() {
		next.texts, next.structures, next.loose = before.texts, before.structures, before.loose
	}
	if before != nil && before.settings.Breaker == s.Breaker {
		next.breaker = before.breaker
	} else {
		next.breaker = newBreaker(s.Breaker, g.now, g.onBreaker)
	}
	g.state.Store(next)
	if before != nil && before.breaker != next.breaker {
		g.openedOld.Add(before.breaker.timesOpened())
	}
	return nil
}

// Settings returns those that hold now.
func (g *Guard) Settings() Settings { return g.state.Load().settings }

// Observe adds an observer.
func (g *Guard) Observe(o Observer) {
	g.applying.Lock()
	defer g.applying.Unlock()
	more := append(slices.Clone(*g.observers.Load()), o)
	g.observers.Store(&more)
}

// WatchPool tells the guard where the figures of the pool behind it come from; it is called on each Snapshot, and by Admit
// while the circuit is open.
func (g *Guard) WatchPool(figures func() PoolFigures) { g.pool.Store(&figures) }

// CircuitOpen returns a *CircuitOpenError while the circuit is open and no probe is due, else nil. Asking changes nothing.
func (g *Guard) CircuitOpen() error {
	left, refusing := g.state.Load().breaker.refusing()
	if !refusing {
		return nil
	}
	return &CircuitOpenError{RetryIn: left}
}

// Admit judges q, refuses it at once where the circuit is open and no connection is idle, and starts it under the query
// timeout. It returns a *BlockedError or an error wrapping ErrTooComplex or ErrCircuitOpen; nothing was sent then, and the
// refusal is counted. The caller must End the permit, which also ends the context.
func (g *Guard) Admit(ctx context.Context, q Query) (context.Context, *Permit, error) {
	v, err := g.Judge(q)
	if err != nil {
		return ctx, nil, err
	}
	if open := g.CircuitOpen(); open != nil && g.poolFigures().Idle == 0 {
		g.Unserved(q.Client, v, open)
		return ctx, nil, open
	}
	limit := g.state.Load().settings.Limits.QueryTimeout
	ctx, cancel := context.WithTimeout(ctx, limit)
	p := g.Start(q.Client, v)
	p.cancel = cancel
	return ctx, p, nil
}

func (g *Guard) poolFigures() PoolFigures {
	if figures := g.pool.Load(); figures != nil {
		return (*figures)()
	}
	return PoolFigures{}
}

func (g *Guard) opened() uint64 { return g.openedOld.Load() + g.state.Load().breaker.timesOpened() }
