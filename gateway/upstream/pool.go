package upstream

import (
	"context"
	"net"
	"sync"
	"time"
)

// idleFor is how long an unused connection is kept where the app says nothing: below the 5 s after which Node closes, so
// that we close first and no request meets a dying connection.
const idleFor = 4 * time.Second

// pool keeps the connections to the app. The last one used is used first.
type pool struct {
	network, address string
	dialer           *net.Dialer
	max              int

	mu   sync.Mutex // guards what follows
	idle []*conn    // sorted by idleSince
	all  map[*conn]struct{}
	shut bool
}

// take returns an idle connection, nil where there is none.
func (p *pool) take() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.idle)
	if n == 0 {
		return nil
	}
	c := p.idle[n-1]
	p.idle[n-1] = nil
	p.idle = p.idle[:n-1]
	return c
}

// dial opens a connection.
func (p *pool) dial(ctx context.Context) (*conn, error) {
	raw, err := p.dialer.DialContext(ctx, p.network, p.address)
	if err != nil {
		return nil, err
	}
	c := newConn(raw)
	p.mu.Lock()
	p.all[c] = struct{}{}
	p.mu.Unlock()
	return c, nil
}

// give takes c back for the next exchange, or closes it where there can be none.
func (p *pool) give(c *conn, now time.Time) {
	if cut := c.end(); cut != nil || c.broken || c.r != c.w {
		p.drop(c)
		return
	}
	c.giveBack()
	c.body, c.reused, c.idleSince = false, true, now
	p.mu.Lock()
	if p.shut || len(p.idle) >= p.max {
		p.mu.Unlock()
		p.drop(c)
		return
	}
	p.idle = append(p.idle, c)
	p.mu.Unlock()
}

// drop closes c. That may fail where the app closed first; either way it is gone.
func (p *pool) drop(c *conn) {
	p.mu.Lock()
	delete(p.all, c)
	p.mu.Unlock()
	_ = c.Close()
}

// flush closes the idle connections: one of them had been closed by the app, so the others will have been too.
func (p *pool) flush() { p.trim(time.Time{}) }

// trim closes the idle connections whose time is over at now; the zero time closes all.
func (p *pool) trim(now time.Time) {
	p.mu.Lock()
	var old []*conn
	kept := p.idle[:0]
	for _, c := range p.idle {
		if now.IsZero() || now.Sub(c.idleSince) > c.keep() {
			old = append(old, c)
			delete(p.all, c)
			continue
		}
		kept = append(kept, c)
	}
	clear(p.idle[len(kept):])
	p.idle = kept
	p.mu.Unlock()
	for _, c := range old {
		_ = c.Close()
	}
}

func (c *conn) keep() time.Duration {
	if c.keepFor > 0 {
		return c.keepFor
	}
	return idleFor
}

// sweep cuts what is overdue and closes what was idle for too long.
func (p *pool) sweep(now time.Time) {
	p.trim(now)
	p.mu.Lock()
	busy := make([]*conn, 0, len(p.all)-len(p.idle))
	for c := range p.all {
		busy = append(busy, c)
	}
	p.mu.Unlock()
	for _, c := range busy {
		c.sweep(now)
	}
}

// close closes the idle connections and keeps none any more.
func (p *pool) close() {
	p.mu.Lock()
	p.shut = true
	p.mu.Unlock()
	p.flush()
}
