package wire

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// pool lends server connections, to those who wait longest first.
type pool struct {
	proxy *proxy
	now   func() time.Time
	// tick is the time of the last sweep in Unix nanoseconds: exact enough for waits and ages, and free.
	tick atomic.Int64
	// pinned counts the links tied to a client, mostPinned is their limit.
	pinned, mostPinned atomic.Int32

	mu sync.Mutex // guards everything below
	// max is how many links there may be, those being dialled included.
	max int
	// room is how many may wait, patience for how long, lifetime how old a connection may become, rest how long it may idle.
	room                     int
	patience, lifetime, rest time.Duration
	// links are all that live, idle those that nobody has, the last used last; dialling counts those being made.
	links     map[*link]struct{}
	idle      []*link
	dialling  int
	waiters   line
	closed    bool
	listed    []*link // the sweeper's own
	parameter values  // what the server last reported at a login
}

// waiter is a client that waits for a server connection.
type waiter struct {
	session *session
	since   int64      // as tick
	grant   chan grant // of size one, and exactly one grant comes; nil while deferred
	// ahead and behind are its neighbours in the line.
	ahead, behind *waiter
	// deferred says that nobody waits at grant: the session is resumed with what was given. small and sig tell whether the goroutine that brings a
	// server connection may do that itself: what waits is short, and what the settings of the connection must be.
	deferred, small bool
	given           grant
	sig             string
}

// grant is what a waiter gets: a link, the right to dial, or a problem.
type grant struct {
	link    *link
	dial    bool
	problem *problem
}

// acquire lends s a server connection. It blocks until there is one, or until the wait is over; where s may be deferred it
// returns queued instead of waiting.
func (p *pool) acquire(ctx context.Context, s *session, deferred bool) (*link, *problem) {
	g, w := grant{}, (*waiter)(nil)
	if deferred {
		g, s.granted = s.granted, g
	}
	if g == (grant{}) {
		p.mu.Lock()
		if g, w = p.ask(s); w != nil && deferred {
			w.deferred, w.small, w.sig = true, s.in.w <= maxInline, s.front.own.sig
			s.queued = w
		} else if w != nil {
			w.grant = make(chan grant, 1)
		}
		p.mu.Unlock()
	}
	switch {
	case w != nil && deferred:
		return nil, queued
	case w != nil:
		g = s.await(w)
	}
	for g.dial {
		p.proxy.loop.relieve()
		l, err := p.dial(ctx, s)
		if err == nil {
			return l, nil
		}
		if w = p.waitAfter(s); w == nil {
			return nil, fromServer(err)
		}
		g = s.await(w)
	}
	return g.link, g.problem
}

// ask answers at once where it can, else it queues s; p.mu is held.
func (p *pool) ask(s *session) (grant, *waiter) {
	if p.closed {
		return grant{problem: shuttingDown()}, nil
	}
	if p.waiters.n == 0 {
		if l := p.takeIdle(s.front.own.sig); l != nil {
			return grant{link: l}, nil
		}
		if len(p.links)+p.dialling < p.max {
			p.dialling++
			return grant{dial: true}, nil
		}
	}
	if p.waiters.n >= p.room {
		return grant{problem: p.full("the queue for a database connection is full")}, nil
	}
	return grant{}, p.queue(s)
}

func (p *pool) queue(s *session) *waiter {
	w := &waiter{session: s, since: p.tick.Load()}
	p.waiters.push(w)
	s.waiting.Store(w)
	return w
}

// waitAfter queues s after it could not dial, where others' connections may still serve it; nil where there are none.
func (p *pool) waitAfter(s *session) *waiter {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.links) == 0 || p.closed {
		return nil
	}
	w := &waiter{session: s, since: p.tick.Load(), grant: make(chan grant, 1)}
	p.waiters.pushFront(w)
	s.waiting.Store(w)
	if l := p.takeIdle(s.front.own.sig); l != nil {
		p.serve(grant{link: l}) // to w, which waits
	}
	return w
}

// takeIdle takes the idle link whose settings are those wanted, else the one used last.
func (p *pool) takeIdle(sig string) *link {
	n := len(p.idle)
	if n == 0 {
		return nil
	}
	best := n - 1
	for i := n - 1; i >= 0; i-- {
		if p.idle[i].back.applied.sig == sig {
			best = i
			break
		}
	}
	l := p.idle[best]
	p.idle = append(p.idle[:best], p.idle[best+1:]...)
	return l
}

// serve gives g to the first waiter and reports whether there was one; p.mu is held. Where it returns a waiter, the caller must
// resume its session once it holds no mutex.
func (p *pool) serve(g grant) (served bool, resume *waiter) {
	w := p.waiters.front
	if w == nil {
		return false, nil
	}
	p.waiters.remove(w)
	w.session.waiting.Store(nil)
	if p.hand(w, g) {
		return true, w
	}
	return true, nil
}
