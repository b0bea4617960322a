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
type breaker struct {
	circuit *gobreaker.TwoStepCircuitBreaker[struct{}]
	openFor time.Duration
	// state mirrors the circuit's, since asking the circuit itself moves it. reopens is when the open state ends, in
	// nanoseconds since 1970.
	state    atomic.Pointer[string]
	reopens  atomic.Int64
	openings atomic.Int64
}

func newBreaker(s Breaker, onChange func(from, to string)) *breaker {
	b := &breaker{openFor: s.OpenFor}
	closed := gobreaker.StateClosed.String()
	b.state.Store(&closed)
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
	name := to.String()
	b.state.Store(&name)
}

// admit asks for one exchange with the app. done must be called exactly once; ok is false where the circuit is open.
func (b *breaker) admit() (done func(error), ok bool) {
	done, err := b.circuit.Allow()
	return done, err == nil
}

// fault reports a failure that came after the exchange had been called good, such as an answer that broke off.
func (b *breaker) fault() {
	if done, ok := b.admit(); ok {
		done(errAppFault)
	}
}

// retryAfter returns the whole seconds after which a request may be admitted again, at least 1.
func (b *breaker) retryAfter(now time.Time) int64 {
	left := time.Duration(b.reopens.Load() - now.UnixNano())
	return max(1, int64((left+time.Second-1)/time.Second))
}
