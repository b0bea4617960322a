package dbguard

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// judgeBatch judges each query of b; where one is refused, none may be sent. Rewriters are called without a connection.
func (l *lane) judgeBatch(b *pgx.Batch) ([]*Verdict, error) {
	verdicts := make([]*Verdict, 0, b.Len())
	for _, q := range b.QueuedQueries {
		sql, args, err := rewrite(context.Background(), nil, q.SQL, q.Arguments)
		if err != nil {
			return nil, err
		}
		v, err := l.guard.Judge(Query{SQL: sql, Client: l.client})
		if err != nil {
			return nil, err
		}
		q.SQL, q.Arguments = sql, args // what was judged is what is sent
		verdicts = append(verdicts, v)
	}
	return verdicts, nil
}

// sendBatch sends b, whose verdicts these are; release is called when its results are closed. Each query may take the query
// timeout, and those before it too.
func (l *lane) sendBatch(ctx context.Context, s server, release func(), b *pgx.Batch, verdicts []*Verdict) pgx.BatchResults {
	limit := l.guard.Settings().Limits.QueryTimeout * time.Duration(max(1, len(verdicts)))
	ctx, cancel := context.WithTimeout(ctx, limit)
	r := &batchResults{lane: *l, cancel: cancel, release: release}
	for _, v := range verdicts {
		r.permits = append(r.permits, l.guard.Start(l.client, v))
	}
	r.results = s.SendBatch(ctx, b)
	if begun := r.results.Tx(); begun != nil {
		r.tx = &tx{lane: *l, tx: begun, release: release}
		r.release = func() {} // the transaction gives the connection back
	}
	return r
}

// batchResults end the permit of each query when its result is read, and of the rest when they are closed.
type batchResults struct {
	lane
	results pgx.BatchResults
	permits []*Permit // not ended yet
	cancel  context.CancelFunc
	release func()
	tx      pgx.Tx
	closed  bool
}

// next takes the permit of the query whose result is read now, nil after the last.
func (r *batchResults) next() *Permit {
	if len(r.permits) == 0 {
		return nil
	}
	p := r.permits[0]
	r.permits = r.permits[1:]
	return p
}

func (r *batchResults) Exec() (pgconn.CommandTag, error) {
	p := r.next()
	tag, err := r.results.Exec()
	if p != nil {
		p.Rows = tag.RowsAffected()
		p.End(err)
	}
	return tag, err
}

func (r *batchResults) Query() (pgx.Rows, error) {
	p := r.next()
	rows, err := r.results.Query()
	if p == nil {
		return rows, err
	}
	if err != nil {
		p.End(err)
		return rows, err
	}
	return &guardedRows{Rows: rows, permit: p, release: func() {}}, nil
}

func (r *batchResults) QueryRow() pgx.Row {
	rows, err := r.Query()
	return row{rows, err}
}

// Close ends what was not read: where it fails, none of that took effect.
func (r *batchResults) Close() error {
	err := r.results.Close()
	if r.closed {
		return err
	}
	r.closed = true
	for p := r.next(); p != nil; p = r.next() {
		p.End(err)
	}
	r.cancel()
	r.release()
	return err
}

func (r *batchResults) Tx() pgx.Tx { return r.tx }

// failedBatch are the results of a batch that was never sent.
type failedBatch struct{ err error }

func (f failedBatch) Exec() (pgconn.CommandTag, error) { return pgconn.CommandTag{}, f.err }
func (f failedBatch) Query() (pgx.Rows, error)         { return failedRows{f.err}, f.err }
func (f failedBatch) QueryRow() pgx.Row                { return row{failedRows{f.err}, f.err} }
func (f failedBatch) Close() error                     { return f.err }
func (f failedBatch) Tx() pgx.Tx                       { return nil }
