package dbguard

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// lane is what Pool and its transactions share: the guard, and whom their queries count for.
type lane struct {
	guard  *Guard
	client Client
}

// server is a connection or transaction of pgx.
type server interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
	CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource) (int64, error)
}

// query is one that was judged and started; it ends exactly once.
type query struct {
	ctx    context.Context // of this query alone, under the query timeout; its permit ends it
	permit *Permit
	sql    string
	args   []any
}

// admit rewrites sql where an argument wants that, judges and starts it.
func (l *lane) admit(ctx context.Context, conn *pgx.Conn, sql string, args []any) (*query, error) {
	sql, args, err := rewrite(ctx, conn, sql, args)
	if err != nil {
		return nil, err
	}
	v, err := l.guard.Judge(Query{SQL: sql, Client: l.client})
	if err != nil {
		return nil, err
	}
	return l.start(ctx, v, sql, args), nil
}

func (l *lane) start(ctx context.Context, v *Verdict, sql string, args []any) *query {
	ctx, cancel := context.WithTimeout(ctx, l.guard.Settings().Limits.QueryTimeout)
	p := l.guard.Start(l.client, v)
	p.cancel = cancel
	return &query{ctx: ctx, permit: p, sql: sql, args: args}
}

// control runs a statement of our own, such as commit, under the guard's eyes.
func (l *lane) control(ctx context.Context, sql string, run func(context.Context) error) error {
	q, err := l.admit(ctx, nil, sql, nil)
	if err != nil {
		return err
	}
	err = run(q.ctx)
	q.permit.End(err)
	return err
}

func (q *query) exec(s server) (pgconn.CommandTag, error) {
	tag, err := s.Exec(q.ctx, q.sql, q.args...)
	q.permit.Rows = tag.RowsAffected()
	q.permit.End(err)
	return tag, err
}

// query returns rows that end q, and then call release.
func (q *query) query(s server, release func()) (pgx.Rows, error) {
	rows, err := s.Query(q.ctx, q.sql, q.args...)
	if err != nil {
		q.permit.End(err)
		release()
		return rows, err
	}
	return &guardedRows{Rows: rows, permit: q.permit, release: release}, nil
}

func (q *query) copyFrom(s server, table pgx.Identifier, columns []string, src pgx.CopyFromSource) (int64, error) {
	n, err := s.CopyFrom(q.ctx, table, columns, src)
	q.permit.Rows = n
	q.permit.End(err)
	return n, err
}

// copyText is the statement that pgx makes of a CopyFrom.
func copyText(table pgx.Identifier, columns []string) string {
	quoted := make([]string, len(columns))
	for i, c := range columns {
		quoted[i] = pgx.Identifier{c}.Sanitize()
	}
	return "copy " + table.Sanitize() + " ( " + strings.Join(quoted, ", ") + " ) from stdin binary;"
}

// rewriter splits args into pgx's options in front, the rewriter among them (nil where there is none), and the values.
func rewriter(args []any) (options []any, r pgx.QueryRewriter, values []any) {
	for i, a := range args {
		switch a := a.(type) {
		case pgx.QueryResultFormats, pgx.QueryResultFormatsByOID, pgx.QueryExecMode:
			options = append(options, a)
		case pgx.QueryRewriter:
			r = a
		default:
			return options, r, args[i:]
		}
	}
	return options, r, nil
}

func rewrites(args []any) bool {
	if len(args) == 0 {
		return false
	}
	_, r, _ := rewriter(args)
	return r != nil
}

// rewrite returns the text that will be sent, which is the one to judge.
func rewrite(ctx context.Context, conn *pgx.Conn, sql string, args []any) (string, []any, error) {
	if len(args) == 0 {
		return sql, args, nil
	}
	options, r, values := rewriter(args)
	if r == nil {
		return sql, args, nil
	}
	sql, values, err := r.RewriteQuery(ctx, conn, sql, values)
	return sql, append(options, values...), err
}
