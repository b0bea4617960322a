package dbguard

import (
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// guardedRows end their query when they are closed or read to the end.
type guardedRows struct {
	pgx.Rows
	permit  *Permit // nil once ended
	release func()  // gives the connection back
}

func (r *guardedRows) Close() {
	r.Rows.Close()
	r.end()
}

func (r *guardedRows) Next() bool {
	if r.Rows.Next() {
		return true
	}
	r.end()
	return false
}

// Scan closes the rows itself where it fails.
func (r *guardedRows) Scan(dest ...any) error {
	err := r.Rows.Scan(dest...)
	if err != nil {
		r.Close()
	}
	return err
}

func (r *guardedRows) end() {
	if r.permit == nil {
		return
	}
	r.permit.Rows = r.CommandTag().RowsAffected()
	r.permit.End(r.Err())
	r.permit = nil
	r.release()
}

// row is the first of rows, as pgx.Row has it.
type row struct {
	rows pgx.Rows
	err  error
}

func (r row) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return pgx.ErrNoRows
	}
	if err := r.rows.Scan(dest...); err != nil {
		return err
	}
	r.rows.Close()
	return r.rows.Err()
}

// failedRows are the rows of a query that was never sent.
type failedRows struct{ err error }

func (r failedRows) Close()                                       {}
func (r failedRows) Err() error                                   { return r.err }
func (r failedRows) CommandTag() pgconn.CommandTag                { return pgconn.CommandTag{} }
func (r failedRows) FieldDescriptions() []pgconn.FieldDescription { return nil }
func (r failedRows) Next() bool                                   { return false }
func (r failedRows) Scan(...any) error                            { return r.err }
func (r failedRows) Values() ([]any, error)                       { return nil, r.err }
func (r failedRows) RawValues() [][]byte                          { return nil }
func (r failedRows) Conn() *pgx.Conn                              { return nil }
func (r failedRows) TypeMap() *pgtype.Map                         { return nil }
