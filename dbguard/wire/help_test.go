package wire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"sallyport/dbguard"
)

func asPg(err error, to **pgconn.PgError) bool { return errors.As(err, to) }

// direct is a connection to the server itself.
func direct(t testing.TB) *pgconn.PgConn {
	t.Helper()
	return connect(t, server.URL("postgres"))
}

// wants fails unless sql answers want.
func wants(t testing.TB, c *pgconn.PgConn, sql, want string) {
	t.Helper()
	if got := ask(t, c, sql); got != want {
		t.Errorf("%s: got %q, want %q", short(sql), got, want)
	}
}

// fails fails unless sql is answered with the SQLSTATE.
func fails(t testing.TB, c *pgconn.PgConn, sql, code string) *pgconn.PgError {
	t.Helper()
	_, err := try(c, sql)
	if codeOf(err) != code {
		t.Errorf("%s: got %v, want SQLSTATE %s", short(sql), err, code)
	}
	var pg *pgconn.PgError
	asPg(err, &pg)
	return pg
}

// until waits for a condition, and fails after a time that is far above what it takes.
func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !holds(); {
		if time.Now().After(end) {
			t.Fatalf("waited 10 s for: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// untilFree waits until no client has a server connection, and what was asked behind their statements is known.
func (d *doorway) untilFree(t testing.TB) {
	t.Helper()
	until(t, "the server connection to be free", func() bool { return d.Snapshot().Pool.Active == 0 })
}

// untilLost waits until there is no server connection any more.
func (d *doorway) untilLost(t testing.TB) {
	t.Helper()
	until(t, "the server connections to be lost", func() bool { p := d.Snapshot().Pool; return p.Active+p.Idle == 0 })
}

// raw is a client that says what it wants, message by message.
type raw struct {
	t    testing.TB
	conn net.Conn
	*pgproto3.Frontend
}

// raw logs in and takes the connection over.
func (d *doorway) raw(t testing.TB, more string) *raw {
	t.Helper()
	c := d.connect(t, more)
	h, err := c.Hijack()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Conn.Close() })
	return &raw{t: t, conn: h.Conn, Frontend: h.Frontend}
}

// say sends messages in one write.
func (r *raw) say(messages ...pgproto3.FrontendMessage) {
	r.t.Helper()
	for _, m := range messages {
		r.Send(m)
	}
	if err := r.Flush(); err != nil {
		r.t.Fatalf("send: %v", err)
	}
}

// hears reads messages up to and including the nth ReadyForQuery and returns their kinds, errors with their SQLSTATE:
// "1 2 D C Z:I". Notices and parameters are left out.
func (r *raw) hears(ready int) string {
	r.t.Helper()
	_ = r.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	got := ""
	for ready > 0 {
		m, err := r.Receive()
		if err != nil {
			r.t.Fatalf("heard %q, then %v", got, err)
		}
		word := kindOf(m)
		if word == "" {
			continue
		}
		if got != "" {
			got += " "
		}
		got += word
		if _, ok := m.(*pgproto3.ReadyForQuery); ok {
			ready--
		}
	}
	return got
}

func (r *raw) wantHears(ready int, want string) {
	r.t.Helper()
	if got := r.hears(ready); got != want {
		r.t.Errorf("heard %q, want %q", got, want)
	}
}

func kindOf(m pgproto3.BackendMessage) string {
	switch m := m.(type) {
	case *pgproto3.ParseComplete:
		return "1"
	case *pgproto3.BindComplete:
		return "2"
	case *pgproto3.CloseComplete:
		return "3"
	case *pgproto3.ParameterDescription:
		return "t"
	case *pgproto3.RowDescription:
		return "T"
	case *pgproto3.NoData:
		return "n"
	case *pgproto3.DataRow:
		return "D"
	case *pgproto3.CommandComplete:
		return "C:" + string(m.CommandTag)
	case *pgproto3.EmptyQueryResponse:
		return "I"
	case *pgproto3.PortalSuspended:
		return "s"
	case *pgproto3.ErrorResponse:
		return "E:" + m.Code
	case *pgproto3.CopyInResponse:
		return "G"
	case *pgproto3.CopyOutResponse:
		return "H"
	case *pgproto3.CopyData:
		return "d"
	case *pgproto3.CopyDone:
		return "c"
	case *pgproto3.FunctionCallResponse:
		return fmt.Sprintf("V:%x", m.Result)
	case *pgproto3.ReadyForQuery:
		return "Z:" + string(m.TxStatus)
	}
	return ""
}

// pgxConn logs in with the whole driver.
func (d *doorway) pgx(t testing.TB, more string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), d.url(more))
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = c.Close(ctx)
	})
	return c
}

// backends counts the server's backends that the door has, by what holds for them.
func backends(t testing.TB, c *pgconn.PgConn, where string) string {
	t.Helper()
	return ask(t, c, "select count(*) from pg_stat_activity where backend_type='client backend' and pid<>pg_backend_pid() and "+where)
}

// all runs f n times at once and waits.
func all(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

// doorKinds are the ways in which a door stands before real clients.
var doorKinds = []struct {
	name   string
	change func(*setup)
}{
	{"pool of 1, enforcing", func(s *setup) { onePool(s); enforcing(s) }},
	{"pool of 10, enforcing", enforcing},
	{"session mode, enforcing", func(s *setup) { sessionMode(s); enforcing(s) }},
	{"pool of 10, observing", func(*setup) {}},
}

// enforcing has the guard refuse as it does by default: what its rules find, and what grew.
func enforcing(s *setup) {
	s.guard.Screen, s.guard.CrossDoor, s.rules = dbguard.Enforce, dbguard.Enforce, nil
}

// onePool is a pool of one connection, for which a busy machine's clients have time to wait.
func onePool(s *setup) { s.settings.Pool.Max, s.settings.Pool.Wait = 1, 30*time.Second }

func pgError(err error) *pgconn.PgError {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return &pgconn.PgError{}
	}
	return pg
}
