package screen

import (
	"os"
	"strings"
	"testing"
)

func TestCostMatchesWhatWasMeasured(t *testing.T) {
	list := strings.TrimSuffix(strings.Repeat("1,", 30000), ",")
	for _, c := range []struct {
		name, sql string
		low, high int
	}{
		{"25,000 sums", "SELECT 1" + strings.Repeat("+1", 25000), 5000, 5001},
		{"8 unlinked tables", "select count(*) from a,b,c,d,e,f,g,h", 1990, 2000},
		{"100 unions", "select 1" + strings.Repeat(" union select 1", 100), 4525, 4535},
		{"IN of 30,000", "select * from t where id in (" + list + ")", 150, 155},
		{"IN of 30,000 signed", "select * from t where id in (" + strings.ReplaceAll(list, "1", "-1") + ")", 150, 155},
		{"8 linked tables", "select 1 from a,b,c,d,e,f,g,h where a.x=b.x and b.x=c.x and c.x=d.x and d.x=e.x and e.x=f.x and f.x=g.x and g.x=h.x", 40, 80},
		{"bulk insert of 5,000 rows", "insert into t (a,b,c) values " + strings.TrimSuffix(strings.Repeat("(1,'x'::jsonb,NULL),", 5000), ","), 100, 200},
		{"migration of 300 tables", strings.Repeat("create table t (id serial primary key, a text not null, b int default 5);", 300), 0, 0},
		{"recursion inside recursion", "with recursive a as (with recursive b as (select 1) select 1) select 1", 200, 210},
		{"ping", "-- ping", 0, 0},
		{"subquery brackets", strings.Repeat("(", 20) + "select 1" + strings.Repeat(")", 20), 144, 160},
		{"extract is no join", "select extract(year from a), b, c from t", 0, 5},
		{"distinct from is no join", "select a is distinct from b, c, d from t", 5, 10},
	} {
		s := Read(c.sql, Options{})
		if got := Cost(s); got < c.low || got > c.high {
			t.Errorf("%s: got %d, want %d to %d", c.name, got, c.low, c.high)
		}
		s.Release()
	}
}

// psycopg2's execute_batch joins a page of 100 statements with semicolons, page_size 1000 is common advice. Values of one column may be
// NULL, negative, cast or an array.
func TestBatchesCostLikeLists(t *testing.T) {
	insert := func(i int) string {
		return []string{
			"INSERT INTO t (a, b, c, d) VALUES (1, 'x', '2026-01-01'::date, ARRAY[1,2])", "INSERT INTO t (a, b, c, d) VALUES (-1, NULL, NULL, '{}'::int[])",
			"insert into t (a, b, c, d) values ( 1,E'x\\n','2026-01-01'::date , ARRAY['a'])",
		}[i%3]
	}
	update := func(int) string { return "UPDATE t SET a = 1, b = lower('x'), c = now() WHERE id = 7 AND d IN (1,2,3)" }
	call := func(int) string { return "SELECT put(1, 'x')" }
	pair := func(i int) string { return []string{"insert into a values (1)", "update b set c = 2 where d = 3"}[i%2] }
	read := func(int) string { return "select * from t where id = 1" }
	heavy := func(int) string { return "select * from a, b" }
	inner := func(int) string { return "delete from t where id in (select a from b)" }
	unlike := func(i int) string { return "update t set " + strings.Repeat("a", i+1) + " = 1" }
	for _, c := range []struct {
		name      string
		n         int
		statement func(int) string
		low, high int
	}{
		{"page of inserts", 100, insert, 60, 120},
		{"page of 1,000 inserts", 1000, insert, 100, 150},
		{"page of updates that call", 100, update, 250, 350},
		{"page of EXECUTE", 100, func(int) string { return "EXECUTE s (1, 'x')" }, 60, 100},
		{"page of function calls", 100, call, 150, 200},
		{"pairs", 100, pair, 100, 150},
		{"reads", 100, read, 2500, 2600},
		{"unlinked reads", 10, heavy, 4000, 5000},
		{"reads inside", 100, inner, 2400, 2600},
		{"a hundred that differ", 100, unlike, 4950, 5200},
	} {
		all := make([]string, c.n)
		for i := range all {
			all[i] = c.statement(i)
		}
		s := Read(strings.Join(all, ";"), Options{})
		if got := Cost(s); got < c.low || got > c.high {
			t.Errorf("%s: got %d, want %d to %d", c.name, got, c.low, c.high)
		}
		s.Release()
	}
}

// What asyncpg 0.27 asks before it can read an array, a range or a composite: no program that uses it can do without.
func TestHeaviestStatementOfADriverIsWithinTheLimit(t *testing.T) {
	sql, err := os.ReadFile("testdata/asyncpg_types.sql")
	if err != nil {
		t.Fatal(err)
	}
	s := Read(string(sql), Options{})
	defer s.Release()
	if got := Cost(s); got < 800 || got >= 1000 {
		t.Errorf("got %d, want 800 to 999", got)
	}
}

func TestStatementsAreCounted(t *testing.T) {
	for sql, want := range map[string]int{
		"": 0, "-- ping": 0, ";": 0, "select 1": 1, "select 1;": 1, "select 1; select 2": 2, ";; select ';' ;;": 1,
		"create rule r as on insert to t do (select 1; select 2)":                                    1,
		"create function f() returns int begin atomic select case when true then 1 end; end; select": 2,
	} {
		s := Read(sql, Options{})
		if got := Statements(s); got != want {
			t.Errorf("%q: got %d, want %d", sql, got, want)
		}
		s.Release()
	}
}

func TestReadOnlyNamesWhatMayBeRetried(t *testing.T) {
	for sql, want := range map[string]bool{
		"select 1": true, "(select 1)": true, "show timezone": true, "values (1)": true, "table t;": true, "select 'for update'": true,
		"select substring(a for 3) from t": true,
		"select * from t for update":       false, "select * from t for no key update": false, "select 1 into x": false,
		"select nextval('s')": false, `select "nextval"('s')`: false, `select U&"n\0065xtval"('s')`: false, "select 1; select 2": false,
		"with x as (delete from t returning 1) select 1": false, "insert into t values (1)": false, "": false, "select 'x": false,
		"explain analyze delete from t": false,
	} {
		s := Read(sql, Options{})
		if got := ReadOnly(s); got != want {
			t.Errorf("%q: got %v, want %v", sql, got, want)
		}
		s.Release()
	}
}

func BenchmarkCostOf25000Sums(b *testing.B) {
	sql := "SELECT 1" + strings.Repeat("+1", 25000)
	for b.Loop() {
		s := Read(sql, Options{})
		_, _ = s.Fingerprint(Key{}), Cost(s)
		s.Release()
	}
}
