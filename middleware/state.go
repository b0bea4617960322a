package middleware

import (
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	limiter "github.com/ulule/limiter/v3"
)

// State is what the stages remember of clients; it outlives the chains that are built over it.
type State struct {
	Budgets *Budgets
	Holds   *Holds
	// Reports collects what browsers report; serve its Serve at ReportsPath.
	Reports *Reports
	Counters
	running *running
	records *records
	// storeIll is when the rate-limit store fell ill, in nanoseconds since 1970, 0 while it is well.
	storeIll atomic.Int64
}

// NewState returns an empty State whose clock is now; nil means time.Now.
func NewState(now func() time.Time) *State {
	if now == nil {
		now = time.Now
	}
	return &State{Budgets: NewBudgets(now), Holds: NewHolds(now), running: newRunning(), records: newRecords(),
		Reports: NewReports(now)}
}

// Counters count what the stages saw since the State was made; they never go back.
type Counters struct {
	// Requests counts all, InFlight those running now.
	Requests, InFlight atomic.Int64
	// RateLimited, TooLarge, TooSlow, Held and BadOrigin count refusals.
	RateLimited, TooLarge, TooSlow, Held, BadOrigin atomic.Int64
	// MissingHeader counts requests of a trusted peer that did not name its client: they all share one budget.
	MissingHeader atomic.Int64
	// BadHeader counts requests of a trusted peer whose word about the client was no address.
	BadHeader atomic.Int64
	// Named counts requests of a trusted peer that named its client.
	Named atomic.Int64
	// Distrusted counts requests of a peer that is not trusted and named a client all the same: a forger, or a connector that
	// client_ip.trust forgot, whose visitors all share its budget then.
	Distrusted atomic.Int64
	// Spoofed counts requests from which spoofable headers were removed.
	Spoofed atomic.Int64
	// StoreErrors counts requests for which the rate-limit store did not answer.
	StoreErrors atomic.Int64
	// Panics counts handlers that panicked.
	Panics atomic.Int64
}

// Parts is what a chain is given beside its settings. Only State is required.
type Parts struct {
	State *State
	// Logger hears of panics and ill stores; nil discards.
	Logger *slog.Logger
	// AccessLog takes one JSON line per Write; nil writes none.
	AccessLog io.Writer
	// Generation is the number of these settings, for explanations.
	Generation int
	// PublicURL is the app's public address; its origin is never foreign.
	PublicURL string
	// Development relaxes what would bind a browser to https for months.
	Development bool
	// Store counts budgets instead of State.Budgets; nil takes those.
	Store limiter.Store
	// OnReject is told of each refusal and OnAnswer of each answer, both in the request's goroutine: they must not block.
	OnReject func(Rejection)
	OnAnswer func(Answer)
	// OnStore is told when the rate-limit store falls ill (the error) and when it is well again (nil).
	OnStore func(error)
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Answer is a request that ended.
type Answer struct {
	RequestID, Client, Method, Path string
	// Status is what was sent, or 499 where the client left first.
	Status int
	// Bytes of the body that were written.
	Bytes int64
	Took  time.Duration
	// Refused is the stage that refused the request, "" where none did.
	Refused string
}

// withDefaults fills what may be left out.
func (p Parts) withDefaults() Parts {
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.Logger == nil {
		p.Logger = slog.New(slog.DiscardHandler)
	}
	if p.Store == nil {
		p.Store = p.State.Budgets
	}
	if p.OnReject == nil {
		p.OnReject = func(Rejection) {}
	}
	if p.OnStore == nil {
		p.OnStore = func(error) {}
	}
	return p
}

// count adds one refusal to the counter of its kind.
func (c *Counters) count(stage string, status int) {
	switch {
	case stage == stageRateLimit, stage == stageConcurrency:
		c.RateLimited.Add(1)
	case status == http.StatusRequestEntityTooLarge:
		c.TooLarge.Add(1)
	case status == http.StatusRequestTimeout:
		c.TooSlow.Add(1)
	case stage == stageHold:
		c.Held.Add(1)
	case stage == stageCORS:
		c.BadOrigin.Add(1)
	}
}
