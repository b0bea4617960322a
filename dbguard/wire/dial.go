package wire

import (
	"context"
	"fmt"
	"maps"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"

	"sallyport/dbguard"
)

// dial makes a server connection for s, whose place in the pool was counted already. Its client waits no longer than for a server
// that is silent once.
func (p *pool) dial(ctx context.Context, s *session) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, max(p.patience, dialTimeout))
	defer cancel()
	l, err := dbguard.Dial(ctx, p.proxy.guard, func(ctx context.Context) (*link, error) { return p.connect(ctx, s) })
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dialling--
	switch {
	case err != nil:
		p.letDial()
		return nil, err
	case p.closed:
		_ = l.conn.Close()
		return nil, shuttingDown()
	}
	p.links[l] = struct{}{}
	p.parameter = l.back.reported
	p.proxy.work.Go(l.read)
	return l, nil
}

// connect dials, logs in and takes the connection over from pgconn.
func (p *pool) connect(ctx context.Context, s *session) (*link, error) {
	config := p.proxy.upstream.Copy()
	config.DialFunc = p.proxy.dialContext
	config.RuntimeParams["statement_timeout"] = strconv.FormatInt(p.proxy.queryTimeout().Milliseconds(), 10)
	dedicated := !s.front.pooled
	if dedicated {
		maps.Copy(config.RuntimeParams, s.front.own.of)
	}
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	if err := conn.SyncConn(ctx); err != nil {
		_ = conn.Close(ctx)
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	hijacked, err := conn.Hijack()
	if err != nil {
		_ = conn.Close(ctx)
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	l := &link{
		pool: p, conn: hijacked.Conn, secure: hijacked.TLSConfig, pid: hijacked.PID, secret: hijacked.SecretKey,
		born: p.now(), dedicated: dedicated, settled: make(chan struct{}, 1),
	}
	l.swift, _ = l.conn.(*swift)
	l.back = back{status: hijacked.TxStatus, statements: newCache(), reported: newValues(hijacked.ParameterStatuses), watch: unwatched{}}
	if dedicated {
		l.back.applied = s.front.own
	}
	return l, nil
}

// report keeps what the server reports, for clients that log in later.
func (p *pool) report(l *link) {
	l.mu.Lock()
	reported, clean := l.back.reported, l.back.applied.sig == "" && l.session == nil
	l.mu.Unlock()
	if clean {
		p.mu.Lock()
		p.parameter = reported
		p.mu.Unlock()
	}
}

// parameters are what the server reports to a new client; the zero value before the first connection to it.
func (p *pool) parameters() values {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.parameter
}
