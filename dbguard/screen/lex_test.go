package screen

import (
	"fmt"
	"strings"
	"testing"
)

// tokens renders what was read: kind letter and text of each token.
func tokens(s *Statement) string {
	var out []string
	for i, t := range s.Tokens {
		out = append(out, fmt.Sprintf("%c:%s", " wqpns+.?"[t.Kind], s.Of(i)))
	}
	return strings.Join(out, " ")
}

func TestLexerKeepsPostgresBoundaries(t *testing.T) {
	for _, c := range []struct{ sql, want string }{
		{"select 'it''s'", "w:select s:'it''s'"},
		{"'a'\n 'b' 'c'", "s:'a'\n 'b' s:'c'"},
		{"'a' -- x\n -- y\n'b'", "s:'a' -- x\n -- y\n'b'"},
		{"'a' /* x */\n'b'", "s:'a' s:'b'"},
		{"'a' 'b'", "s:'a' s:'b'"},
		{`'a\' or`, `s:'a\' w:or`},
		{`e'a\' or' x`, `s:e'a\' or' w:x`},
		{"E'a\\\\'x", `s:E'a\\' w:x`},
		{"u&'\\0041' uescape '!'", `s:u&'\0041' w:uescape s:'!'`},
		{`U&"d\0061t" x u&y`, `q:U&"d\0061t" w:x w:u +:& w:y`},
		{`"a""b".c`, `q:"a""b" .:. w:c`},
		{"b'01' X'1F' n'x' xe'y'", "s:b'01' s:X'1F' w:n s:'x' w:xe s:'y'"},
		{"$$a'$b$$ $t$ $$ $t$ $1 a$b$c $x", "s:$$a'$b$$ s:$t$ $$ $t$ p:$1 w:a$b$c ?:$ w:x"},
		{"1.5e-3 .5 1. 1..2 1_000 0x1F 0o17 0b01 5.e1", "n:1.5e-3 n:.5 n:1. n:1 .:.. n:2 n:1_000 n:0x1F n:0o17 n:0b01 n:5.e1"},
		{"a::int b:=c d=>e f[1:2]", "w:a .::: w:int w:b .::= w:c w:d +:=> w:e w:f .:[ n:1 .:: n:2 .:]"},
		{"a<-1 @- 1 *-1 a--b", "w:a +:< +:- n:1 +:@- n:1 +:* +:- n:1 w:a"},
		{"a+/*x*/b =-- c", "w:a +:+ w:b +:="},
		{"/* /* a */ */ x /*/ */ y", "w:x w:y"},
		{"a -- b\r c", "w:a w:c"},
		{"ünïcode \xff", "w:ünïcode w:\xff"},
	} {
		s := Read(c.sql, Options{})
		if got := tokens(s); got != c.want || s.Fault != "" {
			t.Errorf("Read(%q): got %s, fault %q, want %s", c.sql, got, s.Fault, c.want)
		}
		s.Release()
	}
}

func TestBackslashQuotesFollowTheSession(t *testing.T) {
	s := Read(`'a\' or 1=1'`, Options{BackslashQuotes: true})
	defer s.Release()
	if got, want := tokens(s), `s:'a\' or 1=1'`; got != want || s.Fault != "" {
		t.Errorf("got %s, fault %q, want %s", got, s.Fault, want)
	}
}

func TestBrokenTextIsAFault(t *testing.T) {
	for sql, want := range map[string]string{
		"select 'abc":                 "unterminated quoted string",
		"select 'a'\n'b":              "unterminated quoted string",
		`select "abc`:                 "unterminated quoted identifier",
		`select ""`:                   "zero-length delimited identifier",
		"select $x$ $y$":              "unterminated dollar-quoted string",
		"select /* /* */":             "unterminated comment",
		"select 1a":                   junkFault,
		"select $1a":                  paramJunkFault,
		"select $9999999999":          "parameter number too large",
		"select 0b12":                 junkFault,
		"select 1e5$x":                junkFault,
		"select 0x":                   "invalid integer",
		"select 1e+":                  junkFault,
		`select E'\u12'`:              "invalid Unicode escape",
		`select E'\ud800x'`:           "invalid Unicode surrogate pair",
		"select 1 \x00 2":             "a zero byte",
		"1" + strings.Repeat("*", 64): "operator too long",
	} {
		s := Read(sql, Options{})
		if s.Fault != want {
			t.Errorf("Read(%q).Fault: got %q, want %q", sql, s.Fault, want)
		}
		s.Release()
	}
}

func TestCommentsStandApart(t *testing.T) {
	s := Read("a /* x */ b -- y", Options{})
	defer s.Release()
	if len(s.Comments) != 2 || s.Comments[0].Before != 1 || !s.Comments[0].Block || s.Comments[1].Before != 2 || s.Comments[1].End != 16 {
		t.Errorf("comments: got %+v", s.Comments)
	}
}

func TestSpliceReadsTheOtherStatement(t *testing.T) {
	from := Read("select * from t where a = 'x' or '1'='1'", Options{})
	want := Read("select * from t where a = 'q'", Options{})
	defer from.Release()
	defer want.Release()
	var s Statement
	s.Splice(from, 27, 39, "q")
	if got := string(s.Text()); got != string(want.Text()) {
		t.Fatalf("text: got %q, want %q", got, want.Text())
	}
	if got, want := s.Fingerprint(Key{}), want.Fingerprint(Key{}); got != want {
		t.Errorf("fingerprint: got %s, want %s", got, want)
	}
}

func TestHotPathAllocatesNothing(t *testing.T) {
	const sql = "SELECT id, name FROM products WHERE category = 'shoes' AND price < 100 ORDER BY id LIMIT 20"
	var filled, s Statement // not from the pool, which drops some under the race detector
	from := Read(sql, Options{})
	defer from.Release()
	for name, f := range map[string]func(){
		"read and fingerprint": func() {
			s.read(sql, Options{})
			_ = s.Fingerprint(Key{1})
			_, _ = s.Loose(Key{1})
		},
		"splice": func() {
			filled.Splice(from, 47, 54, "'q'")
			_ = filled.Fingerprint(Key{1})
		},
		"cost and statements": func() { _, _ = Cost(from), Statements(from) },
	} {
		f()
		if n := testing.AllocsPerRun(100, f); n >= 1 {
			t.Errorf("%s: got %v allocations, want 0", name, n)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, sql := range []string{"select 1", "'a'\n'b", `E'\'`, "$a$b$a$", "1.5e", "/* /* */", `U&"a" uescape '!'`, "--", "a::b"} {
		f.Add(sql, false)
		f.Add(sql, true)
	}
	f.Fuzz(func(t *testing.T, sql string, backslash bool) {
		s := Read(sql, Options{BackslashQuotes: backslash})
		defer s.Release()
		checkTiling(t, s)
		s.Fingerprint(Key{})
		s.Loose(Key{})
		if got := len(s.Skeleton()); got > maxSkeleton {
			t.Errorf("skeleton has %d bytes, want at most %d", got, maxSkeleton)
		}
		if got := Cost(s); got < 0 {
			t.Errorf("cost is %d, want 0 or more", got)
		}
		Statements(s)
		ReadOnly(s)
		for _, found := range Check(s, Builtin()) {
			if found.Offset < 0 || found.End < found.Offset || found.End > len(sql) {
				t.Errorf("%s: span %d..%d in %d bytes", found.Rule, found.Offset, found.End, len(sql))
			}
		}
	})
}

// checkTiling wants tokens and comments in order, not empty, with blanks only between them.
func checkTiling(t *testing.T, s *Statement) {
	t.Helper()
	at, next := int32(0), 0
	step := func(start, end int32) {
		for ; at < start; at++ {
			if classes[s.text[at]]&blank == 0 {
				t.Fatalf("byte %d (%q) belongs to nothing", at, s.text[at])
			}
		}
		if start < at || end <= start {
			t.Fatalf("span %d..%d after %d", start, end, at)
		}
		at = end
	}
	for i := 0; i <= len(s.Tokens); i++ {
		for ; next < len(s.Comments) && int(s.Comments[next].Before) == i; next++ {
			step(s.Comments[next].Start, s.Comments[next].End)
		}
		if i < len(s.Tokens) {
			step(s.Tokens[i].Start, s.Tokens[i].End)
		}
	}
	step(int32(len(s.text)), int32(len(s.text))+1)
}

func BenchmarkReadFingerprint(b *testing.B) {
	short := "SELECT id, name FROM products WHERE category = 'shoes' AND price < 100 ORDER BY id LIMIT 20"
	kilo := "SELECT " + strings.Repeat(`"public"."User"."createdAt", `, 30) + `"id" FROM "public"."User" WHERE ("id" = $1 AND 1=1) OFFSET $2`
	for _, c := range []struct{ name, sql string }{{"90B", short}, {"1KB", kilo}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(c.sql)))
			for b.Loop() {
				s := Read(c.sql, Options{})
				_ = s.Fingerprint(Key{1})
				s.Release()
			}
		})
	}
}

func BenchmarkCheck(b *testing.B) {
	s := Read("SELECT id, name FROM products WHERE category = 'shoes' AND price < 100 ORDER BY id LIMIT 20", Options{})
	rules := Builtin()
	b.ReportAllocs()
	for b.Loop() {
		_ = Check(s, rules)
	}
}
