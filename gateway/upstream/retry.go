package upstream

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"
)

// idempotent reports whether the request may be sent twice: it changes nothing and has no body. What headers say of it,
// such as Idempotency-Key, is the client's word and does not count.
func (x *exchange) idempotent() bool {
	switch x.c.Request.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return x.c.Request.ContentLength == 0 && !x.upgrade
	}
	return false
}

// repeatable reports whether another try is allowed after err: nothing was answered, and trying may help. A timeout would
// only be waited for twice.
func (x *exchange) repeatable(err error) bool {
	if !x.idempotent() {
		return false
	}
	var dial *dialError
	if errors.As(err, &dial) {
		return !dial.timeout()
	}
	return errors.Is(err, errNoAnswer)
}

// jitter returns a pause between 0 and the bound of the given try.
func jitter(s Retry, try int) time.Duration {
	bound := min(s.Max, s.Base<<(try-1))
	return rand.N(bound + 1)
}

// pause waits for d and reports whether ctx lasted.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
