package dbguard

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// tx is a transaction whose queries pass the guard.
type tx struct {
	lane
	tx      pgx.Tx
	release func() // gives the connection back
	ended   bool
}

// Begin starts a nested transaction by a savepoint.
func (t *tx) Begin(ctx context.Context) (pgx.Tx, error) {
	var begun pgx.Tx
	err := t.control(ctx, "savepoint", func(ctx context.Context) (err error) {
		begun, err = t.tx.Begin(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &tx{lane: t.lane, tx: begun, release: func() {}}, nil
}

func (t *tx) Commit(ctx context.Context) error { return t.finish(ctx, "commit", t.tx.Commit) }

func (t *tx) Rollback(ctx context.Context) error { return t.finish(ctx, "rollback", t.tx.Rollback) }

// finish ends the transaction and gives the connection back, once; later calls only get pgx's answer.
func (t *tx) finish(ctx context.Context, sql string, end func(context.Context) error) error {
	if t.ended {
		return end(ctx)
	}
	t.ended = true
	defer t.release()
	return t.control(ctx, sql, end)
}

func (t *tx) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	q, err := t.admit(ctx, t.tx.Conn(), sql, args)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	return q.exec(t.tx)
}

func (t *tx) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	q, err := t.admit(ctx, t.tx.Conn(), sql, args)
	if err != nil {
		return failedRows{err: err}, err
	}
	return q.query(t.tx, func() {})
}

func (t *tx) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	rows, err := t.Query(ctx, sql, args...)
	return row{rows, err}
}

func (t *tx) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource) (int64, error) {
	q, err := t.admit(ctx, nil, copyText(table, columns), nil)
	if err != nil {
		return 0, err
	}
	return q.copyFrom(t.tx, table, columns, src)
}

func (t *tx) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	verdicts, err := t.judgeBatch(b)
	if err != nil {
		return failedBatch{err}
	}
	return t.sendBatch(ctx, t.tx, func() {}, b, verdicts)
}

// Prepare judges sql; executions by name are counted, but their text is the name.
func (t *tx) Prepare(ctx context.Context, name, sql string) (*pgconn.StatementDescription, error) {
	if _, err := t.guard.Judge(Query{SQL: sql, Client: t.client}); err != nil {
		return nil, err
	}
	return t.tx.Prepare(ctx, name, sql)
}

func (t *tx) LargeObjects() pgx.LargeObjects { return t.tx.LargeObjects() }

func (t *tx) Conn() *pgx.Conn { return t.tx.Conn() }
