package wire

import (
	"context"
	"time"
)

const (
	// sweepEvery is how often deadlines are looked at: one goroutine for all of them instead of a timer a query.
	sweepEvery = 50 * time.Millisecond
	// cancelGrace is how long a cancelled statement may go on before its server connection is closed.
	cancelGrace = 5 * time.Second
	// sweepSlack lets the server's own statement_timeout come first.
	sweepSlack = 50 * time.Millisecond
)

// sweep enforces deadlines until ctx ends.
func (x *proxy) sweep(ctx context.Context) {
	t := time.NewTicker(sweepEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			x.sweeps.Add(1)
			x.loop.patrol()
			x.pool.expire()
			x.pool.closeIdle()
			limit := x.queryTimeout()
			for _, l := range x.pool.list() {
				x.hurry(l, limit)
				x.sweepLink(l, limit)
			}
		}
	}
}

// sweepLink looks at one server connection, whose statements may run for limit. One whose mutex is taken is busy with a client's slow reading; it is looked at the
// next time.
func (x *proxy) sweepLink(l *link, limit time.Duration) {
	if !l.mu.TryLock() {
		return
	}
	now := x.now()
	switch s := l.session; {
	case s == nil || l.closed:
	case !l.since.IsZero() && now.Sub(l.since) >= limit+cancelGrace:
		l.timedOut = true
		l.hangUp()
	case !l.since.IsZero() && now.Sub(l.since) >= limit+sweepSlack && !l.timedOut:
		l.timedOut = true
		l.back.reason = refuse(codeCancelled, "canceling statement due to query timeout of %s", limit)
		x.cancel(l)
	case s.gone.Load() && l.back.serves():
		x.chase(l)
		l.mu.Unlock()
		if l.flush() != nil {
			l.hangUp()
		}
		return
	case !l.idle.IsZero() && x.idleInTransaction > 0 && now.Sub(l.idle) >= x.idleInTransaction && l.back.quiet() && !s.gone.Load():
		x.takeBack(l, s)
		return
	}
	l.mu.Unlock()
}

// hurry hangs up on a client that for as long as a statement may run has not read what l tells it: l serves nobody until it has.
func (x *proxy) hurry(l *link, limit time.Duration) {
	s := l.telling.Load() // before since when, which is then of no former one
	if s == nil || time.Duration(x.pool.tick.Load()-l.tellingSince.Load()) < limit+cancelGrace {
		return
	}
	if !s.hungUp.Load() {
		x.logger.Warn("client does not read its answer", "client", s.client.Addr, "user", s.client.User)
	}
	s.hangUp()
}

// takeBack ends the transaction of a client that left it idle, and its hold on the connection. The client learns of it with its
// next statement. It is called with l.mu held and returns without.
func (x *proxy) takeBack(l *link, s *session) {
	f := &s.front
	p := refuse(codeIdleInTx, "the transaction was rolled back: it was idle for more than %s", x.idleInTransaction)
	if !f.pooled || f.pins != 0 || l.back.status == 'I' {
		l.mu.Unlock()
		s.endWith(p.asFatal())
		return
	}
	f.status, f.lost = 'E', p
	f.touched = touched{}
	l.detach()
	l.orphan = true
	l.ask("ROLLBACK")
	l.mu.Unlock()
	if l.flush() != nil {
		l.hangUp()
	}
}

// list returns the live links.
func (p *pool) list() []*link {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listed = p.listed[:0]
	for l := range p.links {
		p.listed = append(p.listed, l)
	}
	return p.listed
}

// closeIdle closes connections that nobody used for long.
func (p *pool) closeIdle() {
	now := p.tick.Load()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rest <= 0 {
		return
	}
	for len(p.idle) > 0 && time.Duration(now-p.idle[0].idleSince) > p.rest {
		l := p.idle[0]
		p.idle = p.idle[1:]
		l.hangUp()
	}
}
