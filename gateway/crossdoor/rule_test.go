package crossdoor

import (
	"fmt"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"sallyport/dbguard/screen"
)

// shown is a model of the statements that the app has shown.
type shown map[screen.Fingerprint]bool

func (m shown) Knows(s *screen.Statement) bool { return m[s.Fingerprint(screen.Key{})] }

// Grown tells of no growth; see cut_test.go for models that do.
func (shown) Grown(*screen.Statement) (from, to int, ok bool) { return 0, 0, false }

func appShowed(texts ...string) shown {
	m := shown{}
	for _, text := range texts {
		s := screen.Read(text, screen.Options{})
		m[s.Fingerprint(screen.Key{})] = true
		s.Release()
	}
	return m
}

// while runs f while requests, target → client, are in flight.
func while(t *testing.T, w *Window, requests map[string]string, f func()) {
	t.Helper()
	for target, client := range requests {
		delete(requests, target)
		engine := gin.New()
		engine.Use(func(c *gin.Context) { c.Set("client", client) }, w.Stage())
		engine.NoRoute(func(*gin.Context) { while(t, w, requests, f) })
		engine.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", target, nil))
		return
	}
	f()
}

func newWindow(model Known) *Window {
	return New(Defaults(), Parts{Model: model, Identify: func(c *gin.Context) (string, string) { return "r1", c.GetString("client") }})
}

// crossings returns what the rule says of text while one request with q=input is in flight.
func crossings(t *testing.T, model Known, input, text string) []screen.Finding {
	t.Helper()
	w := newWindow(model)
	var found []screen.Finding
	while(t, w, map[string]string{"/search?q=" + url.QueryEscape(input): "203.0.113.7"}, func() {
		s := screen.Read(text, screen.Options{})
		defer s.Release()
		found = accusing(w.Rule().Check(s))
	})
	return found
}

// accusing leaves the hints out.
func accusing(found []screen.Finding) []screen.Finding {
	return slices.DeleteFunc(found, func(f screen.Finding) bool { return f.Hint })
}

func TestCrossingsAreJudged(t *testing.T) {
	app := appShowed(
		"SELECT * FROM p WHERE name LIKE '%x%'", "SELECT * FROM p WHERE id = 1", "SELECT * FROM p WHERE id IN (1)",
		"SELECT * FROM p ORDER BY price DESC", "SELECT * FROM p WHERE a = 'x' AND b = 'x'",
	)
	for _, tc := range []struct {
		name, input, sql string
		model            Known
		want             string
	}{
		{"quote left, known rest", "x' OR '1'='1", "SELECT * FROM p WHERE name LIKE '%x' OR '1'='1%'", app, "confirmed"},
		{"quote left, cold", "x' OR '1'='1", "SELECT * FROM p WHERE name LIKE '%x' OR '1'='1%'", nil, "hard"},
		{"number grown", "1 OR 1=1", "SELECT * FROM p WHERE id = 1 OR 1=1", app, "confirmed"},
		{"number grown to a condition, cold", "1 OR 2", "SELECT * FROM p WHERE id = 1 OR 2", nil, "hard"},
		{"number grown to a sum, cold", "1-true", "SELECT * FROM p WHERE id = 1-true", nil, "seen"},
		{"operator first, cold", "||6", "SELECT * FROM p WHERE id = ||6", nil, "hard"},
		{"condition in a list, cold", "b,1=1", "SELECT * FROM p WHERE id IN (2, b,1=1)", nil, "hard"},
		{"condition to sort by, cold", "1=1", "SELECT * FROM p ORDER BY 1=1", nil, "hard"},
		{"condition in a row, cold", "1 and 1=1", "INSERT INTO p VALUES (1, 2), (3, 1 and 1=1)", nil, "hard"},
		{"name glued to a literal, cold", "admin'or 1=1 or ''='", "SELECT * FROM p WHERE id = admin'or 1=1 or ''='", nil, "hard"},
		{"a condition that the app may write itself", "1=1", "SELECT * FROM p WHERE 1=1 AND a = 2", nil, "seen"},
		{"a condition that SET takes", "stock > 0", "UPDATE p SET sold = stock > 0 WHERE id = 2", nil, "seen"},
		{"comparison behind LIMIT, cold", "42 like 42", "SELECT a FROM p ORDER BY id LIMIT 42 like 42", nil, "hard"},
		{"sort order with NULLS LAST", "b.name desc nulls last, -id", "SELECT a FROM p ORDER BY b.name desc nulls last, -id", nil, ""},
		{"two words are no name", "select pg_sleep", "SELECT * FROM p WHERE id IN (select pg_sleep)", app, "confirmed"},
		{"a JSON path", "a->>'b'", "SELECT * FROM p ORDER BY a->>'b'", nil, "seen"},
		{"what a statement begins with", "SELECT * FROM p WHERE name = '", "SELECT * FROM p WHERE name = 'x' LIMIT 5", nil, ""},
		{"columns to show", "id, name", "SELECT id, name FROM p", appShowed("SELECT 1 FROM p"), "seen"},
		{"comment opened, cold", "admin'--", "SELECT * FROM p WHERE name = 'admin'--' AND x", nil, "hard"},
		{"stacked, cold", "1;delete from p", "SELECT * FROM p WHERE id = 1;delete from p", nil, "hard"},
		{"list grown", "1) OR (1=1", "SELECT * FROM p WHERE id IN (1) OR (1=1)", app, "confirmed"},
		{"sort grown", "price, (SELECT 1 FROM users LIMIT 1)", "SELECT * FROM p ORDER BY price, (SELECT 1 FROM users LIMIT 1) DESC", app, "confirmed"},
		{"twice in one statement", "y' OR 'a'='a", "SELECT * FROM p WHERE a = 'y' OR 'a'='a' AND b = 'y' OR 'a'='a'", app, "confirmed"},
		{"blanks exchanged by the app", "1 OR 1=1", "SELECT * FROM p WHERE id = 1/**/OR/**/1=1", app, "confirmed"},
		{"prefix cut by the app", "id-1 OR 1=1 OR 2", "SELECT * FROM p WHERE id = 1 OR 1=1 OR 2", app, "confirmed"},
		{"base64 in the request", "MSBPUiAxPTE=", "SELECT * FROM p WHERE id = 1 OR 1=1", app, "confirmed"},

		{"a column in its own list", "id", "DELETE FROM p WHERE id IN (id)", nil, "hard"},
		{"a column in its own list among others", "id", "DELETE FROM p WHERE id IN (id,2)", nil, "hard"},
		{"a quoted column compared with itself", `"id"`, `DELETE FROM p WHERE id = "id"`, nil, "hard"},
		{"a blank behind the column compared with itself", "id ", "DELETE FROM p WHERE id = id ", nil, "hard"},
		{"half a comment", "-1", "SELECT * FROM p WHERE a = 'x' AND b = 5 --1 AND c = 'x'", appShowed("SELECT * FROM p WHERE a = 'x' AND b = 5 -1 AND c = 'x'"), "confirmed"},
		{"half a comment, cold", "-1", "SELECT * FROM p WHERE a = 'x' AND b = 5 --1 AND c = 'x'", nil, ""},
		{"comment left, cold", "home\nselect secret from account;--", "-- home\nselect secret from account;--\nSELECT * FROM p", nil, "hard"},
		{"comment left, short", "*/ b,/*", "/* */ b,/* */ SELECT * FROM p", appShowed("/* x */ SELECT * FROM p"), "confirmed"},
		{"behind a sort direction", ",(select 1)", "SELECT * FROM p ORDER BY price ,(select 1)", app, "confirmed"},
		{"operator grown", ">1 or id>", "SELECT * FROM p WHERE id >1 or id> 1", appShowed("SELECT * FROM p WHERE id > 1"), "confirmed"},
		{"operator grown twice", "=id or id>", "SELECT * FROM p WHERE id =id or id> 1", app, "confirmed"},

		{"a column of another table in a list", "id", "SELECT * FROM p WHERE shop IN (id, 2)", nil, ""},
		{"a sign that is the app's", "-1", "SELECT * FROM p WHERE id = 5 - -1", app, ""},
		{"an input in a comment", "home; or 1=1", "SELECT 1 /* home; or 1=1 */ FROM p", nil, ""},
		{"a direction of nulls", "desc nulls last", "SELECT * FROM p ORDER BY price desc nulls last", app, ""},
		{"an operator that is chosen", ">=", "SELECT * FROM p WHERE id >= 1", appShowed("SELECT * FROM p WHERE id > 1"), ""},

		{"a list that the app split and quoted", "1,2,3", "SELECT * FROM p WHERE id IN ('1' , '2','3')", app, ""},
		{"a list that the app split, quotes escaped", "O'Brien, x' or '1'='1,b", "SELECT * FROM p WHERE id IN ('O''Brien','x'' or ''1''=''1','b')", appShowed("SELECT * FROM p WHERE id IN ('1')"), ""},
		{"a list that the app split, one quote escaped", "O'Brien','b", "SELECT * FROM p WHERE id IN ('O''Brien','b')", appShowed("SELECT * FROM p WHERE id IN ('1')"), "confirmed"},
		{"a list with quotes of its own", "1','2", "SELECT * FROM p WHERE id IN ('1','2')", appShowed("SELECT * FROM p WHERE id IN ('1')"), "confirmed"},
		{"escaped by the app", "x' OR '1'='1", "SELECT * FROM p WHERE name = 'x'' OR ''1''=''1'", nil, ""},
		{"inside a literal", "select 1; drop table p --", "SELECT * FROM p WHERE name = 'select 1; drop table p --'", nil, ""},
		{"inside a comment", "a; b", "SELECT 1 /* a; b */", nil, ""},
		{"a word", "products", "SELECT * FROM products WHERE id = 1 OR 2", nil, ""},
		{"a number list", "1,2,3", "SELECT * FROM p WHERE id IN (1,2,3)", nil, ""},
		{"a dotted name", "u.name", "SELECT u.name FROM u", nil, ""},
		{"a sort order", "name DESC, id", "SELECT * FROM p ORDER BY name DESC, id", nil, ""},
		{"a name list", "id, name", "SELECT id, name FROM p", nil, "seen"},
		{"a console", "SELECT * FROM p WHERE a = 1", "SELECT * FROM p WHERE a = 1", nil, "seen"},
		{"app's own text", "count(*)", "SELECT count(*) FROM p", nil, "seen"},
		{"not in the statement", "x' OR '1'='1", "SELECT * FROM p WHERE id = $1", nil, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			found := crossings(t, tc.model, tc.input, tc.sql)
			got := ""
			if len(found) > 0 {
				got = found[0].Crossing.Verdict
			}
			if got != tc.want {
				t.Errorf("verdict of %q with input %q: got %q, want %q", tc.sql, tc.input, got, tc.want)
			}
			if refuses := len(found) > 0 && found[0].Weight >= 5; refuses != (tc.want == "hard" || tc.want == "confirmed") {
				t.Errorf("refuses %v with verdict %q", refuses, tc.want)
			}
		})
	}
}

func TestEvidenceNamesTheInputAndMarksItsBytes(t *testing.T) {
	sql := "SELECT * FROM p WHERE name LIKE '%x' OR '1'='1%'"
	found := crossings(t, nil, "x' OR '1'='1", sql)
	if len(found) != 1 {
		t.Fatalf("findings: got %d, want 1", len(found))
	}
	f, c := found[0], *found[0].Crossing
	if got := sql[f.Offset:f.End]; got != "x' OR '1'='1" {
		t.Errorf("marked bytes: got %q", got)
	}
	want := screen.Crossing{Request: "r1", Client: "203.0.113.7", Route: "GET /search", Source: "query", Param: "q", Length: 12, Hash: c.Hash, Verdict: "hard"}
	if c != want {
		t.Errorf("got %+v, want %+v", c, want)
	}
	if strings.Contains(f.Reason, "'1'") {
		t.Errorf("the reason holds a value: %q", f.Reason)
	}
}

func TestTwoClientsWithTheSameBytesAreAmbiguous(t *testing.T) {
	w := newWindow(nil)
	target := "/search?q=" + url.QueryEscape("x' OR '1'='1")
	while(t, w, map[string]string{target: "203.0.113.7", target + "&z=1": "198.51.100.9"}, func() {
		s := screen.Read("SELECT 'x' OR '1'='1'", screen.Options{})
		defer s.Release()
		found := accusing(w.Rule().Check(s))
		if len(found) != 2 || !found[0].Crossing.Ambiguous || !found[1].Crossing.Ambiguous {
			t.Fatalf("got %+v, want two ambiguous findings", found)
		}
		if sum := found[0].Weight + found[1].Weight; sum != 5 {
			t.Errorf("weights sum to %d, want 5: one reason, however many carry it", sum)
		}
	})
}

func TestLateRequestsAreReportedOnly(t *testing.T) {
	w := newWindow(nil)
	while(t, w, map[string]string{"/search?q=" + url.QueryEscape("x' OR '1'='1"): "203.0.113.7"}, func() {})
	s := screen.Read("SELECT 'x' OR '1'='1'", screen.Options{})
	defer s.Release()
	found := accusing(w.Rule().Check(s))
	if len(found) != 1 || found[0].Weight != 0 || found[0].Crossing.Verdict != "seen" {
		t.Errorf("got %+v, want one finding without weight", found)
	}
}

func TestLongStatementsAreScannedAtBothEnds(t *testing.T) {
	input := "x' OR '1'='1"
	middle := strings.Repeat(" AND a <> 'padding'", 6000)
	for name, sql := range map[string]string{
		"at the beginning": "SELECT * FROM p WHERE name = '" + input + "'" + middle,
		"at the end":       "SELECT * FROM p WHERE true" + middle + " AND name = '" + input + "'",
	} {
		found := crossings(t, nil, input, sql)
		if len(found) == 0 || sql[found[0].Offset:found[0].End] != input {
			t.Errorf("%s: got %+v, want the input's bytes marked", name, found)
		}
	}
}

func TestAttackOnTheDetectorStaysWithinItsBounds(t *testing.T) {
	statement := "SELECT * FROM p WHERE " + strings.Repeat("a = 'x' OR ", 4000) + "true"
	w := New(Defaults(), Parts{})
	for r := range 32 {
		e := &entry{client: "c", limits: w.settings, held: &w.held}
		for i := range w.settings.Values {
			at := (r*997 + i*53) % (len(statement) - 400)
			e.input(fromQuery, "q", statement[at:at+200+i%150])
		}
		w.entries[e] = struct{}{}
	}
	s := screen.Read(statement, screen.Options{})
	defer s.Release()
	began := time.Now()
	w.check(s)
	t.Logf("took %v; %+v", time.Since(began), w.Snapshot())
	if w.Snapshot().OverBudget != 1 {
		t.Error("the search was not given up, want it counted as over budget")
	}
}

func FuzzRule(f *testing.F) {
	f.Add("x' OR '1'='1", "SELECT 'x' OR '1'='1'")
	f.Add("a/**/b", "a b /**/ \"c\" $1 --x")
	f.Add("' OR", "SELECT U&'\\0027 OR' E'\\' OR'")
	f.Fuzz(func(t *testing.T, input, sql string) {
		w := New(Defaults(), Parts{Model: appShowed("SELECT 'a'")})
		e := &entry{limits: w.settings, held: &w.held}
		e.input(fromQuery, "q", input)
		w.entries[e] = struct{}{}
		s := screen.Read(sql, screen.Options{})
		defer s.Release()
		for _, found := range accusing(w.check(s)) {
			if found.Offset < 0 || found.End > len(sql) || found.Offset >= found.End {
				t.Errorf("marked [%d, %d) of %d bytes", found.Offset, found.End, len(sql))
			}
		}
	})
}

// benchWindow holds n requests with 20 honest inputs each.
func benchWindow(n int) *Window {
	w := New(Defaults(), Parts{})
	for r := range n {
		e := &entry{client: "c", limits: w.settings, held: &w.held}
		for i := range 20 {
			e.input(fromQuery, "q", fmt.Sprintf("value %d of request %d: O'Brien", i, r))
		}
		w.entries[e] = struct{}{}
	}
	return w
}

const benchStatement = `SELECT p.id, p.name, avg(r.stars) FROM products p LEFT JOIN reviews r ON r.product_id = p.id WHERE p.category = 'tools'
 AND p.price BETWEEN 10 AND 20 AND (p.name ILIKE '%hammer%' OR p.description ILIKE '%hammer%') GROUP BY p.id, p.name ORDER BY avg(r.stars) DESC LIMIT 20`

func BenchmarkRule(b *testing.B) {
	for _, n := range []int{0, 32, 256} {
		b.Run(fmt.Sprintf("%d requests", n), func(b *testing.B) {
			w := benchWindow(n)
			s := screen.Read(benchStatement, screen.Options{})
			b.ReportAllocs()
			for b.Loop() {
				w.check(s)
			}
		})
	}
}

func BenchmarkStage(b *testing.B) {
	gin.SetMode(gin.ReleaseMode)
	now := time.Now()
	w := New(Defaults(), Parts{Now: func() time.Time { now = now.Add(time.Second); return now }})
	engine := gin.New()
	engine.Use(w.Stage())
	engine.NoRoute(func(*gin.Context) {})
	r := httptest.NewRequest("GET", "/api/products?q=hammer+%26+nails&sort=price&page=2", nil)
	r.Header.Set("Cookie", "sid=0123456789abcdef; theme=dark")
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36")
	r.Header.Set("Referer", "https://shop.example.com/products?page=1")
	rec := httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		engine.ServeHTTP(rec, r)
	}
}
