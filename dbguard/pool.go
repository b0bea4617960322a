package dbguard

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// poolWait is how long a query waits for a connection.
const poolWait = 5 * time.Second

// Pool is a pgxpool.Pool whose queries all pass a Guard. Its methods may be called from several goroutines.
type Pool struct {
	lane
	pool *pgxpool.Pool
}

// NewPool builds a pool for url, a connection string as pgxpool.ParseConfig reads it. It connects on first use.
func NewPool(ctx context.Context, url string, g *Guard) (*Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("dbguard: pool: %w", err)
	}
	return NewPoolWithConfig(ctx, config, g)
}

// NewPoolWithConfig builds a pool from config, which it changes: connecting goes through the guard's breaker, and a query
// whose context ends is cancelled at the server, unless config says otherwise. The pool must be closed.
func NewPoolWithConfig(ctx context.Context, config *pgxpool.Config, g *Guard) (*Pool, error) {
	guardDials(config, g)
	conn := config.ConnConfig
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("dbguard: pool: %w", err)
	}
	client := Client{User: conn.User, Database: conn.Database, Application: conn.RuntimeParams["application_name"]}
	g.WatchPool(func() PoolFigures { return figuresOf(pool.Stat()) })
	return &Pool{lane: lane{guard: g, client: client}, pool: pool}, nil
}

func figuresOf(s *pgxpool.Stat) PoolFigures {
	return PoolFigures{Max: int(s.MaxConns()), Active: int(s.AcquiredConns()), Idle: int(s.IdleConns())}
}

// Guard is the one that judges.
func (p *Pool) Guard() *Guard { return p.guard }

// Unguarded is the pool behind the guard: what runs there is neither judged nor counted.
func (p *Pool) Unguarded() *pgxpool.Pool { return p.pool }

// Close closes all connections; it waits for those in use.
func (p *Pool) Close() { p.pool.Close() }

// Exec runs a query and returns its command tag. It returns a *BlockedError, or an error wrapping ErrTooComplex or
// ErrCircuitOpen, where nothing was sent.
func (p *Pool) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	conn, q, err := p.open(ctx, sql, args)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	defer conn.Release()
	return q.exec(conn)
}

// Query runs a query and returns its rows, which must be closed; the query ends, and its time counts, when they are.
func (p *Pool) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	conn, q, err := p.open(ctx, sql, args)
	if err != nil {
		return failedRows{err: err}, err
	}
	return q.query(conn, conn.Release)
}

// QueryRow runs a query and returns its first row; errors come with Scan, which must be called.
func (p *Pool) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	rows, err := p.Query(ctx, sql, args...)
	return row{rows, err}
}

// Begin starts a transaction; see BeginTx.
func (p *Pool) Begin(ctx context.Context) (pgx.Tx, error) { return p.BeginTx(ctx, pgx.TxOptions{}) }

// BeginTx starts a transaction whose queries pass the guard. Its Conn and LargeObjects do not.
func (p *Pool) BeginTx(ctx context.Context, o pgx.TxOptions) (pgx.Tx, error) {
	conn, err := p.acquire(ctx)
	if err != nil {
		return nil, p.unserved("begin", err)
	}
	var begun pgx.Tx
	err = p.control(ctx, "begin", func(ctx context.Context) (err error) {
		begun, err = conn.BeginTx(ctx, o)
		return err
	})
	if err != nil {
		conn.Release()
		return nil, err
	}
	return &tx{lane: p.lane, tx: begun, release: conn.Release}, nil
}

// SendBatch sends all queries of b in one round trip. Where the guard refuses one of them nothing is sent, and each result
// is that error. The results must be closed.
func (p *Pool) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	verdicts, err := p.judgeBatch(b)
	if err != nil {
		return failedBatch{err}
	}
	conn, err := p.acquire(ctx)
	if err != nil {
		for _, v := range verdicts {
			p.guard.Unserved(p.client, v, err)
		}
		return failedBatch{err}
	}
	return p.sendBatch(ctx, conn, conn.Release, b, verdicts)
}

// CopyFrom copies rows from src into table by PostgreSQL's COPY and returns how many.
func (p *Pool) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource) (int64, error) {
	conn, q, err := p.open(ctx, copyText(table, columns), nil)
	if err != nil {
		return 0, err
	}
	defer conn.Release()
	return q.copyFrom(conn, table, columns, src)
}

// open judges sql and gets a connection for it. On an error both are settled.
func (p *Pool) open(ctx context.Context, sql string, args []any) (*pgxpool.Conn, *query, error) {
	if rewrites(args) {
		return p.openRewritten(ctx, sql, args)
	}
	v, err := p.guard.Judge(Query{SQL: sql, Client: p.client})
	if err != nil {
		return nil, nil, err
	}
	conn, err := p.acquire(ctx)
	if err != nil {
		p.guard.Unserved(p.client, v, err)
		return nil, nil, err
	}
	return conn, p.start(ctx, v, sql, args), nil
}

// openRewritten is open where an argument makes the text, for which it may want the connection.
func (p *Pool) openRewritten(ctx context.Context, sql string, args []any) (*pgxpool.Conn, *query, error) {
	conn, err := p.acquire(ctx)
	if err != nil {
		return nil, nil, p.unserved(sql, err)
	}
	q, err := p.admit(ctx, conn.Conn(), sql, args)
	if err != nil {
		conn.Release()
		return nil, nil, err
	}
	return conn, q, nil
}

// unserved counts sql as a query that found no server, or as refused where the guard would have refused it.
func (p *Pool) unserved(sql string, cause error) error {
	v, err := p.guard.Judge(Query{SQL: sql, Client: p.client})
	if err != nil {
		return err
	}
	p.guard.Unserved(p.client, v, cause)
	return cause
}

// acquire gets a connection within poolWait, and dials again where the server was at fault.
func (p *Pool) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	waiting, cancel := context.WithTimeout(ctx, poolWait)
	defer cancel()
	retry := p.guard.Settings().Retry
	for attempt := 1; ; attempt++ {
		conn, err := p.pool.Acquire(waiting)
		if err == nil {
			return conn, nil
		}
		if errors.Is(waiting.Err(), context.DeadlineExceeded) && ctx.Err() == nil {
			return nil, &PoolWaitError{Waited: poolWait, Pool: figuresOf(p.pool.Stat())}
		}
		if attempt >= retry.Attempts || !dialFault(err) || errors.Is(err, ErrCircuitOpen) || !sleep(waiting, backoff(retry, attempt)) {
			return nil, fmt.Errorf("dbguard: connect: %w", err)
		}
		p.guard.counts.retries.Add(1)
	}
}

// PoolWaitError is a query that got no connection in time; nothing was sent.
type PoolWaitError struct {
	Waited time.Duration
	// Pool is as it was at the end of the wait.
	Pool PoolFigures
}

// Error says how long it waited for what.
func (e *PoolWaitError) Error() string {
	return fmt.Sprintf("no connection to the database within %s: %d of %d in use", e.Waited, e.Pool.Active, e.Pool.Max)
}

// SQLState is 53300, too_many_connections.
func (e *PoolWaitError) SQLState() string { return "53300" }
