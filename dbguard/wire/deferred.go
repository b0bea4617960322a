package wire

import (
	"errors"

	"sallyport/dbguard"
)

// errQueued is why a message was not handled: its session waits in the pool's queue, and whoever brings a server connection goes
// on with it. The session's own goroutine meanwhile waits for its client like that of an idle one, and is not woken.
var errQueued = errors.New("waits for a server connection")

// queued is errQueued where a problem is wanted.
var queued = &problem{}

// maxInline is how many bytes of a client may wait for a server connection and be sent by the goroutine that reads from that
// server: they fit into the socket's buffer, so that it does not wait for a server which waits for it.
const maxInline = 4 << 10

// judged is what screening said of the message that waits.
type judged struct {
	verdict *dbguard.Verdict
	marks   *marks
}

// resume goes on with what w waited for, in whatever goroutine brought it, unless the session's own was quicker.
func (s *session) resume(w *waiter) {
	s.proxy.loop.lock(&s.handling)
	if s.queued != w {
		s.handling.Unlock()
		return
	}
	s.queued, s.granted = nil, w.given
	done, why := s.answer()
	s.called, s.why = done, why
	s.handling.Unlock()
	if done {
		_ = s.conn.SetReadDeadline(longAgo) // its own goroutine ends it, or reads what came in part
	}
}

// recalled reports that the session's goroutine was called back to its work, and with why it shall end it; s.handling is held.
func (s *session) recalled() (called bool, why error) {
	if !s.called {
		return false, nil
	}
	s.called = false
	_ = s.conn.SetReadDeadline(noDeadline)
	if s.hungUp.Load() {
		s.hangUp()
	}
	return true, s.why
}

// grown notes that more than the goroutine that brings a server connection may send itself may wait with w.
func (p *pool) grown(w *waiter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w.small = w.small && w.session.in.w <= maxInline
}

// insist makes a session that is queued wait where it stands, since its client sent much more; s.handling is held.
func (s *session) insist() {
	w := s.queued
	if s.queued = nil; s.proxy.pool.insist(w) {
		s.proxy.loop.relieve()
		s.granted = <-w.grant
	} else {
		s.granted = w.given
	}
}

// withdraw takes a session that ends out of the queue, or gives back what it was given.
func (s *session) withdraw() {
	s.handling.Lock()
	defer s.handling.Unlock()
	w := s.queued
	if w == nil {
		return
	}
	if s.queued = nil; !s.proxy.pool.withdraw(w) {
		s.granted = w.given
		s.giveBack()
	}
	if v := s.judged.verdict; v != nil {
		s.proxy.guard.Unserved(s.client, v, errGone)
	}
}

// giveBack returns what the session was given and did not need.
func (s *session) giveBack() {
	g := s.granted
	s.granted = grant{}
	switch {
	case g.link != nil:
		s.proxy.pool.put(g.link)
	case g.dial:
		s.proxy.pool.undial()
	}
}

// undial gives up the right to dial.
func (p *pool) undial() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dialling--
	p.letDial()
}

// insist turns w into a waiter that is sent its grant; false where it was given one.
func (p *pool) insist(w *waiter) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.session.waiting.Load() != w {
		return false
	}
	w.deferred, w.grant = false, make(chan grant, 1)
	return true
}

// withdraw takes w out of the queue; false where it was served meanwhile.
func (p *pool) withdraw(w *waiter) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.session.waiting.Load() != w {
		return false
	}
	p.waiters.remove(w)
	w.session.waiting.Store(nil)
	return true
}

// hand gives w its grant. It reports true where the caller must resume w's session once it holds no mutex; p.mu is held.
func (p *pool) hand(w *waiter, g grant) (resume bool) {
	if !w.deferred {
		w.grant <- g
		return false
	}
	w.given = g
	if g.link != nil && w.small && g.link.back.applied.sig == w.sig {
		return true
	}
	p.proxy.work.Go(func() { w.session.resume(w) })
	return false
}
