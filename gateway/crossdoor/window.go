// Package crossdoor tells whether bytes of a request in flight became SQL structure.
//
// The HTTP door's end is Stage: it reads the inputs of each request while they stream to the app. The database door's end is
// Rule: it looks for those inputs in statements of a structure nobody has seen. Neither end knows the other.
package crossdoor

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"sallyport/dbguard/screen"
)

// Window is what the doors share: the inputs of the requests in flight. Its methods may be called by several goroutines.
type Window struct {
	settings Settings
	model    Known
	identify func(*gin.Context) (request, client string)
	now      func() time.Time
	name     func(method, path string) string
	routes   atomic.Pointer[[]Route]
	key      maphash.Seed // of the hashes that evidence bears

	mu       sync.RWMutex // guards what follows
	entries  map[*entry]struct{}
	late     []*entry // in order of their end
	messages []*entry // of WebSockets, in order of their end; some are forgotten already

	held   atomic.Int64 // bytes of all inputs
	unread atomic.Int64 // requests in flight that are not read: of routes left alone, and those for which there was no room

	counters counters
	scratch  sync.Pool // *matcher
}

// Known answers whether a structure is one that the app has shown before; dbguard.Guard is one.
type Known interface {
	// Knows reports whether s's structure, exact or loose, was learned.
	Knows(s *screen.Statement) bool
	// Grown tells which tokens of s, half open, stand where a known statement has one value, as they do in no list that became longer;
	// ok is false where s is no such statement.
	Grown(s *screen.Statement) (from, to int, ok bool)
}

// Parts are what a Window works with.
type Parts struct {
	// Model knows the app's own structures; nil means that none is known (cold).
	Model Known
	// Identify returns the request id and the client key of a request; nil leaves both empty.
	Identify func(*gin.Context) (request, client string)
	// Route names a request's route in evidence; nil means method and path as they came.
	Route func(method, path string) string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// counters count what the window saw since it was made.
type counters struct {
	requests, cut, full, asked, candidates, crossings, overBudget atomic.Int64
}

// Snapshot is the window's state, as /api/hardening/security shows it.
type Snapshot struct {
	// InFlight counts requests whose inputs are held, late ones included; Bytes is the memory of those inputs.
	InFlight int   `json:"inFlight"`
	Bytes    int64 `json:"bytes"`
	// Requests counts all that were read, Cut those that hit a cap, Full those that found no room.
	Requests int64 `json:"requests"`
	Cut      int64 `json:"cut"`
	Full     int64 `json:"full"`
	// Asked counts statements of unknown structure, Crossings those with bytes of a request in their structure,
	// OverBudget those whose search among the requests in flight was given up for time.
	Asked      int64 `json:"asked"`
	Crossings  int64 `json:"crossings"`
	OverBudget int64 `json:"overBudget"`
}

// New returns an empty window.
func New(s Settings, p Parts) *Window {
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.Identify == nil {
		p.Identify = func(*gin.Context) (string, string) { return "", "" }
	}
	if p.Model == nil {
		p.Model = nothingKnown{}
	}
	w := &Window{settings: s, model: p.Model, identify: p.Identify, now: p.Now, name: p.Route, key: maphash.MakeSeed(), entries: map[*entry]struct{}{}}
	w.scratch.New = func() any { return newMatcher() }
	return w
}

// Consult makes model the one that is asked which structures are known, for a model that is made after the window. Call it before
// the first request.
func (w *Window) Consult(model Known) { w.model = model }

// Origin returns a number that grows with each request, and whether no request is in flight or has just ended: what learning asks, so
// that one request alone teaches nothing.
func (w *Window) Origin() (newest uint64, quiet bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.expire(w.now())
	return uint64(w.counters.requests.Load()) + 1, len(w.entries) == 0 && w.unread.Load() == 0
}

// Snapshot returns the window's counters.
func (w *Window) Snapshot() Snapshot {
	w.mu.RLock()
	defer w.mu.RUnlock()
	c := &w.counters
	return Snapshot{
		InFlight: len(w.entries), Bytes: w.held.Load(), Requests: c.requests.Load(), Cut: c.cut.Load(), Full: c.full.Load(),
		Asked: c.asked.Load(), Crossings: c.crossings.Load(), OverBudget: c.overBudget.Load(),
	}
}

// nothingKnown is the model of a cold start.
type nothingKnown struct{}

func (nothingKnown) Knows(*screen.Statement) bool { return false }

func (nothingKnown) Grown(*screen.Statement) (from, to int, ok bool) { return 0, 0, false }
