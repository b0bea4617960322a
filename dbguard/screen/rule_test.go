package screen

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestRulesFindAttacks(t *testing.T) {
	for _, c := range []struct {
		sql   string
		rules []string // those expected among the findings
		sum   int      // at least
	}{
		{"select datname from pg_database where datname='x' or '1'='1' union select usename from pg_user--", []string{"tautology", "truncation"}, 5},
		{"select * from t where a = 1 or 1=1", []string{"tautology"}, 5},
		{"select * from t where a = '' or 'a' like 'a'", []string{"tautology"}, 5},
		{"select * from t where a = '' or true", []string{"tautology"}, 5},
		{"select * from t where (a = '' or (('x'='x')))", []string{"tautology"}, 5},
		{"select * from t where a = '' or ascii('a') = 97 or b = 1", []string{"tautology"}, 5},
		{"select * from t where a = '' or a = a", []string{"tautology"}, 5},
		{"select * from t where a = '' or not 1=0", []string{"tautology"}, 5},
		{"select * from t where a = '' or 1 between 0 and 2", []string{"tautology"}, 5},
		{"select * from t where a = 1 union select null, null", []string{"union-const"}, 5},
		{"select * from t where a = 1 union all select 1, version(), current_user", []string{"union-const"}, 5},
		{"select * from t where a = 1 union (select 'a','b')", []string{"union-const"}, 5},
		{"select a from t union select table_name from information_schema.tables", []string{"union-catalog", "catalog"}, 7},
		{"select a from t where b = '' and (select 1 from pg_sleep(5)) is not null", []string{"time"}, 5},
		{`select a from t where b = U&"pg\005fsleep"(5)`, []string{"time"}, 5},
		{`select a from t where b = U&"pg!005fsleep" uescape '!' (5)`, []string{"time"}, 5},
		{"select 1; select pg_sleep(10)", []string{"time", "stacked"}, 8},
		{"select a from t where b = '1'; waitfor delay '0:0:5'", []string{"time"}, 5},
		{"select pg_read_file('/etc/passwd')", []string{"file"}, 5},
		{"copy t from program 'id'", []string{"file"}, 5},
		{"copy (select '') to '/tmp/x'", []string{"file"}, 5},
		{"create function f() returns int as '/lib/libc.so.6', 'system' language 'C'", []string{"file"}, 5},
		{"do $$ begin perform pg_sleep(5); end $$", []string{"code"}, 5},
		{"do $$ begin execute 'copy t from program ''id'''; end $$", []string{"code"}, 5},
		{"select a from t where b = '' or 1=1 -- ' and c = 'x'", []string{"tautology", "truncation"}, 9},
		{"select a from t where b = '' and c = '' --", []string{"truncation"}, 4},
		{"select a from t where (b = '' /*", []string{"truncation", "broken-lexing"}, 7},
		{"select a from t where b = cast((select chr(113)||(select usename from pg_user limit 1)) as int)", []string{"error-cast"}, 4},
		{"select a from t where b = (chr(58)||chr(58)||version())::int", []string{"error-cast", "char-building"}, 8},
		{"select a from t where b = 1 and extractvalue(1, 2)", []string{"foreign-dialect"}, 4},
		{"select a from t where b = 1 and @@version = 1", []string{"foreign-dialect"}, 4},
		{"select a from t where b = @variable", []string{"foreign-dialect"}, 4},
		{"select a from t where b @ c", nil, 0},
		{"select a /*!50000 union */ from t", []string{"foreign-dialect"}, 4},
		{"select a from t where b = 1 and 1=(select count(*) from generate_series(1,5000000))", []string{"heavy", "probe"}, 7},
		{"select a from t where b = 1; drop table t", []string{"stacked", "ddl"}, 5},
		{"select a from t where b = 1 and 17=17", []string{"probe"}, 3},
		{"select a from t where ascii(substr((select usename from pg_user limit 1),1,1)) > 64", []string{"probe", "catalog"}, 5},
		{"select 'x", []string{"broken-lexing"}, 3},
		{"select usename, passwd from pg_shadow", []string{"catalog"}, 2},
	} {
		found := check(c.sql)
		for _, want := range c.rules {
			if !slices.ContainsFunc(found, func(f Finding) bool { return f.Rule == want }) {
				t.Errorf("%q: rule %s is not among %+v", c.sql, want, found)
			}
		}
		if got := Weight(found); got < c.sum {
			t.Errorf("%q: weight %d, want at least %d", c.sql, got, c.sum)
		}
	}
}

func TestHonestStatementsAreNotRefused(t *testing.T) {
	for _, sql := range []string{
		"-- ping", "", ";", "select 1", "select pg_sleep(60)", "select pg_catalog.pg_sleep(0.5);",
		`SELECT "public"."User"."id" FROM "public"."User" WHERE (1=1 AND "public"."User"."id" = $1) LIMIT $2 OFFSET $3`,
		`SELECT "id" FROM "User" WHERE ("id" = $1 OR 1=0)`,
		"select set_config('app.user', '7', true); insert into audit values (1, 'x')",
		"select pg_catalog.set_config('search_path', '', false); create table a (id int); create index i on a (id); drop table b",
		"create table a (id int); insert into a values (1); alter table a add b text; drop table c;",
		"begin; update t set a = 1; alter table t drop column b; commit",
		`SELECT n.nspname as "Schema", c.relname FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		 WHERE c.relkind IN ('r','p','') AND n.nspname !~ '^pg_toast' AND n.nspname <> 'information_schema' ORDER BY 1,2;`,
		"SELECT pubname FROM pg_catalog.pg_publication p WHERE true UNION SELECT pubname FROM pg_catalog.pg_publication p WHERE puballtables UNION ALL SELECT NULL FROM pg_class",
		"select a from t where ($1 = '' or a = $1) and ($2::int is null or b = $2)",
		"select a from t where b = 1 or c is null or d between 1 and 2 or e in (1, 2)",
		"select a, null from t union all select b, null from u",
		"select 'a' union all select 'b'",
		"with recursive n as (select 1 as i union all select i + 1 from n where i < 10) select i from n",
		"select (select count(*) from t)::int, cast((select max(a) from t) as integer), (a || b)::text from u",
		"select a from t -- it's a comment", "select a from t where b = 'x' /* traceparent='00-ab' */",
		"select tags && array['a'], data ? 'k', data @> '{}', data #>> '{a}' from t where a <@ b",
		"do $$ begin if not exists (select 1 from pg_type where typname = 'e') then create type e as enum ('a'); end if; end $$",
		"copy public.t (a, b) to stdout;", "copy t from stdin with (format csv)", "listen x", "explain (analyze) select 1",
		"create function f() returns trigger language plpgsql as $$ begin return new; end $$",
		"select a from t where b = 'x'' or 1=1 --'", "select a from t where b = E'x\\' or 1=1 --'",
		"select chr(65), char_length(a), a::char(3), cast(b as char(10)) from t",
		"select count(*) from generate_series(1, 10)", "select a from t where now() > b or current_setting('x') = 'y'",
		"select a from t where b = 1 limit 5 for update", "select a from t order by a is null or b desc, case when 1=1 then a end",
	} {
		if found := check(sql); Weight(found) >= Refuse {
			t.Errorf("%q is refused: %+v", sql, found)
		}
	}
}

func TestFindingsNameTheirPlace(t *testing.T) {
	const sql = "select a from t where b = 1 or 1=1"
	found := check(sql)
	if len(found) == 0 || sql[found[0].Offset:found[0].End] != "or 1=1" {
		t.Errorf("got %+v, want the span of %q", found, "or 1=1")
	}
}

func TestDeepNestingIsRefusedUnread(t *testing.T) {
	found := check("select " + strings.Repeat("(", maxDepth+1) + "1" + strings.Repeat(")", maxDepth+1))
	if len(found) != 1 || found[0].Rule != "nesting" || Weight(found) < Refuse {
		t.Errorf("got %+v, want one refusal for nesting", found)
	}
}

// BenchmarkCheckOfHostileText repeats what a rule could walk again and again: the time per byte must not grow with the length.
func BenchmarkCheckOfHostileText(b *testing.B) {
	rules := Builtin()
	for _, piece := range []string{
		"or case ", "between and ", "between a b c d e f g h i j k l m n and ", "union select a ", "language ", "'x',", "a::int", "chr(", "copy t ",
		"cast(", "or (x ", "do '';", "a or 1=b ", "(select count ", "]or[", "; copy a b ",
	} {
		for _, n := range []int{8 << 10, 64 << 10} {
			s := Read("select a from t where "+strings.Repeat(piece, n/len(piece)), Options{})
			b.Run(fmt.Sprintf("%s%dKB", piece, n>>10), func(b *testing.B) {
				b.SetBytes(int64(n))
				for b.Loop() {
					_ = Check(s, rules)
				}
			})
			s.Release()
		}
	}
}

func check(sql string) []Finding {
	s := Read(sql, Options{})
	defer s.Release()
	return Check(s, Builtin())
}
