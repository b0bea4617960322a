package wire

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

func TestQueryTimeoutSurvivesStatementTimeoutZero(t *testing.T) {
	const limit = time.Second
	d := open(t, func(s *setup) { s.guard.Limits.QueryTimeout = limit })
	watch := direct(t)
	for _, sql := range []string{"set statement_timeout=0; select pg_sleep(60) /*late*/", "select pg_sleep(60) /*late*/"} {
		c := d.connect(t, "")
		began := time.Now()
		fails(t, c, sql, "57014")
		if took := time.Since(began); took < limit || took > limit+cancelGrace {
			t.Errorf("%s: ended after %s, want 1 s and a little", sql, took)
		}
		wants(t, c, "select 1", "1")
		if got := backends(t, watch, "state='active' and query like '%late*/'"); got != "0" {
			t.Errorf("%s backends run on", got)
		}
	}
}

func TestIdleTransactionIsRolledBackAndTold(t *testing.T) {
	d := open(t, func(s *setup) {
		s.settings.Pool.Max = 1
		s.settings.Clients.IdleInTransaction = 200 * time.Millisecond
	})
	watch := direct(t)
	ask(t, watch, "drop table if exists idled; create table idled(a int)")
	a, b := d.connect(t, ""), d.connect(t, "")
	ask(t, a, "begin; insert into idled values (1)")
	wants(t, b, "select count(*) from idled", "0") // waits for a's connection
	fails(t, a, "insert into idled values (2)", "25P03")
	fails(t, a, "insert into idled values (3)", "25P02")
	wants(t, b, "select 1", "1") // a's failed transaction is idle as well
	ask(t, a, "rollback")
	wants(t, a, "select count(*) from idled", "0")
	ask(t, a, "begin")
	wants(t, b, "select 1", "1")
	ask(t, a, "rollback") // nothing was lost, nothing to tell
	wants(t, a, "select 1", "1")
}

func TestOpenPipelineDoesNotHoldAServerForEver(t *testing.T) {
	d := open(t, func(s *setup) {
		s.settings.Pool.Max = 1
		s.settings.Clients.IdleInTransaction = 200 * time.Millisecond
	})
	r := d.raw(t, "")
	r.say(parse("", "select 1"), bind(""), execute, &pgproto3.Flush{})
	wants(t, d.connect(t, ""), "select 1", "1")
}

func TestWaitForAServerEndsInTime(t *testing.T) {
	d := open(t, func(s *setup) {
		s.settings.Pool.Max, s.settings.Pool.Wait, s.settings.Pool.Queue = 2, 2*time.Second, 1
	})
	a, b, c, e := d.connect(t, ""), d.connect(t, ""), d.connect(t, ""), d.connect(t, "")
	ask(t, a, "begin")
	ask(t, b, "begin")
	refused := make(chan error, 1)
	began := time.Now()
	go func() { _, err := try(c, "select 1"); refused <- err }()
	until(t, "c to wait", func() bool { return d.Snapshot().Pool.Waiting == 1 })
	if pg := fails(t, e, "select 1", "53300"); pg != nil && pg.Detail == "" {
		t.Error("the refusal does not name the oldest holder")
	}
	err := <-refused
	if took := time.Since(began); codeOf(err) != "53300" || took < 2*time.Second {
		t.Errorf("got %v after %s, want 53300 after 2 s and a little", err, took)
	}
	ask(t, a, "commit")
	wants(t, c, "select 1", "1")
	ask(t, b, "commit")
}
