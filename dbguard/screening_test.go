package dbguard

import (
	"errors"
	"strings"
	"testing"
	"time"
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
	began := time.Now()
	_, err := g.Judge(Query{SQL: "SELECT 1" + strings.Repeat("+1", 25000)})
	took := time.Since(began)
	var complex *TooComplexError
	if !errors.As(err, &complex) || !errors.Is(err, ErrTooComplex) || complex.Limit != 1000 || complex.SQLState() != "54001" {
		t.Errorf("got %v, want a *TooComplexError at limit 1000", err)
	}
	if took > timeSlack*30*time.Millisecond {
		t.Errorf("took %s, want about 10 ms at most", took)
	}
	if m := g.Snapshot().Metrics; m.BlockedQueries != 1 || m.TotalQueries != 1 {
		t.Errorf("got %d blocked of %d, want 1 of 1", m.BlockedQueries, m.TotalQueries)
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
