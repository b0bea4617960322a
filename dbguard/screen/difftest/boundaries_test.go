package difftest

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	pg_query "github.com/pganalyze/pg_query_go/v6"

	"sallyport/dbguard/screen"
)

// generated is how many random texts are compared beside the corpora.
const generated = 200_000

// libpg_query differs from the server in one more way: it ends a literal at a comment, where the server goes on to 'b' in
//
//	'a' -- comment
//	'b'
//
// paramJunk is a fault to PostgreSQL 15 and later, but not to libpg_query, which lets letters follow a parameter; such texts are
// not compared.
const paramJunk = "trailing junk after parameter"

// TestProveTokenBoundariesAreThoseOfPostgreSQL wants 99.9 % of all texts read alike: the same tokens and comments at the same bytes,
// or both refused. Texts come from a generator and, where SALLYPORT_CORPORA names a folder, from every JSON-lines file below it.
func TestProveTokenBoundariesAreThoseOfPostgreSQL(t *testing.T) {
	texts := map[string][]string{"generated": generate(generated)}
	if dir := os.Getenv("SALLYPORT_CORPORA"); dir != "" {
		for name, found := range readCorpora(t, dir) {
			texts[name] = found
		}
	}
	for name, list := range texts {
		equal, shown := 0, 0
		for _, sql := range list {
			want, got := scanned(sql), read(sql)
			if got == want || got == "" {
				equal++
				continue
			}
			if shown++; shown <= 3 {
				t.Logf("%s: %q\n got %s\nwant %s", name, sql, got, want)
			}
		}
		t.Logf("%s: %d of %d texts equal", name, equal, len(list))
		if equal*1000 < len(list)*999 {
			t.Errorf("%s: %d of %d texts equal, want 99.9 %%", name, equal, len(list))
		}
	}
}

// scanned renders what PostgreSQL's scanner says: the spans of all tokens, or "refused".
func scanned(sql string) string {
	result, err := pg_query.Scan(sql)
	if err != nil {
		return "refused"
	}
	var b strings.Builder
	for _, tok := range result.Tokens {
		fmt.Fprintf(&b, "%d-%d ", tok.Start, tok.End)
	}
	return b.String()
}

// read renders what our lexer says; "" where there is nothing to compare.
func read(sql string) string {
	s := screen.Read(sql, screen.Options{})
	defer s.Release()
	if s.Fault == paramJunk {
		return ""
	}
	if s.Fault != "" {
		return "refused"
	}
	var b strings.Builder
	next := 0
	for i := 0; i <= len(s.Tokens); i++ {
		for ; next < len(s.Comments) && int(s.Comments[next].Before) == i; next++ {
			fmt.Fprintf(&b, "%d-%d ", s.Comments[next].Start, s.Comments[next].End)
		}
		if i < len(s.Tokens) {
			fmt.Fprintf(&b, "%d-%d ", s.Tokens[i].Start, s.Tokens[i].End)
		}
	}
	return b.String()
}

// pieces are what random texts are made of: everything that begins, ends or continues a token, and some that do not.
var pieces = strings.Split(`' '' " "" $ $$ $a$ $1 $12 a E' e' B' x' N' U&' u&" U& u & \ \' \\ \x41 \101 \u0041 \ud83d \udE00 \U0001F600 \u00
	-- --x /* */ /** **/ // /*/ + - * / < > = ~ ! @ # % ^ | ? `+"`"+` <= >= <> != := :: : => .. . , ; ( ) [ ] 0 1 12 1_0 0x 0x1F 0o7 0b1 0x_1 1. .5 1e 1e5 e+3 E-
	select from Select_1 x$y ü 日本 uescape { } -1 +1 @- --- <-- */* *-1 ~- ?- 'a' "b" 1..2 1.5.2 $a $a$b$a$`, " ")

func generate(n int) []string {
	r := rand.New(rand.NewPCG(1, 2))
	blanks := []string{"", "", "", " ", "\n", "\t", "\r\n", "\f", "\v"}
	list := make([]string, n)
	for i := range list {
		var b strings.Builder
		for range 1 + r.IntN(12) {
			b.WriteString(strings.TrimSpace(pieces[r.IntN(len(pieces))]))
			b.WriteString(blanks[r.IntN(len(blanks))])
		}
		list[i] = b.String()
	}
	return list
}

// readCorpora returns the sql, text and input fields of each JSON-lines file below dir, by file name.
func readCorpora(t *testing.T, dir string) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.Contains(d.Name(), ".jsonl") {
			return err
		}
		list, err := readTexts(p)
		all[d.Name()] = list
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func readTexts(path string) (list []string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var in io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if in, err = gzip.NewReader(f); err != nil {
			return nil, err
		}
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var row struct{ SQL, Text, Input string }
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		for _, text := range []string{row.SQL, row.Text, row.Input} {
			if text != "" && !strings.Contains(text, "\x00") {
				list = append(list, text)
			}
		}
	}
	return list, lines.Err()
}
