package dbguard

import (
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"
)

// The rolling window of the failure rate. It is longer than any dial may take, since results that are older than the
// window are dropped.
const (
	rateWindow  = 30 * time.Second
	rateBucket  = 3 * time.Second
	rateSamples = 20
)

// BreakerChange is one step of the circuit to the database.
type BreakerChange struct {
	At time.Time
	// From and To are "closed", "open" or "half-open".
	From, To string
	// RetryIn is the time until a probe where To is "open".
	RetryIn time.Duration
}

// breaker guards dialling. Its state is kept here as well, because asking gobreaker for it moves it from open to half-open.
type breaker struct {
	circuit *gobreaker.TwoStepCircuitBreaker[struct{}]
	openFor time.Duration // with this process's jitter

	mu        sync.Mutex // guards the fields below; never held while circuit is called
	state     gobreaker.State
	openUntil time.Time
	opened    uint64          // times it opened
	changes   []BreakerChange // not yet told
	lastLoss  time.Time       // of the last broken session that was counted
	tell      func(BreakerChange)
	now       func() time.Time
}

func newBreaker(s BreakerSettings, now func() time.Time, tell func(BreakerChange)) *breaker {
	b := &breaker{openFor: s.OpenFor*9/10 + rand.N(s.OpenFor/5), tell: tell, now: now}
	b.circuit = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name:          "database",
		MaxRequests:   1,
		Interval:      rateWindow,
		BucketPeriod:  rateBucket,
		Timeout:       b.openFor,
		OnStateChange: b.changed,
		IsSuccessful:  func(err error) bool { return !dialFault(err) },
		IsExcluded:    func(err error) bool { return err != nil && !dialFault(err) },
		ReadyToTrip: func(c gobreaker.Counts) bool {
			return int(c.ConsecutiveFailures) >= s.Failures || c.Requests >= rateSamples && c.TotalFailures*2 >= c.Requests
		},
	})
	return b
}

// allow asks for a dial. Where it returns no error, done must be called with the dial's outcome, exactly once.
func (b *breaker) allow() (done func(error), err error) {
	settle, err := b.circuit.Allow()
	b.tellChanges()
	if err != nil {
		if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
			return nil, &CircuitOpenError{RetryIn: b.retryIn()}
		}
		return nil, err
	}
	return func(outcome error) {
		settle(outcome)
		b.tellChanges()
	}, nil
}

// lost counts a session that the server broke, while the circuit is closed. One fault breaks all sessions at once, so that
// those within a second count once: a quick restart must not open the circuit.
func (b *breaker) lost(err error) {
	b.mu.Lock()
	at := b.now()
	counts := b.state == gobreaker.StateClosed && at.Sub(b.lastLoss) >= time.Second
	if counts {
		b.lastLoss = at
	}
	b.mu.Unlock()
	if !counts {
		return
	}
	if done, refused := b.allow(); refused == nil {
		done(err)
	}
}

// changed is called by gobreaker with its lock held: it must not call it back.
func (b *breaker) changed(_ string, from, to gobreaker.State) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := BreakerChange{At: b.now(), From: from.String(), To: to.String()}
	b.state = to
	if to == gobreaker.StateOpen {
		b.opened++
		b.openUntil = c.At.Add(b.openFor)
		c.RetryIn = b.openFor
	}
	b.changes = append(b.changes, c)
}

// tellChanges hands over what changed, without any lock.
func (b *breaker) tellChanges() {
	b.mu.Lock()
	changes := b.changes
	b.changes = nil
	b.mu.Unlock()
	for _, c := range changes {
		b.tell(c)
	}
}

// refusing reports that the circuit is open and no probe is due, and how long until one is.
func (b *breaker) refusing() (time.Duration, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	left := b.openUntil.Sub(b.now())
	return left, b.state == gobreaker.StateOpen && left > 0
}

func (b *breaker) retryIn() time.Duration {
	left, refusing := b.refusing()
	if !refusing {
		return time.Second // a probe is under way
	}
	return left
}

func (b *breaker) timesOpened() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.opened
}

// status is the state's name; an open circuit stays "open" until somebody dials.
func (b *breaker) status() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state.String()
}
