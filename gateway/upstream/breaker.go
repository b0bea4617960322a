package upstream

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"
)

// errAppFault is what the breaker hears of any failure of the app; of the client's failures it hears errClientFault.
var (
	errAppFault    = errors.New("the app failed")
	errClientFault = errors.New("the client failed")
)

// breaker is the circuit to the app. Only faults of the app count, and only in a row: a client that breaks off, sends
// too much or sends rubbish is excluded. The closed state has no interval, so that a slow failure is never dropped.
// While the circuit is closed and nothing failed, it is not asked at all: that is nearly always, and saves two locks.
type breaker struct {
	circuit *gobreaker.TwoStepCircuitBreaker[struct{}]
	openFor time.Duration
	// state mirrors the circuit's, since asking the circuit itself moves it.
	state atomic.Pointer[string]
	// calm is true while the circuit is closed, failing while the last outcome it heard of was a failure.
	calm, failing atomic.Bool
	// reopens is when the open state ends, in nanoseconds since 1970.
	reopens, openings atomic.Int64
}

// ticket is the permission for one exchange.
type ticket struct {
	// done tells the circuit, nil where it was not asked; told is true once the outcome is known.
	done func(error)
	told bool
}

func newBreaker(s Breaker, onChange func(from, to string)) *breaker {
	b := &breaker{openFor: s.OpenFor}
	closed := gobreaker.StateClosed.String()
	b.state.Store(&closed)
	b.calm.Store(true)
	b.circuit = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name:        "app",
		MaxRequests: 1,
		Timeout:     s.OpenFor,
		ReadyToTrip: func(n gobreaker.Counts) bool { return n.ConsecutiveFailures >= s.Failures },
		IsExcluded:  func(err error) bool { return errors.Is(err, errClientFault) },
		OnStateChange: func(_ string, from, to gobreaker.State) {
			b.changed(to)
			onChange(from.String(), to.String())
		},
	})
	return b
}

// changed runs under the circuit's lock: it must not ask the circuit.
func (b *breaker) changed(to gobreaker.State) {
	if to == gobreaker.StateOpen {
		b.openings.Add(1)
		b.reopens.Store(time.Now().Add(b.openFor).UnixNano())
	}
	b.failing.Store(false)
	b.calm.Store(to == gobreaker.StateClosed)
	name := to.String()
	b.state.Store(&name)
}

// admit asks for one exchange with the app; tell must be called for it. ok is false where the circuit is open.
func (b *breaker) admit() (t ticket, ok bool) {
	if b.calm.Load() {
		return ticket{}, true
	}
	done, err := b.circuit.Allow()
	return ticket{done: done}, err == nil
}

// tell reports the outcome of t: nil, errAppFault or errClientFault. Only the first outcome of a ticket counts.
func (b *breaker) tell(t *ticket, outcome error) {
	if t.told {
		return
	}
	t.told = true
	if t.done == nil {
		b.late(outcome)
		return
	}
	t.done(outcome)
}

// late tells the circuit of an outcome that it was not asked about before. It counts only while the circuit is closed.
func (b *breaker) late(outcome error) {
	failed := errors.Is(outcome, errAppFault)
	if !b.calm.Load() || !failed && (outcome != nil || !b.failing.Load()) {
		return
	}
	b.failing.Store(failed)
	if done, err := b.circuit.Allow(); err == nil {
		done(outcome)
	}
}

// retryAfter returns the whole seconds after which a request may be admitted again, at least 1.
func (b *breaker) retryAfter(now time.Time) int64 {
	left := time.Duration(b.reopens.Load() - now.UnixNano())
	return max(1, int64((left+time.Second-1)/time.Second))
}
