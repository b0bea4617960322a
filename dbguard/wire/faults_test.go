package wire

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"sallyport/dbguard/localpg"
)

// ownServer starts a PostgreSQL that the test may break.
func ownServer(t *testing.T) *localpg.Server {
	t.Helper()
	s, err := localpg.Start(t.Context(), localpg.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() })
	return s
}

func TestUserErrorsLeaveTheBreakerClosed(t *testing.T) {
	d := open(t, nil)
	c := d.connect(t, "")
	for range 10_000 / 4 {
		_, _ = try(c, "select 1/0")
		_, _ = try(c, "selec")
		_, _ = try(c, "select nothing")
		_, _ = try(c, "do $$ begin raise exception using errcode='P0042'; end $$")
	}
	if m := d.guard.Snapshot().Metrics; m.CircuitBreakerStatus != "closed" || m.FailedQueries != 10_000 {
		t.Errorf("breaker is %s after %d failed queries, want closed after 10000", m.CircuitBreakerStatus, m.FailedQueries)
	}
}

func TestDatabaseDownAndBack(t *testing.T) {
	pg := ownServer(t)
	d := open(t, func(s *setup) {
		s.upstream = pg.URL("postgres")
		s.guard.Breaker.OpenFor = 3 * time.Second // long enough that it is still open for the questions below
	})
	idle, inside := d.connect(t, ""), d.connect(t, "")
	wants(t, idle, "select 1", "1")
	ask(t, inside, "begin")
	pg.Shutdown()
	d.untilLost(t)
	fails(t, inside, "select 1", "57P03") // nobody can even tell it that its transaction is over
	until(t, "the breaker to open", func() bool {
		_, err := try(idle, "select 1")
		if codeOf(err) != "57P03" {
			t.Fatalf("got %v, want 57P03", err)
		}
		return d.guard.Snapshot().Metrics.CircuitBreakerStatus == "open"
	})
	got := fails(t, idle, "select 1", "57P03")
	if got != nil && !strings.HasPrefix(got.Hint, "Retry in ") {
		t.Errorf("hint is %q, want when to retry", got.Hint)
	}
	if _, err := tryConnect(d.url("")); err != nil && codeOf(err) != "57P03" {
		t.Errorf("login while the database is down: got %v", err)
	}
	if err := pg.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	until(t, "the breaker to close", func() bool { _, err := try(idle, "select 1"); return err == nil })
	fails(t, inside, "select 2", "57P01")
	fails(t, inside, "select 2", "25P02")
	ask(t, inside, "rollback")
	wants(t, inside, "select 3", "3")
}

func TestKilledBackendInTransactionLeavesTheClientAFailedOne(t *testing.T) {
	d := open(t, nil)
	watch := direct(t)
	c := d.connect(t, "")
	ask(t, c, "begin")
	pid := ask(t, c, "select pg_backend_pid()")
	done := make(chan error, 1)
	go func() { _, err := try(c, "select pg_sleep(30)"); done <- err }()
	until(t, "it to sleep", func() bool { return backends(t, watch, "state='active' and pid="+pid) == "1" })
	ask(t, watch, "select pg_terminate_backend("+pid+")")
	if err := <-done; codeOf(err) != "57P01" {
		t.Errorf("got %v, want 57P01", err)
	}
	fails(t, c, "select 1", "25P02")
	ask(t, c, "rollback")
	wants(t, c, "select 1", "1")
}

func TestReadOnlyFirstStatementIsRetriedOnce(t *testing.T) {
	d := open(t, nil)
	watch := direct(t)
	ask(t, watch, "drop table if exists locked; create table locked(again int)")
	locker := direct(t)
	for sql, want := range map[string]string{"select again from locked": "", "update locked set again = 1": "57P01"} {
		ask(t, locker, "begin; lock locked")
		c := d.connect(t, "")
		done := make(chan error, 1)
		go func() { _, err := try(c, sql); done <- err }()
		until(t, "it to run", func() bool { return backends(t, watch, "state='active' and query like '%again%'") == "1" })
		ask(t, watch, "select pg_terminate_backend(pid) from pg_stat_activity where state='active' and query like '%again%' and pid<>pg_backend_pid()")
		if want == "" {
			until(t, "it to run again", func() bool { return backends(t, watch, "state='active' and query like '%again%'") == "1" })
		}
		ask(t, locker, "commit")
		if err := <-done; codeOf(err) != want {
			t.Errorf("%s: got %v, want %q", sql, err, want)
		}
		wants(t, c, "select 1", "1")
	}
	if m := d.guard.Snapshot().Metrics; m.TotalQueries != 4 || m.FailedQueries != 1 {
		t.Errorf("counted %d queries and %d failed, want 4 and 1", m.TotalQueries, m.FailedQueries)
	}
}

func TestBackendKilledDuringCommitLeavesTheOutcomeOpen(t *testing.T) {
	d := open(t, nil)
	watch := direct(t)
	ask(t, watch, `drop table if exists committed; create table committed(a int);
		create or replace function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(30); return null; end $$;
		create constraint trigger slow after insert on committed deferrable initially deferred for each row execute function slow()`)
	c := d.connect(t, "")
	ask(t, c, "begin; insert into committed values (1)")
	pid := ask(t, c, "select pg_backend_pid()")
	done := make(chan error, 1)
	go func() { _, err := try(c, "commit"); done <- err }()
	until(t, "the commit to hang", func() bool { return backends(t, watch, "state='active' and query='commit' and pid="+pid) == "1" })
	ask(t, watch, "select pg_terminate_backend("+pid+")")
	if err := <-done; codeOf(err) != "08007" {
		t.Errorf("got %v, want 08007", err)
	}
	ask(t, c, "rollback")
	wants(t, c, "select count(*) from committed", "0")
}

// No acknowledged commit may be lost, and no statement run twice, however the server dies.
func TestKillUnderLoadLosesNothing(t *testing.T) {
	pg := ownServer(t)
	d := open(t, func(s *setup) {
		s.upstream = pg.URL("postgres")
		s.guard.Breaker.OpenFor = time.Second
	})
	watch := connect(t, pg.URL("postgres"))
	ask(t, watch, "create table load(client int, n int)")
	const clients = 16
	ctx, stop := context.WithCancel(t.Context())
	var acknowledged, unknown [clients]int
	var odd atomic.Pointer[error]
	conns := make([]*pgconn.PgConn, clients)
	for i := range conns {
		conns[i] = d.connect(t, "")
	}
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		all(clients, func(i int) {
			for n := 0; ctx.Err() == nil; n++ {
				switch _, err := try(conns[i], "insert into load values ("+strconv.Itoa(i)+","+strconv.Itoa(n)+")"); {
				case err == nil:
					acknowledged[i]++
				case strings.HasPrefix(codeOf(err), "08") || strings.HasPrefix(codeOf(err), "57P"):
					unknown[i]++
					time.Sleep(5 * time.Millisecond)
				default:
					odd.Store(&err)
				}
			}
		})
	}()
	for range 2 {
		time.Sleep(200 * time.Millisecond)
		pg.Kill()
		until(t, "PostgreSQL to be back: backends of the killed one may still hold its memory", func() bool { return pg.Restart(t.Context()) == nil })
	}
	time.Sleep(500 * time.Millisecond)
	stop()
	<-finished
	if err := odd.Load(); err != nil {
		t.Errorf("a client got %v, want 08xxx or 57Pxx only", *err)
	}
	until(t, "the breaker to close", func() bool { _, err := try(conns[0], "select 1"); return err == nil })
	after := connect(t, pg.URL("postgres"))
	wants(t, after, "select count(*) from (select client, n from load group by 1, 2 having count(*) > 1) twice", "0")
	total := 0
	for i := range clients {
		rows, _ := strconv.Atoi(ask(t, after, "select count(*) from load where client="+strconv.Itoa(i)))
		if rows < acknowledged[i] || rows > acknowledged[i]+unknown[i] {
			t.Errorf("client %d: %d rows, want %d acknowledged and at most %d more", i, rows, acknowledged[i], unknown[i])
		}
		total += acknowledged[i]
		wants(t, conns[i], "select 1", "1")
	}
	if total == 0 {
		t.Error("nothing was acknowledged at all")
	}
}

func TestShutdownLetsTransactionsEndAndTellsTheOthers(t *testing.T) {
	d := open(t, nil)
	busy, idle := d.connect(t, ""), d.connect(t, "")
	wants(t, idle, "select 1", "1")
	ask(t, busy, "begin")
	closed := make(chan error, 1)
	go func() { closed <- d.close() }()
	until(t, "the idle client to be told", func() bool { _, err := try(idle, "select 1"); return err != nil })
	_, err := try(idle, "select 1")
	if err == nil {
		t.Error("an idle client lives on")
	}
	if _, err := tryConnect(d.url("")); err == nil {
		t.Error("a closing door lets clients in")
	}
	wants(t, busy, "select 2", "2")
	ask(t, busy, "commit")
	select {
	case err := <-closed:
		if err != nil {
			t.Errorf("the door ended with %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("the door does not end")
	}
}

func TestServerThatCannotBeReached(t *testing.T) {
	d := open(t, func(s *setup) { s.upstream = "postgres://u:p@127.0.0.1:1/x" })
	_, err := tryConnect(strings.Replace(d.url(""), "/postgres", "/x", 1))
	if codeOf(err) != "57P03" {
		t.Errorf("got %v, want 57P03", err)
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Severity != "FATAL" {
		t.Errorf("severity is %s, want FATAL", pg.Severity)
	}
}
