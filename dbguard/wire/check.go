package wire

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
)

// ErrNoRoom is returned by Check where every connection of the pool is in use; nothing is known of the database then but that
// they stand. Where one was idle it was closed, so that there is room a moment later.
var ErrNoRoom = errors.New("no room in the pool")

// errNotServing is why a door that does not run can check nothing.
var errNotServing = errors.New("the door does not serve")

// Check logs in at the database and asks for one answer, over a connection of its own that counts to the pool's limit. It
// neither asks the breaker nor feeds it: a check is no client.
func (d *Door) Check(ctx context.Context) error {
	x := d.running.Load()
	if x == nil {
		return errNotServing
	}
	if !x.pool.reserve() {
		return ErrNoRoom
	}
	defer x.pool.unreserve()
	config := x.upstream.Copy()
	config.DialFunc = x.dialContext
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("check: %w", err)
	}
	err = conn.Ping(ctx)
	return errors.Join(err, conn.Close(ctx))
}

// reserve takes a place for one connection where nobody waits for it.
func (p *pool) reserve() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.waiters.Len() > 0 {
		return false
	}
	if len(p.links)+p.dialling < p.max {
		p.dialling++
		return true
	}
	if len(p.idle) > 0 {
		l := p.idle[0]
		p.idle = p.idle[1:]
		_ = l.conn.Close() // its reader takes it off the list
	}
	return false
}

// unreserve gives the place back.
func (p *pool) unreserve() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dialling--
	p.letDial()
}
