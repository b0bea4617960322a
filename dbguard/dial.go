package dbguard

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// patience is how long a dial must have been under way for its caller's deadline to speak against the server.
const patience = time.Second

// errHasty marks a dial whose caller's time was up before the server had a fair chance.
var errHasty = errors.New("time was up before the server could answer")

// Dial connects to the database through g's breaker: it calls dial, and again after a growing random wait where the server
// was at fault, up to the settings' attempts. It returns an error wrapping ErrCircuitOpen, at once, while the circuit is
// open, else the last attempt's. A wrong password and the end of ctx are not repeated. dial must end when its ctx does.
func Dial[T any](ctx context.Context, g *Guard, dial func(context.Context) (T, error)) (T, error) {
	var nothing T
	retry := g.state.Load().settings.Retry
	for attempt := 1; ; attempt++ {
		done, err := g.allowDial()
		if err != nil {
			return nothing, err
		}
		conn, err := attemptDial(ctx, dial, done)
		if err == nil || attempt >= retry.Attempts || !dialFault(err) || ctx.Err() != nil {
			return conn, err
		}
		if opened := g.CircuitOpen(); opened != nil {
			return nothing, fmt.Errorf("%w: %w", opened, err)
		}
		if !sleep(ctx, backoff(retry, attempt)) {
			return nothing, fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
		g.counts.retries.Add(1)
	}
}

// allowDial asks the breaker for one dial; done must be called with its outcome, exactly once.
func (g *Guard) allowDial() (done func(error), err error) {
	settle, err := g.state.Load().breaker.allow()
	if err != nil {
		return nil, err
	}
	return func(outcome error) {
		if outcome == nil {
			g.counts.dials.Add(1)
		} else {
			g.counts.dialsFailed.Add(1)
		}
		settle(outcome)
	}, nil
}

// attemptDial settles done with what dial returned, also where it panics.
func attemptDial[T any](ctx context.Context, dial func(context.Context) (T, error), done func(error)) (conn T, err error) {
	began := time.Now()
	outcome := errors.New("dial panicked")
	defer func() { done(outcome) }()
	conn, err = dial(ctx)
	outcome = judgeDial(ctx, err, time.Since(began))
	return conn, err
}

// judgeDial is err as the breaker should see it: a caller that gave up early says nothing about the server.
func judgeDial(ctx context.Context, err error, took time.Duration) error {
	if err != nil && ctx.Err() != nil && took < patience {
		return errHasty
	}
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		return context.Canceled
	}
	return err
}

// backoff is a random part of base × 2^(attempt-1), at most max: full jitter, so that many clients do not return together.
func backoff(r RetrySettings, attempt int) time.Duration {
	longest := r.Base << (attempt - 1)
	if longest <= 0 || longest > r.Max {
		longest = r.Max
	}
	return rand.N(longest + 1)
}

// sleep waits for d and reports false where ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
