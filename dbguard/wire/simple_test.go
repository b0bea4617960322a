package wire

import (
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

func TestSimpleQueriesAnswerAndErrorsPassByteForByte(t *testing.T) {
	d := open(t, nil)
	c, real := d.connect(t, ""), direct(t)
	wants(t, c, "select 42", "42")
	for _, sql := range []string{"select 1/0", "select nothing from nowhere", "selec", "do $$ begin raise exception using errcode='P0042', detail='d', hint='h', column='c'; end $$"} {
		_, want := try(real, sql)
		_, got := try(c, sql)
		if want == nil || got == nil || *pgError(got) != *pgError(want) {
			t.Errorf("%s: got %+v, want %+v", sql, pgError(got), pgError(want))
		}
	}
	wants(t, c, "select 43", "43")
	wants(t, c, "", "")
	wants(t, c, "select 1; select 2; select 3", "3")
}

func TestTransactionsKeepTheirServer(t *testing.T) {
	d := open(t, onePool)
	a, b := d.connect(t, ""), d.connect(t, "")
	ask(t, a, "create temp table if not exists x(a int) on commit drop") // gone at once
	ask(t, a, "begin")
	pid := ask(t, a, "select pg_backend_pid()")
	fails(t, a, "select 1/0", "22012")
	fails(t, a, "select 1", "25P02")
	ask(t, a, "rollback")
	wants(t, b, "select pg_backend_pid()", pid)
	wants(t, a, "begin; select 5; commit", "5")
}

func TestPipelineWithErrorSkipsToSync(t *testing.T) {
	d := open(t, nil)
	r := d.raw(t, "")
	run := func(sql string) []pgproto3.FrontendMessage {
		return []pgproto3.FrontendMessage{&pgproto3.Parse{Query: sql}, &pgproto3.Bind{}, &pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{}}
	}
	messages := append(append(run("select 1"), run("select 1/0")...), run("select 2")...)
	messages = append(append(append(messages, &pgproto3.Sync{}), run("select 3")...), &pgproto3.Sync{})
	r.say(messages...)
	r.wantHears(2, "1 2 T D C:SELECT 1 1 E:22012 Z:I 1 2 T D C:SELECT 1 Z:I")
	r.say(&pgproto3.Sync{}, &pgproto3.Sync{})
	r.wantHears(2, "Z:I Z:I")
	r.say(&pgproto3.Query{String: "begin"}, &pgproto3.Query{String: "select 1"}, &pgproto3.Query{String: "commit"}, &pgproto3.Query{String: "select 2"})
	r.wantHears(4, "C:BEGIN Z:T T D C:SELECT 1 Z:T C:COMMIT Z:I T D C:SELECT 1 Z:I")
}

func TestFlushIsAnsweredWithoutSync(t *testing.T) {
	d := open(t, nil)
	r := d.raw(t, "")
	r.say(&pgproto3.Parse{Name: "a", Query: "select $1::int"}, &pgproto3.Flush{})
	next(t, r, "1")
	r.say(&pgproto3.Close{ObjectType: 'S', Name: "a"}, &pgproto3.Flush{})
	next(t, r, "3")
	r.say(&pgproto3.Sync{})
	r.wantHears(1, "Z:I")
}

func next(t *testing.T, r *raw, want string) {
	t.Helper()
	m, err := r.Receive()
	if err != nil || kindOf(m) != want {
		t.Fatalf("got %T %v, want %s", m, err, want)
	}
}

func TestPortalsSuspendAndGoOn(t *testing.T) {
	d := open(t, nil)
	r := d.raw(t, "")
	r.say(&pgproto3.Query{String: "begin"}, &pgproto3.Parse{Query: "select generate_series(1,5)"}, &pgproto3.Bind{DestinationPortal: "p"},
		&pgproto3.Execute{Portal: "p", MaxRows: 2}, &pgproto3.Sync{}, &pgproto3.Execute{Portal: "p", MaxRows: 2}, &pgproto3.Execute{Portal: "p"}, &pgproto3.Sync{},
		&pgproto3.Query{String: "commit"})
	r.wantHears(4, "C:BEGIN Z:T 1 2 D D s Z:T D D s D C:SELECT 1 Z:T C:COMMIT Z:I")
	if got := d.guard.Snapshot().Metrics.TotalQueries; got != 3 {
		t.Errorf("counted %d queries, want 3: a portal is one query however often it is continued", got)
	}
}
