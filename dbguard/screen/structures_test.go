package screen

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
)

func statementsOf(t *testing.T, text string) (all []string) {
	t.Helper()
	if err := EachStatement(strings.NewReader(text), func(sql string) {
		if sql = strings.TrimSpace(sql); sql != "" {
			all = append(all, sql)
		}
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestStatementsAreReadFromSQLAndEachKindOfLog(t *testing.T) {
	two := []string{"select a\nfrom t where b = 'x;y'", "insert into t values (1)"}
	for name, text := range map[string]string{
		"SQL": "select a\nfrom t where b = 'x;y'; insert into t values (1);\n",
		"log": "2026-01-02 03:04:05.678 UTC [12] app@shop LOG:  statement: select a\n\tfrom t where b = 'x;y'\n" +
			"2026-01-02 03:04:05.678 UTC [12] app@shop LOG:  duration: 0.123 ms  execute <unnamed>: insert into t values (1)\n" +
			"2026-01-02 03:04:05.678 UTC [12] app@shop DETAIL:  parameters: $1 = 'statement: x'\n2026-01-02 03:04:06 UTC [1] LOG:  checkpoint starting: time\n",
		"csvlog": "2026-01-02 03:04:05.678 UTC,\"app\",\"shop\",12,\"127.0.0.1:1\",65,1,\"SELECT\",2026-01-02 03:04:05 UTC,2/3,0,LOG,00000,\"statement: select a\nfrom t where b = 'x;y'\",,,,,,,,,\"psql\"\n" +
			"2026-01-02 03:04:05.678 UTC,\"app\",\"shop\",12,\"127.0.0.1:1\",65,1,\"INSERT\",2026-01-02 03:04:05 UTC,2/3,0,LOG,00000,\"execute s1: insert into t values (1)\",,,,,,,,,\"psql\"\n",
		"jsonlog": `{"timestamp":"2026-01-02 03:04:05.678 UTC","user":"app","message":"statement: select a\nfrom t where b = 'x;y'"}` + "\n" +
			`{"timestamp":"2026-01-02 03:04:05.678 UTC","message":"connection received"}` + "\n" + `{"timestamp":"x","message":"duration: 1.5 ms  bind s2/p: insert into t values (1)"}` + "\n",
	} {
		if got := statementsOf(t, text); !slices.Equal(got, two) {
			t.Errorf("%s: got %q, want %q", name, got, two)
		}
	}
	if got := statementsOf(t, "create function f() returns int as $$ begin; end; $$; select (1;2);"); len(got) != 2 {
		t.Errorf("got %q, want two statements: semicolons in literals and brackets end none", got)
	}
	if got := statementsOf(t, ""); len(got) != 0 {
		t.Errorf("an empty file: got %q, want nothing", got)
	}
}

func TestStructuresAreWrittenReadAndComparedWithoutLiterals(t *testing.T) {
	var l Structures
	l.Add("SELECT a FROM t WHERE b = 'secret 1'", "")
	l.Add("select a from t where b = 'secret 2'", "")
	l.Add("delete from t where id = 5", "keeper")
	l.Add("select a from t where b = 1 or 1=1", "")
	l.Add("select 'open", "")
	l.Add("-- nothing", "")
	if got := l.List(); len(got) != 2 || got[0] != (Structure{"delete from t where id = '?'", "keeper"}) {
		t.Fatalf("got %+v, want two structures, sorted", got)
	}
	if left := l.LeftOut(); len(left) != 2 || !strings.HasPrefix(left[0].Why, "tautology") || strings.Contains(left[1].SQL, "open") {
		t.Errorf("left out: got %+v, want two with their reasons and no literal", left)
	}
	var file bytes.Buffer
	if err := l.WriteFile(&file); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(file.String(), "secret") {
		t.Errorf("the file holds literals: %s", &file)
	}
	if n, err := NewModel(Key{1}, 0).Load(bytes.NewReader(file.Bytes())); n != 2 || err != nil {
		t.Errorf("a model loads %d, %v; want 2", n, err)
	}
	var back Structures
	if err := back.ReadFile(&file); err != nil || !slices.Equal(back.List(), l.List()) {
		t.Errorf("read back: got %+v, %v", back.List(), err)
	}
	back.Add("select 1", "")
	if got := back.Missing(&l); len(got) != 1 || got[0].SQL != "select '?'" || len(l.Missing(&back)) != 0 {
		t.Errorf("missing: got %+v, want what only one has", got)
	}
	l.Merge(&back)
	if len(l.List()) != 3 {
		t.Errorf("merged: got %+v, want three", l.List())
	}
	if err := back.ReadFile(strings.NewReader("no file of ours")); !errors.Is(err, ErrSeed) {
		t.Errorf("a foreign file: got %v, want ErrSeed", err)
	}
}

func FuzzEachStatement(f *testing.F) {
	f.Add("LOG:  statement: select 1\n\tfrom x")
	f.Add("select 1; select ';'")
	f.Add(`{"timestamp":"x","message":"statement: a"}`)
	f.Fuzz(func(_ *testing.T, text string) {
		var l Structures
		_ = EachStatement(strings.NewReader(text), func(sql string) { l.Add(sql, "") })
		_ = l.WriteFile(new(bytes.Buffer))
	})
}
