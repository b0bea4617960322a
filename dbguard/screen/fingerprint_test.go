package screen

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestSipHashGivesTheReferenceVectors holds three of the reference's 64 vectors for 128 bits: key 00..0f, input 00, 00 01, … of that length.
func TestSipHashGivesTheReferenceVectors(t *testing.T) {
	var key Key
	for i := range key {
		key[i] = byte(i)
	}
	for n, want := range map[int]string{
		0:  "a3817f04ba25a8e66df67214c7550293",
		1:  "da87c1d86b99af44347659119b22fc45",
		15: "5493e99933b0a8117e08ec0f97cfc3d9",
	} {
		in := make([]byte, n)
		for i := range in {
			in[i] = byte(i)
		}
		got := sipHash(key, in)
		if hex.EncodeToString(got[:]) != want {
			t.Errorf("%d bytes: got %x, want %s", n, got, want)
		}
	}
}

func print(sql string) Fingerprint {
	s := Read(sql, Options{})
	defer s.Release()
	return s.Fingerprint(Key{7})
}

func TestFingerprintForgetsLiteralsOnly(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"select * from t where a = 'x'", "SELECT  *\nFROM T WHERE a=42", true},
		{"select * from t where a = 5", "select * from t where a = -5", true},
		{"insert into t values (1, 'x')", "insert into t values (NULL, DEFAULT)", true},
		{"insert into t values (1, true)", "insert into t values (E'\\n', $$x$$)", true},
		{"select a - 5 from t", "select a from t", false},
		{"select * from t where a = $1", "select * from t where a = 1", false},
		{"select * from t where a = $1", "select * from t where a = $2", true},
		{"select * from t where a is null", "select * from t where a is true", false},
		{`select "a" from t`, `select "A" from t`, false},
		{"select 1 /* a */", "select 1 /* b */", true},
		{"select 1 /* a */", "select 1", false},
		{"select a from t where b in (1,2)", "select a from t where b in (1,2,3)", false},
		{"x or 1=1", "x or 1=0", false},
		{"x or 'a'='b'", "x or 'c'='d'", true},
		{"do $$ begin end $$", "do $$ begin null; end $$", false},
		{"select 'a' 'b'", "select 'ab'", false},
		{"a < = b", "a <= b", false},
		{"select 1", "select 1 'x", false},
	} {
		if got := print(c.a) == print(c.b); got != c.same {
			t.Errorf("%q and %q: same is %v, want %v", c.a, c.b, got, c.same)
		}
	}
}

func TestLooseCollapsesListsAndRows(t *testing.T) {
	loose := func(sql string) (Fingerprint, bool) {
		s := Read(sql, Options{})
		defer s.Release()
		return s.Loose(Key{7})
	}
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"select a from t where b in (1)", "select a from t where b in (1,2,3)", true},
		{"select a from t where b in ($1)", "select a from t where b in ($1,$2,$3)", true},
		{"insert into t values (1,2)", "insert into t values (1,2),(3,-4),(NULL,DEFAULT)", true},
		{"insert into t values (1,now())", "insert into t values (1,now()),(3,now()),(5,now())", true},
		{"insert into t values (1,now())", "insert into t values (1,now()),(3,version())", false},
		{"insert into t values ((1),('a'))", "insert into t values ((1),('a')),((3),('b'))", true},
		{"select f(1),(2) from t", "select f(1),(2),(3) from t", true},
		{"select a from t where b in (1)", "select a from t where b in (1, c)", false},
	} {
		a, _ := loose(c.a)
		b, collapsed := loose(c.b)
		if got := a == b; got != c.same {
			t.Errorf("%q and %q: same is %v, want %v", c.a, c.b, got, c.same)
		}
		if c.same && !collapsed {
			t.Errorf("%q: collapsed is false, want true", c.b)
		}
	}
}

func TestSkeletonHoldsNoLiteral(t *testing.T) {
	for _, c := range []struct{ sql, want string }{
		{"SELECT Secret, -5 FROM t WHERE a='secret' AND b IN (1,2) -- secret", "select secret, ? from t where a = ? and b in(?, ?) --"},
		{`insert into "T" values ($1,E'secret',$$secret$$,null)`, `insert into "T" values($1, ?, ?, ?)`},
		{"select /* secret */ x::int, f(a.b)", "select /**/ x::int, f(a.b)"},
	} {
		s := Read(c.sql, Options{})
		if got := s.Skeleton(); got != c.want {
			t.Errorf("Skeleton(%q):\n got %q\nwant %q", c.sql, got, c.want)
		}
		s.Release()
	}
	s := Read(strings.Repeat("x", 5000)+" "+strings.Repeat("y ", 5000), Options{})
	defer s.Release()
	if got := len(s.Skeleton()); got != maxSkeleton {
		t.Errorf("long skeleton: got %d bytes, want %d", got, maxSkeleton)
	}
}

// FuzzVerdictFollowsFingerprint changes the literals of a text and wants the same findings and cost wherever the fingerprint is the same,
// since verdicts are kept by fingerprint.
func FuzzVerdictFollowsFingerprint(f *testing.F) {
	for _, sql := range []string{
		"select * from t where a = 'x' or '1'='1'", "select -1 or -1=0", "do $$ begin perform pg_sleep(1); end $$", "x or lower('a')=lower('b')",
		"copy t from 'x'", "create function f() language 'c' as 'x'", `select U&"a!0062" uescape '!' (1)`, "x and 1=(select null)",
		"values (1,2),(3,4)", "x or 1 in (1,-2,null)", "char(65)||char(66)||char(null)", "a in (1,2) -- it's", "1 or 1=-1",
	} {
		for _, lit := range []string{"1", "0", "'x'", "-1", "null", "'it''s'", "E'a'", "$$ $$"} {
			f.Add(sql, lit, uint8(1))
			f.Add(sql, lit, uint8(2))
		}
	}
	rules := Builtin()
	f.Fuzz(func(t *testing.T, sql, literal string, nth uint8) {
		a := Read(sql, Options{})
		defer a.Release()
		b := Read(replaceLiteral(a, int(nth), literal), Options{})
		defer b.Release()
		if a.Fault != b.Fault || a.Fingerprint(Key{}) != b.Fingerprint(Key{}) {
			return
		}
		if got, want := verdict(b, rules), verdict(a, rules); got != want {
			t.Errorf("%q: %s\n%q: %s", a.SQL, want, b.SQL, got)
		}
	})
}

// replaceLiteral returns the text of s with its nth literal replaced.
func replaceLiteral(s *Statement, nth int, literal string) string {
	for _, tok := range s.Tokens {
		if !isLiteral(tok.Kind) {
			continue
		}
		if nth--; nth == 0 {
			return s.SQL[:tok.Start] + " " + literal + " " + s.SQL[tok.End:]
		}
	}
	return s.SQL
}

// verdict renders all that is kept by fingerprint; places of findings are the text's own.
func verdict(s *Statement, rules []Rule) string {
	found := Check(s, rules)
	names := make([]string, len(found))
	for i, f := range found {
		names[i] = f.Rule
	}
	slices.Sort(names)
	return fmt.Sprintf("%s, weight %d, cost %d, %d statements, read-only %v", names, Weight(found), Cost(s), Statements(s), ReadOnly(s))
}
