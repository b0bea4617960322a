package http1

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// requestContext is the context of one request. It is cancelled when the client goes away and when the handler has
// returned. Its channel is made only where somebody asks for it.
type requestContext struct {
	local net.Addr

	mu   sync.Mutex // guards what follows
	done chan struct{}
	err  error
	// then are called in goroutines of their own at the end.
	then map[*func()]struct{}
}

var _ context.Context = (*requestContext)(nil)

// Deadline returns none.
func (*requestContext) Deadline() (time.Time, bool) { return time.Time{}, false }

// Done returns the channel that the end closes.
func (x *requestContext) Done() <-chan struct{} {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.done == nil {
		x.done = make(chan struct{})
		if x.err != nil {
			close(x.done)
		}
	}
	return x.done
}

// Err returns context.Canceled after the end, nil before.
func (x *requestContext) Err() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.err
}

// Value knows the address that the connection came in on, by http.LocalAddrContextKey.
func (x *requestContext) Value(key any) any {
	if key == http.LocalAddrContextKey {
		return x.local
	}
	return nil
}

// AfterFunc calls f in a goroutine of its own after the end, unless stop is called before; package context asks for it, and
// then needs no goroutine that waits.
func (x *requestContext) AfterFunc(f func()) (stop func() bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.err != nil {
		go f()
		return func() bool { return false }
	}
	if x.then == nil {
		x.then = map[*func()]struct{}{}
	}
	key := &f
	x.then[key] = struct{}{}
	return func() bool {
		x.mu.Lock()
		defer x.mu.Unlock()
		_, waits := x.then[key]
		delete(x.then, key)
		return waits
	}
}

// cancel ends x.
func (x *requestContext) cancel() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.err != nil {
		return
	}
	x.err = context.Canceled
	if x.done != nil {
		close(x.done)
	}
	for f := range x.then {
		go (*f)()
	}
	x.then = nil
}
