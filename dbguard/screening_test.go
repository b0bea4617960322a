package dbguard

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/dbguard/screen"
)

func TestBuiltinRulesRefuseAndHonestTextsPass(t *testing.T) {
	g := newGuard(t, Parts{})
	for range 2 { // read, and from the caches
		for _, sql := range []string{
			"select datname from pg_database where datname='x' or '1'='1' union select usename from pg_user--'",
			"select * from users where name='' or 1=1",
			"select id from t where id=1 or 'a'='a'",
		} {
			var blocked *BlockedError
			if _, err := g.Judge(Query{SQL: sql}); !errors.As(err, &blocked) {
				t.Errorf("%s: got %v, want blocked", sql, err)
			}
		}
		for _, sql := range []string{
			"-- ping", "select 1", "begin", "select * from users where name=$1 and 1=1", "select id from t where id=1 or 'a'=name", "",
		} {
			if _, err := g.Judge(Query{SQL: sql}); err != nil {
				t.Errorf("%s: got %v, want it admitted", sql, err)
			}
		}
	}
}

func TestComplexTextIsRefusedQuickly(t *testing.T) {
	g := newGuard(t, Parts{})
	var err error
	took := time.Hour
	for i := range 5 { // the machine may be busy: the best of five
		began := time.Now()
		_, err = g.Judge(Query{SQL: "SELECT 1" + strings.Repeat("+1", 25000+i)})
		took = min(took, time.Since(began))
	}
	var complex *TooComplexError
	if !errors.As(err, &complex) || !errors.Is(err, ErrTooComplex) || complex.Limit != 1000 || complex.SQLState() != "54001" {
		t.Errorf("got %v, want a *TooComplexError at limit 1000", err)
	}
	if took > timeSlack*250*time.Millisecond {
		t.Errorf("took %s, want about 10 ms; work that grows with the square takes seconds", took)
	}
	if m := g.Snapshot().Metrics; m.BlockedQueries != 5 || m.TotalQueries != 5 {
		t.Errorf("got %d blocked of %d, want 5 of 5", m.BlockedQueries, m.TotalQueries)
	}
}

func TestListsOfAnyLengthAreOneQueryInTheTopTable(t *testing.T) {
	g := newGuard(t, Parts{})
	for n := 1; n <= 20; n++ {
		ran(t, g, "select * from t where id in (1"+strings.Repeat(",2", n)+")", nil)
	}
	top := g.TopQueries(10)
	if len(top) != 1 || top[0].Count != 20 {
		t.Errorf("got %+v, want one query run 20 times", top)
	}
}

func TestAStructureForgottenByTheTopTableIsCountedAgain(t *testing.T) {
	g := newGuard(t, Parts{})
	v, err := g.Judge(Query{SQL: "select kept"})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		for i := range maxStructures {
			if _, err := g.Judge(Query{SQL: "select a" + strings.Repeat("b", i)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !v.structure.forgotten.Load() {
		t.Fatal("the table still holds the structure; the check below would prove nothing")
	}
	g.Start(Client{}, v).End(nil)
	if top := g.TopQueries(10); len(top) != 1 || top[0].Query != v.Skeleton || top[0].Count != 1 {
		t.Errorf("got %+v, want %q once", top, v.Skeleton)
	}
}

func TestGrowthOfAKnownStatementWithARuleRefuses(t *testing.T) {
	g := newGuard(t, Parts{})
	for i := range 3 {
		ran(t, g, fmt.Sprintf("select name from users where id = %d and shop = 1", i), nil)
	}
	var blocked *BlockedError
	_, err := g.Judge(Query{SQL: "select name from users where id = 1; drop table users -- and shop = 1"})
	if !errors.As(err, &blocked) || !slices.Contains(blocked.Rules, "growth") {
		t.Errorf("got %v, want it blocked by growth and a rule", err)
	}
	if _, err := g.Judge(Query{SQL: "select name from users where id = 1 + 1 and shop = 1"}); err != nil {
		t.Errorf("growth alone: got %v, want it admitted", err)
	}
}

// psycopg2's execute_batch sends a known statement many times in one text, which looks grown and stacked.
func TestBatchOfAKnownStatementPassesAndOneMoreStatementDoesNot(t *testing.T) {
	g := newGuard(t, Parts{})
	g.Warm() // past learning
	const insert = "insert into users (name, age) values ('x', %d)"
	for i := range 3 {
		ran(t, g, fmt.Sprintf(insert, i), nil)
	}
	for _, n := range []int{2, 99, 100, 1000} {
		page := strings.TrimSuffix(strings.Repeat(fmt.Sprintf(insert, 7)+";", n), ";")
		if _, err := g.Judge(Query{SQL: page}); err != nil {
			t.Errorf("%d at once: got %v, want them admitted", n, err)
		}
		var blocked *BlockedError
		more := fmt.Sprintf(insert, 7) + strings.Repeat(";"+fmt.Sprintf(insert, 8), n/2) + "; delete from users where name in ('x', 7); " + fmt.Sprintf(insert, 8)
		if _, err := g.Judge(Query{SQL: more}); !errors.As(err, &blocked) || !slices.Contains(blocked.Rules, "growth") {
			t.Errorf("%d with another between: got %v, want it blocked by growth", n, err)
		}
	}
}

func TestLoadedStructuresAreKnownFromTheFirstQuery(t *testing.T) {
	var file bytes.Buffer
	taught := newGuard(t, Parts{})
	for i := range 2 {
		ran(t, taught, fmt.Sprintf("select name from users where id = %d", i), nil)
	}
	if err := taught.Model().Save(&file); err != nil {
		t.Fatal(err)
	}
	asked := 0
	g := newGuard(t, Parts{Cross: []screen.Rule{word("taint", 5, &asked)}})
	if n, err := g.Model().Load(&file); n != 1 || err != nil {
		t.Fatalf("loaded %d, %v; want 1", n, err)
	}
	ran(t, g, "select name from users where id = 7", nil)
	if asked != 0 {
		t.Errorf("cross-door rules asked %d times, want 0", asked)
	}
}

func TestAllowListHoldsRolesToTheirStructures(t *testing.T) {
	g := newGuard(t, Parts{})
	list, err := screen.ReadAllowList(strings.NewReader(`{"format":"sallyport structures","version":1}
{"sql":"select name from users where id = '?'"}
{"sql":"delete from users where id in ('?')","role":"keeper"}
`), g.Key())
	if err != nil {
		t.Fatal(err)
	}
	for _, mode := range []Mode{Enforce, Observe, Off} {
		g.Allow(list, mode, nil)
		if got := g.Snapshot().SecurityFeatures.AllowList; got != (mode != Off) {
			t.Errorf("%s: feature is %t", mode, got)
		}
		for range 3 { // read, and from the caches
			for _, c := range []struct {
				role, sql string
				allowed   bool
			}{
				{"app", "select name from users where id = 5", true},
				{"app", "select name from users where name = 'x'", false},
				{"app", "delete from users where id in (1, 2, 3)", false},
				{"keeper", "delete from users where id in (1, 2, 3)", true},
				{"app", "-- ping", true},
				{"app", "select 'open", false},
			} {
				v, err := g.Judge(Query{SQL: c.sql, Client: Client{User: c.role}})
				if refused := err != nil; refused != (!c.allowed && mode == Enforce) {
					t.Errorf("%s: %s: %s: got %v, want allowed %t", mode, c.role, c.sql, err, c.allowed)
				}
				told := v != nil && slices.ContainsFunc(v.Findings, func(f screen.Finding) bool { return f.Rule == "allow-list" })
				if v != nil && told != (!c.allowed && mode == Observe) {
					t.Errorf("%s: %s: %s: told %t", mode, c.role, c.sql, told)
				}
			}
		}
	}
}

// asyncpg sends this each time that a connection goes back to its pool; a known SELECT 1 must not make it look grown. The same holds for
// settings before a query.
func TestStackedStatementsBehindACommonBeginningPass(t *testing.T) {
	g := newGuard(t, Parts{})
	g.Warm() // past learning
	for i := range 3 {
		ran(t, g, fmt.Sprintf("select %d", i), nil)
		ran(t, g, fmt.Sprintf("select %d, 'a'", i), nil)
		ran(t, g, fmt.Sprintf("set statement_timeout = %d", i), nil)
		ran(t, g, fmt.Sprintf("values (%d)", i), nil)
	}
	for _, sql := range []string{
		"SELECT pg_advisory_unlock_all();\nCLOSE ALL;\nUNLISTEN *;\nRESET ALL;",
		"select 1; select 2, 'b' from users",
		"set statement_timeout = 0; select name from users where id = 7",
		"values (1); delete from users where id in (1)",
	} {
		if _, err := g.Judge(Query{SQL: sql}); err != nil {
			t.Errorf("%s: got %v, want it admitted", sql, err)
		}
	}
}
