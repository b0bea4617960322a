package screen

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
)

func learn(m *Model, origin string, atOnce bool, sqls ...string) (known bool) {
	for _, sql := range sqls {
		s := Read(sql, Options{})
		known = m.Learn(s, origin, atOnce)
		s.Release()
	}
	return known
}

func knows(m *Model, sql string) bool {
	s := Read(sql, Options{})
	defer s.Release()
	return m.Knows(s)
}

func TestModelKnowsAfterTwoOrigins(t *testing.T) {
	m := NewModel(Key{1}, 0)
	const sql = "select a from t where b = 'x'"
	if learn(m, "r1", false, sql) || learn(m, "r1", false, sql) || knows(m, sql) {
		t.Fatal("known after one origin, want unknown")
	}
	if !learn(m, "r2", false, "select a from t where b = 'y'") || !knows(m, sql) || m.Len() != 1 {
		t.Errorf("unknown after two origins (%d known), want known", m.Len())
	}
	if !learn(m, "r3", true, "select 1") || !knows(m, "select 2") {
		t.Error("unknown though told at once")
	}
}

func TestModelKnowsShorterListsLoosely(t *testing.T) {
	m := NewModel(Key{1}, 0)
	learn(m, "", true, "select a from t where b in (1,2,3)", "insert into t values (1,2),(3,4)")
	for sql, want := range map[string]bool{
		"select a from t where b in (1)":       true,
		"select a from t where b in (1,2,3)":   true,
		"select a from t where b in (1,2)":     false,
		"select a from t where b in (1,2,3,4)": false,
		"insert into t values (1)":             true,
	} {
		if got := knows(m, sql); got != want {
			t.Errorf("%q: known is %v, want %v", sql, got, want)
		}
	}
}

func TestModelRefusesWhatIsNotClean(t *testing.T) {
	m := NewModel(Key{1}, 0)
	for _, sql := range []string{"", "-- ping\x00", "select 'x", "do $$ " + strings.Repeat("x", 100) + " $$", "select " + strings.Repeat("a,", 20000) + "b"} {
		if learn(m, "r", true, sql) {
			t.Errorf("%.40q was learned", sql)
		}
	}
	if Clean([]Finding{{Weight: 3}}) || Clean([]Finding{{Weight: 1, Crossing: &Crossing{}}}) || !Clean([]Finding{{Weight: 2}}) || !Clean(nil) {
		t.Error("Clean: wants no weight of 3 and no crossing")
	}
}

func TestModelForgetsWhatIsNotUsed(t *testing.T) {
	m := NewModel(Key{1}, 160)
	learn(m, "", true, "select kept from t where a = 1")
	for i := range 2000 {
		learn(m, "", true, fmt.Sprintf("select c%d from t where a = 1", i))
		if !knows(m, "select kept from t where a = 1") {
			t.Fatalf("forgot a structure in use after %d others", i)
		}
	}
	if got := m.Len(); got > 160 {
		t.Errorf("%d structures, want at most 160", got)
	}
	loose, slots := 0, 0
	for i := range m.shards {
		loose += len(m.shards[i].loose)
	}
	for _, list := range m.growth.index {
		slots += len(list)
	}
	if loose != m.Len() || slots != m.Len() {
		t.Errorf("%d loose and %d slots for %d structures of one value, want as many", loose, slots, m.Len())
	}
}

func TestModelServesManyGoroutines(t *testing.T) {
	m := NewModel(Key{1}, 64)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 500 {
				sql := fmt.Sprintf("select c%d from t where a = 1", (i*7+g)%100)
				learn(m, fmt.Sprint(g), i%3 == 0, sql)
				knows(m, sql)
				s := Read(sql+" or b = 1", Options{})
				m.Growth(s)
				s.Release()
			}
		})
	}
	wg.Wait()
	if got := m.Len(); got == 0 || got > 64 {
		t.Errorf("%d structures, want 1 to 64", got)
	}
}

func TestGrowthNamesTemplateSlotAndTokens(t *testing.T) {
	m := NewModel(Key{1}, 0)
	learn(m, "", true, "select a from t where b = 'x' and c = 5 limit 10", "select a from u where (b = 'x')", "select 1 from v where w = 'a'")
	for _, c := range []struct {
		sql, template, inserted string
		slot                    int
		swallowed               bool
	}{
		{"select a from t where b = '' or d = 'e' and c = 5 limit 10", "select a from t where b = ? and c = ? limit ?", "'' or d = 'e'", 1, false},
		{"select a from t where b = '' and c = 5 or -1 < (select 2) limit 10", "select a from t where b = ? and c = ? limit ?", "5 or -1 < (select 2)", 2, false},
		{"select a from t where b = '' and c = 5 limit 10; drop table t", "select a from t where b = ? and c = ? limit ?", "10; drop table t", 3, false},
		{"select a from t where b = '' union select d from e -- ' and c = 5 limit 10", "select a from t where b = ? and c = ? limit ?", "'' union select d from e", 1, true},
		{"select a from u where (b = 'x' or d) ", "select a from u where(b = ?)", "'x' or d", 1, false},
		{"select a from u where (b = '' /* ", "select a from u where(b = ?)", "''", 1, true},
		{"select a from u where (b = '') or e = 1 /* ", "select a from u where(b = ?)", "'') or e = 1", 1, true},
		{"select 1 from v where w = 'a' 'b'", "select ? from v where w = ?", "'a' 'b'", 2, false},
		{"select 1 from v where w = 'b'", "", "", 0, false},
		{"select 1 from v where w = c", "", "", 0, false},
		{"select 1 from nowhere where w = c or d", "", "", 0, false},
	} {
		s := Read(c.sql, Options{})
		g, ok := m.Growth(s)
		if ok != (c.template != "") {
			t.Errorf("%q: growth is %v, want %v", c.sql, ok, !ok)
		}
		if ok {
			start, end := s.span(g.From, g.To)
			if g.Template != c.template || c.sql[start:end] != c.inserted || g.Slot != c.slot || g.Swallowed != c.swallowed {
				t.Errorf("%q: got %+v, inserted %q, want slot %d of %q, inserted %q, swallowed %v", c.sql, g, c.sql[start:end], c.slot, c.template, c.inserted, c.swallowed)
			}
		}
		s.Release()
	}
}

func TestGrowthRuleRefusesWithARuleOnly(t *testing.T) {
	m := NewModel(Key{1}, 0)
	learn(m, "", true, "select a from t where b = 1 limit 5")
	rules := append(Builtin(), m.GrowthRule())
	for sql, want := range map[string]int{
		"select a from t where b = 1 limit 7":               0,
		"select a from t where b = 1 or c = 2 limit 7":      2,
		"select a from t where b = 1 and 17=17 limit 7":     5,
		"select a from t where b = 1; select 2 limit 7":     5,
		"select a from t where b = 1 and c = 'd' --limit 7": 2,
	} {
		s := Read(sql, Options{})
		if got := Weight(Check(s, rules)); got != want {
			t.Errorf("%q: weight %d, want %d", sql, got, want)
		}
		s.Release()
	}
}

var savable = []string{
	"select * from t where a = 'x' and b = -5 and c = $1 and 1=1 and 1=0",
	`insert into "T" ("a") values (null, true, default, 'x'), (1,2,3,4) returning id`,
	`select U&"a!0062" uescape '!' from t`, "select a->>'x', b::int[], c @> '{}' /* x */ from t -- x\n where d <> 1",
	"create function f() returns int language 'sql' as 'select 1'", "select a from t where b = 1 and c = -1",
	"select a from t where x - 5 > 3 limit -1", "select 'a' 'b', e 'c', a.b, $$x$$", "set time zone 'UTC'",
}

func TestCanonicalTextHasTheSameStructure(t *testing.T) {
	for _, sql := range append(savable, "a or 'a'='b' or 'a'='a' or 2 = -1 or -1 = 2 or null = 1", "x -- ping", "x --", "x -- ')", "/*! a */ x") {
		s := Read(sql, Options{})
		if text, ok := canonical(s.Structure()); !ok {
			t.Errorf("%q: %q has another structure", sql, text)
		}
		s.Release()
	}
}

func TestSavedModelLoadsAsItWas(t *testing.T) {
	m := NewModel(Key{1}, 0)
	learn(m, "", true, savable...)
	var file bytes.Buffer
	if err := m.Save(&file); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(file.String(), "UTC") || strings.Contains(file.String(), "x'") {
		t.Errorf("the file holds literals:\n%s", file.String())
	}
	n := NewModel(Key{2}, 0) // another process, another key
	if got, err := n.Load(bytes.NewReader(file.Bytes())); got != len(savable) || err != nil {
		t.Fatalf("loaded %d of %d: %v\n%s", got, len(savable), err, file.String())
	}
	for _, sql := range savable {
		if !knows(n, sql) {
			t.Errorf("%q is not known after loading", sql)
		}
	}
	learn(n, "", true, "select 7 as more")
	if only, missing := n.Diff(m); len(only) != 1 || only[0] != "select '?' as more" || missing != nil {
		t.Errorf("diff: got %q and %q", only, missing)
	}
}

func TestLoadTrustsNothing(t *testing.T) {
	head := `{"format":"sallyport structures","version":1}` + "\n"
	for name, c := range map[string]struct {
		file string
		want int
		says string
	}{
		"empty":         {"", 0, "line 1"},
		"another file":  {"{}\n", 0, "line 1"},
		"a new version": {`{"format":"sallyport structures","version":2}`, 0, "version 2, want 1"},
		"not JSON":      {head + `{"sql":"select 1"}` + "\nx\n", 1, "line 3"},
		"an attack":     {head + `{"sql":"select a from t where b = '?' or '?'='?'"}` + "\n" + `{"sql":"select 1"}`, 1, "line 2"},
		"broken SQL":    {head + `{"sql":"select '"}`, 0, "line 2"},
		"a long line":   {head + strings.Repeat("x", maxSeedLine+1), 0, "too long"},
	} {
		got, err := NewModel(Key{}, 0).Load(strings.NewReader(c.file))
		if got != c.want || err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %d, %v, want %d and %q", name, got, err, c.want, c.says)
		}
	}
	if _, err := NewModel(Key{}, 0).Load(strings.NewReader("")); !errors.Is(err, ErrSeed) {
		t.Errorf("got %v, want ErrSeed", err)
	}
}

func TestAllowListHoldsRolesApart(t *testing.T) {
	file := `{"format":"sallyport structures","version":1}
{"role":"app","sql":"select a from t where b in ('?')"}
{"sql":"select '?'"}
`
	a, err := ReadAllowList(strings.NewReader(file), Key{3})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		role, sql string
		want      bool
	}{
		{"app", "select a from t where b in (1)", true},
		{"app", "select a from t where b in (1, 2)", true},
		{"other", "select a from t where b in (1)", false},
		{"other", "select 5", true},
		{"app", "select a from t where b in (c)", false},
		{"app", "select 'x", false},
		{"app", "-- ping", true},
	} {
		s := Read(c.sql, Options{})
		if got := a.Allows(c.role, s); got != c.want {
			t.Errorf("%s, %q: allowed is %v, want %v", c.role, c.sql, got, c.want)
		}
		for mode, weight := range map[Mode]int{Off: 0, Observe: 0, Enforce: Refuse} {
			if c.want {
				weight = 0
			}
			if got := Weight(Check(s, []Rule{a.Rule(c.role, mode)})); got != weight {
				t.Errorf("%s, %s, %q: weight %d, want %d", c.role, mode, c.sql, got, weight)
			}
		}
		s.Release()
	}
}

func TestKnownPathAllocatesNothing(t *testing.T) {
	m := NewModel(Key{1}, 0)
	const sql = "select a from t where b in (1,2,3)"
	learn(m, "", true, sql)
	s := Read(sql, Options{})
	defer s.Release()
	if n := testing.AllocsPerRun(100, func() { m.Knows(s) }); n != 0 {
		t.Errorf("got %v allocations, want 0", n)
	}
}

func FuzzLoad(f *testing.F) {
	var file bytes.Buffer
	m := NewModel(Key{1}, 0)
	learn(m, "", true, savable...)
	if err := m.Save(&file); err != nil {
		f.Fatal(err)
	}
	f.Add(file.Bytes())
	f.Add([]byte(`{"format":"sallyport structures","version":1}` + "\n" + `{"role":"a","sql":"select '?'"}`))
	f.Fuzz(func(t *testing.T, file []byte) {
		m := NewModel(Key{1}, 32)
		_, _ = m.Load(bytes.NewReader(file))
		if got := m.Len(); got > 32 {
			t.Errorf("%d structures, want at most 32", got)
		}
		_, _ = ReadAllowList(bytes.NewReader(file), Key{})
	})
}

// FuzzGrowth wants each structure that has a canonical text to come back from it, and growth to name tokens of the statement.
func FuzzGrowth(f *testing.F) {
	for _, sql := range savable {
		f.Add(sql, "1 or a = b")
		f.Add(sql, "'x'; drop table t --")
	}
	f.Fuzz(func(t *testing.T, sql, value string) {
		m := NewModel(Key{1}, 0)
		s := Read(sql, Options{})
		defer s.Release()
		if !m.Learn(s, "", true) {
			return
		}
		if text, ok := canonical(s.Structure()); ok && !knows(m, text) {
			t.Errorf("%q: its text %q is not known", sql, text)
		}
		g := Read(replaceLiteral(s, 1, value), Options{})
		defer g.Release()
		if found, ok := m.Growth(g); ok && (found.From < 0 || found.To <= found.From || found.To > len(g.Tokens)) {
			t.Errorf("%q: tokens %d to %d of %d", g.SQL, found.From, found.To, len(g.Tokens))
		}
	})
}

func BenchmarkKnown(b *testing.B) {
	m := NewModel(Key{1}, 0)
	const sql = "SELECT id, name FROM products WHERE category = 'shoes' AND price < 100 ORDER BY id LIMIT 20"
	learn(m, "", true, sql)
	b.ReportAllocs()
	for b.Loop() {
		knows(m, sql)
	}
}

func BenchmarkGrowth(b *testing.B) {
	m := NewModel(Key{1}, 0)
	for i := range 1000 {
		learn(m, "", true, fmt.Sprintf("SELECT id, c%d FROM products WHERE category = 'shoes' AND price < 100 ORDER BY id LIMIT 20", i))
	}
	s := Read("SELECT id, c500 FROM products WHERE category = '' or d = 'e' AND price < 100 ORDER BY id LIMIT 20", Options{})
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := m.Growth(s); !ok {
			b.Fatal("no growth")
		}
	}
}
