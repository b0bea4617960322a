package dbguard

import (
	"slices"
	"testing"

	"sallyport/dbguard/screen"
)

// known reports whether g knows the structure of sql.
func known(g *Guard, sql string) bool {
	s := screen.Read(sql, screen.Options{})
	defer s.Release()
	return g.Knows(s)
}

func TestGuardLearnsWhatAnotherKnows(t *testing.T) {
	one, other := newGuard(t, Parts{}), newGuard(t, Parts{})
	if news := one.News(); len(news) != 0 {
		t.Errorf("news before anything ran: %q", news)
	}
	for _, name := range []string{"'a'", "'b'"} {
		if _, err := one.Judge(Query{SQL: "select id from t where name = " + name + " order by id"}); err != nil {
			t.Fatal(err)
		}
	}
	news := one.News()
	if len(news) != 1 || len(one.News()) != 0 {
		t.Fatalf("news: got %q and then more, want the one structure once", news)
	}
	other.Learn(news)
	for _, sql := range []string{"select id from t where name = 'z' order by id", "select id from t where name = 'z' order by " + screen.AnyName} {
		if !known(other, sql) {
			t.Errorf("the other guard does not know %q", sql)
		}
	}
	if !slices.Equal(other.Texts(), one.Texts()) {
		t.Errorf("got %q there and %q here", other.Texts(), one.Texts())
	}
}

func TestGuardLearnsNothingHarmfulFromAnother(t *testing.T) {
	g := newGuard(t, Parts{})
	for _, text := range []string{"select id from t where name = ? or 1 = 1 --", "select 1; drop table t", "select 'open", "", "select name from t where id = ? union select passwd from pg_shadow"} {
		g.Learn([]string{text})
		if text != "" && known(g, text) {
			t.Errorf("learned %q", text)
		}
	}
	if got := g.Model().Len(); got != 0 {
		t.Errorf("%d structures are known, want none: %q", got, g.Texts())
	}
}
