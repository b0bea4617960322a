package wire

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"sallyport/dbguard"
)

// healthWait is how long the database may take to answer a health check.
const healthWait = 5 * time.Second

// watchHealth looks at the database at once and then every so often until ctx ends.
func (x *proxy) watchHealth(ctx context.Context, every time.Duration) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		x.checkHealth(ctx)
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// checkHealth tells the guard how long the database took. It stays within the pool's number of connections: it asks over an
// idle one, logs in where there is none and room for one, and leaves a pool in full use to its queries.
func (x *proxy) checkHealth(ctx context.Context) {
	waiting, cancel := context.WithTimeout(ctx, healthWait)
	defer cancel()
	l, room := x.pool.spare()
	if l == nil && !room {
		return
	}
	began := time.Now()
	var err error
	if l != nil {
		err = l.ping(waiting)
	} else {
		err = x.pool.knock(waiting)
	}
	if ctx.Err() == nil {
		x.guard.RecordHealth(time.Since(began), err)
	}
}

// spare takes an idle link from the pool, or where there is none counts one that is being dialled, if there is room.
func (p *pool) spare() (l *link, room bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l = p.spareIdle(); l != nil || p.closed {
		return l, false
	}
	if len(p.links)+p.dialling >= p.max {
		return nil, false
	}
	p.dialling++
	return nil, true
}

// spareIdle takes an idle link from the pool; nil where there is none. p.mu is held.
func (p *pool) spareIdle() *link {
	if p.closed {
		return nil
	}
	return p.takeIdle("")
}

// ping sends an empty query over an idle link.
func (l *link) ping(ctx context.Context) error {
	_, err := l.inquire(ctx, "")
	return err
}

// inquire asks over an idle link, which goes back to the pool with the answer, and closes it where none comes. It returns the body
// of the first DataRow, nil where there is none.
func (l *link) inquire(ctx context.Context, sql string) ([]byte, error) {
	answered := make(chan error, 1)
	var row []byte
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil, errServerClosed
	}
	l.orphan, l.pinged, l.back.caught = true, answered, nil
	l.query(sql, answer{catch: true, then: func() { row, l.back.caught = l.back.caught, nil }})
	l.mu.Unlock()
	if err := l.flush(); err != nil {
		l.hangUp()
		return nil, fmt.Errorf("ping: %w", err)
	}
	select {
	case err := <-answered:
		return row, err
	case <-ctx.Done():
		l.hangUp()
		return nil, fmt.Errorf("ping: %w", ctx.Err())
	}
}

// pong ends a ping; l.mu is held.
func (l *link) pong(err error) {
	if l.pinged != nil {
		l.pinged <- err
		l.pinged = nil
	}
}

// knock logs in at the database and leaves again; its place in the pool was counted already.
func (p *pool) knock(ctx context.Context) error {
	_, err := dbguard.Dial(ctx, p.proxy.guard, func(ctx context.Context) (struct{}, error) {
		config := p.proxy.upstream.Copy()
		config.DialFunc = p.proxy.dialContext
		conn, err := pgconn.ConnectConfig(ctx, config)
		if err != nil {
			return struct{}{}, fmt.Errorf("connect to the database: %w", err)
		}
		_ = conn.Close(ctx) // it answered, which was the question
		return struct{}{}, nil
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dialling--
	p.letDial()
	return err
}
