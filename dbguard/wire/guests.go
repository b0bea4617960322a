package wire

import (
	"maps"
	"net"
	"slices"
	"time"
)

// enteringSlack is how many connections may be logging in beyond the limit of clients; more are closed unheard.
const enteringSlack = 100

// receive takes one connection in, or closes it where far too many are here.
func (x *proxy) receive(conn net.Conn) {
	x.mu.Lock()
	if x.closing || len(x.entering) > x.settings.Clients.Max+enteringSlack {
		x.mu.Unlock()
		_ = conn.Close()
		return
	}
	x.entering[conn] = struct{}{}
	x.mu.Unlock()
	x.welcome(conn)
	x.mu.Lock()
	delete(x.entering, conn)
	x.mu.Unlock()
}

// admit counts s in and gives it a cancel key, or says why it cannot enter.
func (x *proxy) admit(s *session, minor uint16) error {
	x.mu.Lock()
	switch most := x.settings.Clients.PerUser; {
	case x.closing:
		x.mu.Unlock()
		return shuttingDown()
	case x.clients >= x.settings.Clients.Max:
		x.mu.Unlock()
		return fatal(codeTooMany, "sorry, too many clients already: the limit is %d", x.settings.Clients.Max)
	case most > 0 && x.perUser[s.client.User] >= most:
		x.mu.Unlock()
		return fatal(codeTooMany, "too many connections for user %q: the limit is %d", s.client.User, most)
	}
	x.clients++
	delete(x.entering, s.raw)
	x.perUser[s.client.User]++
	x.mu.Unlock()
	return x.newKey(s, minor)
}

// forget counts s out.
func (x *proxy) forget(s *session) {
	for _, p := range s.front.named {
		if s.front.pooled {
			x.library.drop(p.text)
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.keys, s.key.pid)
	x.clients--
	if x.perUser[s.client.User]--; x.perUser[s.client.User] == 0 {
		delete(x.perUser, s.client.User)
	}
}

func (x *proxy) stopping() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.closing
}

// drain tells idle clients to go, waits for the transactions of the others, and ends what is left when the time is up.
func (x *proxy) drain() {
	x.mu.Lock()
	x.closing = true
	for conn := range x.entering {
		_ = conn.SetDeadline(time.Now()) // no login any more
	}
	for conn := range x.consoles {
		_ = conn.Close()
	}
	x.mu.Unlock()
	over := time.After(x.settings.Clients.Drain)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for hard := false; ; {
		if x.dismiss(hard) == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-over:
			hard = true
		}
	}
}

// dismiss ends the sessions without a transaction, or all where hard, and returns how many are left. A session whose last answer is
// still being written has no transaction any more, and is left for the next time, so that it hears why it ends.
func (x *proxy) dismiss(hard bool) int {
	x.mu.Lock()
	left, sessions := x.clients, slices.Collect(maps.Values(x.keys))
	x.mu.Unlock()
	for _, s := range sessions {
		if hard {
			s.endWith(shuttingDown())
		} else {
			s.dismiss(shuttingDown())
		}
	}
	if hard {
		x.stop()
	}
	return left
}

// close ends the pool and all idle connections.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for p.waiters.n > 0 {
		p.serve(grant{problem: shuttingDown()})
	}
	for l := range p.links {
		l.hangUp()
	}
}
