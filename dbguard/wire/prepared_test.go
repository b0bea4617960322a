package wire

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

func parse(name, sql string) *pgproto3.Parse { return &pgproto3.Parse{Name: name, Query: sql} }

func bind(name string) *pgproto3.Bind { return &pgproto3.Bind{PreparedStatement: name} }

var (
	execute = &pgproto3.Execute{}
	sync_   = &pgproto3.Sync{}
)

func TestNamedStatementsFollowTheClientOverServers(t *testing.T) {
	d := open(t, nil)
	a, b := d.raw(t, ""), d.raw(t, "")
	a.say(parse("s", "select 'a', pg_backend_pid()"), sync_)
	a.wantHears(1, "1 Z:I")
	b.say(parse("s", "select 'b', pg_backend_pid()"), &pgproto3.Query{String: "begin"}) // the same name, another text
	b.wantHears(1, "1 C:BEGIN Z:T")
	for range 3 {
		a.say(bind("s"), execute, sync_)
		b.say(bind("s"), execute, sync_)
		if got := firstColumn(t, a); got != "a" {
			t.Errorf("a's statement answered %q, want a", got)
		}
		if got := firstColumn(t, b); got != "b" {
			t.Errorf("b's statement answered %q, want b", got)
		}
	}
	b.say(&pgproto3.Query{String: "commit"})
	b.wantHears(1, "C:COMMIT Z:I")
}

// firstColumn reads up to ReadyForQuery and returns the last row's first column.
func firstColumn(t *testing.T, r *raw) string {
	t.Helper()
	got := ""
	for {
		m, err := r.Receive()
		if err != nil {
			t.Fatal(err)
		}
		switch m := m.(type) {
		case *pgproto3.DataRow:
			got = string(m.Values[0])
		case *pgproto3.ErrorResponse:
			got = m.Code + " " + m.Message
		case *pgproto3.ReadyForQuery:
			return got
		}
	}
}

// The way lib/pq works: what another client does between the two halves must not matter.
func TestUnnamedStatementInTwoHalves(t *testing.T) {
	d := open(t, onePool)
	a, b := d.raw(t, ""), d.raw(t, "")
	a.say(parse("", "select 'a'::text"), &pgproto3.Describe{ObjectType: 'S'}, sync_)
	a.wantHears(1, "1 t T Z:I")
	b.say(parse("", "select 'b'::text, 2, 3"), &pgproto3.Describe{ObjectType: 'S'}, sync_)
	b.wantHears(1, "1 t T Z:I")
	a.say(bind(""), execute, sync_)
	if got := firstColumn(t, a); got != "a" {
		t.Errorf("a got %q, want a", got)
	}
	b.say(bind(""), execute, sync_)
	if got := firstColumn(t, b); got != "b" {
		t.Errorf("b got %q, want b", got)
	}
	b.say(&pgproto3.Query{String: "select 1"}) // destroys the unnamed statement
	b.hears(1)
	b.say(bind(""), execute, sync_)
	b.wantHears(1, "E:26000 Z:I")
}

func TestAtMost200StatementsLiveOnTheServer(t *testing.T) {
	d := open(t, onePool)
	r := d.raw(t, "")
	for i := range 5000 {
		name := "s" + strconv.Itoa(i)
		r.Send(parse(name, "select "+strconv.Itoa(i)))
		r.Send(bind(name))
		r.Send(execute)
		r.Send(sync_)
		if i%100 == 99 {
			r.say()
			for range 99 {
				firstColumn(t, r)
			}
			if got := firstColumn(t, r); got != strconv.Itoa(i) {
				t.Fatalf("statement %d answered %q", i, got)
			}
		}
	}
	r.say(&pgproto3.Query{String: "select count(*) from pg_prepared_statements"})
	if n, _ := strconv.Atoi(firstColumn(t, r)); n < 100 || n > maxOnServer {
		t.Errorf("%d statements on the server, want about %d at most", n, maxOnServer)
	}
	r.say(bind("s7"), execute, sync_)
	if got := firstColumn(t, r); got != "7" {
		t.Errorf("an evicted statement answered %q, want 7", got)
	}
}

func TestDeallocateMeansTheClientsStatements(t *testing.T) {
	for _, protocol := range []string{"simple", "extended"} {
		t.Run(protocol, func(t *testing.T) {
			d := open(t, onePool)
			other := d.raw(t, "")
			other.say(parse("mine", "select 'other'"), sync_)
			other.wantHears(1, "1 Z:I")
			r := d.raw(t, "")
			run := func(sql string) []pgproto3.FrontendMessage {
				if protocol == "simple" {
					return []pgproto3.FrontendMessage{&pgproto3.Query{String: sql}}
				}
				return []pgproto3.FrontendMessage{parse("", sql), bind(""), execute, sync_}
			}
			lead := map[string]string{"simple": "", "extended": "1 2 "}[protocol]
			r.say(parse("one", "select 1"), parse("two", "select 2"), sync_)
			r.wantHears(1, "1 1 Z:I")
			r.say(run("deallocate one")...)
			r.wantHears(1, lead+"C:DEALLOCATE Z:I")
			r.say(bind("one"), execute, sync_, bind("two"), execute, sync_)
			r.wantHears(2, "E:26000 Z:I 2 D C:SELECT 1 Z:I")
			r.say(run(`DEALLOCATE PREPARE "two"`)...)
			r.wantHears(1, lead+"C:DEALLOCATE Z:I")
			r.say(parse("one", "select 1"), sync_)
			r.wantHears(1, "1 Z:I")
			r.say(append(run("deallocate all"), parse("one", "select 'new'"), bind("one"), execute, sync_)...)
			r.wantHears(2, lead+"C:DEALLOCATE ALL Z:I 1 2 D C:SELECT 1 Z:I")
			r.say(run("deallocate nothing")...)
			r.wantHears(1, map[string]string{"simple": "E:26000 Z:I", "extended": "1 2 E:26000 Z:I"}[protocol])
			other.say(bind("mine"), execute, sync_)
			if got := firstColumn(t, other); got != "other" {
				t.Errorf("another client's statement answered %q", got)
			}
		})
	}
}

func TestDeallocateAmongOtherStatements(t *testing.T) {
	d := open(t, onePool)
	r, other := d.raw(t, ""), d.raw(t, "")
	prepare := func() {
		r.say(&pgproto3.Query{String: "deallocate all"}, parse("One", "select 1"), parse("two", "select 2"), parse("three", "select 3"), sync_)
		r.wantHears(2, "C:DEALLOCATE ALL Z:I 1 1 1 Z:I")
	}
	alive := func(sql string, want ...string) {
		t.Helper()
		for _, name := range want {
			r.say(bind(name), execute, sync_)
			r.wantHears(1, "2 D C:SELECT 1 Z:I")
		}
		r.say(&pgproto3.Query{String: "select count(*) from pg_prepared_statements where name like 'sallyport%'"})
		if got := firstColumn(t, r); got != strconv.Itoa(len(want)) {
			t.Errorf("after %q the server has %s statements, want %d", sql, got, len(want))
		}
	}
	for _, c := range []struct {
		sql, heard string
		left       []string
	}{
		{`select 0; deallocate "One"; deallocate prepare /* c */ TWO; select 5`, "T D C:SELECT 1 C:DEALLOCATE C:DEALLOCATE T D C:SELECT 1 Z:I", []string{"three"}},
		{`deallocate two; select 1/0; deallocate three`, "C:DEALLOCATE E:22012 Z:I", []string{"One", "three"}},
		{`select 1/0; deallocate all`, "E:22012 Z:I", []string{"One", "two", "three"}},
		{`deallocate three; deallocate three`, "C:DEALLOCATE E:26000 Z:I", []string{"One", "two"}},
		{`select 1; deallocate all; select 2`, "T D C:SELECT 1 C:DEALLOCATE ALL T D C:SELECT 1 Z:I", nil},
		{`select 1; deallocate one`, "T D C:SELECT 1 E:26000 Z:I", []string{"One", "two", "three"}},
		{`deallocate two; selec`, "E:42601 Z:I", []string{"One", "two", "three"}},
	} {
		prepare()
		other.say(&pgproto3.Query{String: "deallocate all"}) // so that the server has none of them
		other.wantHears(1, "C:DEALLOCATE ALL Z:I")
		r.say(&pgproto3.Query{String: c.sql})
		r.wantHears(1, c.heard)
		alive(c.sql, c.left...)
	}
}

func TestFailedDiscardLeavesWhatCameAfterIt(t *testing.T) {
	d := open(t, onePool)
	r := d.raw(t, "")
	r.say(parse("a", "select 7"), sync_)
	r.wantHears(1, "1 Z:I")
	query := func(sql string) *pgproto3.Query { return &pgproto3.Query{String: sql} }
	r.say(query("begin"), query("discard all"), query("rollback"), parse("b", "select 8"), sync_)
	r.wantHears(4, "C:BEGIN Z:T E:25001 Z:E C:ROLLBACK Z:I 1 Z:I")
	r.say(bind("a"), execute, bind("b"), execute, &pgproto3.Close{ObjectType: 'S', Name: "b"}, parse("b", "select 8"), sync_)
	r.wantHears(1, "2 D C:SELECT 1 2 D C:SELECT 1 3 1 Z:I")
}

func TestDeallocateAllAndParseInOnePipeline(t *testing.T) {
	d := open(t, onePool)
	r := d.raw(t, "")
	r.say(parse("a", "select 1"), bind("a"), execute, sync_)
	r.wantHears(1, "1 2 D C:SELECT 1 Z:I")
	r.say(parse("", "DEALLOCATE ALL"), bind(""), execute, parse("a", "select 1"), bind("a"), execute, sync_)
	r.wantHears(1, "1 2 C:DEALLOCATE ALL 1 2 D C:SELECT 1 Z:I")
	r.say(parse("", "discard all"), bind(""), execute, sync_, parse("a", "select 1"), bind("a"), execute, sync_)
	r.wantHears(2, "1 2 C:DISCARD ALL Z:I 1 2 D C:SELECT 1 Z:I")
}

func TestParseAndCloseAnswerInOrder(t *testing.T) {
	d := open(t, nil)
	r := d.raw(t, "")
	closing := func(name string) *pgproto3.Close { return &pgproto3.Close{ObjectType: 'S', Name: name} }
	r.say(parse("a", "select 1"), closing("nothing"), closing("a"), parse("a", "select 2"), bind("a"), execute, closing("a"), closing("a"), sync_)
	r.wantHears(1, "1 3 3 1 2 D C:SELECT 1 3 3 Z:I")
	r.say(parse("a", "select 1"), parse("a", "select 2"), bind("a"), execute, sync_)
	r.wantHears(1, "1 E:42P05 Z:I")
	r.say(parse("b", "select nonsense"), parse("c", "select 1"), sync_)
	r.wantHears(1, "E:42703 Z:I")
	r.say(bind("c"), execute, sync_)
	r.wantHears(1, "E:26000 Z:I")
	r.say(parse("b", "select 5"), bind("b"), execute, sync_)
	r.wantHears(1, "1 2 D C:SELECT 1 Z:I")
}

func TestStatementsSurviveAChangeOfTheirTables(t *testing.T) {
	d := open(t, nil)
	ask(t, direct(t), "drop table if exists changing; create table changing(a int); insert into changing values (1)")
	a, b := d.raw(t, ""), d.raw(t, "")
	a.say(parse("s", "select * from changing"), bind("s"), execute, sync_)
	a.wantHears(1, "1 2 D C:SELECT 1 Z:I")
	ask(t, direct(t), "alter table changing add column b int")
	b.say(parse("s", "select * from changing"), &pgproto3.Describe{ObjectType: 'S', Name: "s"}, bind("s"), execute, sync_)
	b.wantHears(1, "1 t T 2 D C:SELECT 1 Z:I")
	a.say(bind("s"), execute, sync_) // its driver knows the old columns, so it must hear of the change, as it would from PostgreSQL
	a.hears(1)
	a.say(&pgproto3.Close{ObjectType: 'S', Name: "s"}, parse("s", "select * from changing"), bind("s"), execute, sync_)
	a.wantHears(1, "3 1 2 D C:SELECT 1 Z:I")
}

func TestTooManyPreparedStatementsAreRefused(t *testing.T) {
	f := front{pooled: true, library: &library{texts: map[string]*text{}}, named: map[string]*prepared{}}
	for i := range maxPerClient {
		f.keep(fmt.Sprint(i), &prepared{text: f.library.take([]byte("select 1"))})
	}
	if p := f.mayKeep("more", 1); p == nil || p.code != codeLimit {
		t.Errorf("statement %d got %v, want %s", maxPerClient+1, p, codeLimit)
	}
	f.forget("0")
	if p := f.mayKeep("more", maxPreparedText); p == nil || p.code != codeLimit {
		t.Errorf("%d more bytes got %v, want %s", maxPreparedText, p, codeLimit)
	}
	if p := f.mayKeep("more", 10); p != nil {
		t.Errorf("after one was closed got %v, want none", p)
	}
}
