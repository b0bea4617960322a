package wire

import (
	"time"
)

// put takes l back and hands it on. The caller holds no mutex but that of a session that has a server connection.
func (p *pool) put(l *link) {
	if w := p.handOn(l); w != nil {
		w.session.resume(w)
	}
}

// handOn returns the waiter whose session must be resumed with l; nil where l went elsewhere.
func (p *pool) handOn(l *link) *waiter {
	tick := p.tick.Load()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.links) > p.max || p.lifetime > 0 && time.Unix(0, tick).Sub(l.born) > p.lifetime {
		l.hangUp()
		return nil
	}
	if _, alive := p.links[l]; !alive {
		return nil
	}
	l.idleSince = tick
	served, next := p.serve(grant{link: l})
	if !served {
		p.idle = append(p.idle, l)
	}
	return next
}

// lost forgets a link that died; the next in the queue may dial in its stead.
func (p *pool) lost(l *link, wasIdle bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, l)
	if wasIdle {
		for i, other := range p.idle {
			if other == l {
				p.idle = append(p.idle[:i], p.idle[i+1:]...)
				break
			}
		}
	}
	p.letDial()
}

// letDial lets the first waiter dial where there is room; p.mu is held.
func (p *pool) letDial() {
	if len(p.links)+p.dialling < p.max && p.waiters.n > 0 {
		p.dialling++
		p.serve(grant{dial: true})
	}
}

// giveUp takes w out of the queue with the problem; false where it was served meanwhile.
func (p *pool) giveUp(w *waiter, why *problem) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.session.waiting.Load() != w {
		return false
	}
	p.waiters.remove(w)
	w.session.waiting.Store(nil)
	p.hand(w, grant{problem: why})
	return true
}

// expire refuses those who waited too long, which they may have done since a little after their tick.
func (p *pool) expire() {
	now := p.now().UnixNano()
	p.tick.Store(now)
	p.mu.Lock()
	defer p.mu.Unlock()
	for w := p.waiters.front; w != nil; w = p.waiters.front {
		if time.Duration(now-w.since) < p.patience+sweepEvery {
			return
		}
		p.serve(grant{problem: p.full("no database connection became free within " + p.patience.String())})
	}
}

// full is the refusal that says who holds the connections; p.mu is held.
func (p *pool) full(why string) *problem {
	q := refuse(codeTooMany, "%s: %d of %d in use, %d waiting", why, len(p.links)-len(p.idle)+p.dialling, p.max, p.waiters.n)
	if since, user, addr := p.oldest(); !since.IsZero() {
		q.detail = "The oldest holder is " + user + " at " + addr + ", for " + p.now().Sub(since).Round(time.Millisecond).String() + "."
	}
	return q
}

// oldest is the client that holds a connection longest; the zero time where nobody does. p.mu is held.
func (p *pool) oldest() (since time.Time, user, addr string) {
	for l := range p.links {
		s := l.holder.Load()
		if s == nil {
			continue
		}
		if at := time.Unix(0, l.heldSince.Load()); since.IsZero() || at.Before(since) {
			since, user, addr = at, s.client.User, s.client.Addr
		}
	}
	return since, user, addr
}
