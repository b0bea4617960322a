package crossdoor

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"sallyport/dbguard/screen"
)

// learnedApp is a model that was shown statements and knows what grew out of them, as the guard does.
type learnedApp struct{ *screen.Model }

func (m learnedApp) Grown(s *screen.Statement) (from, to int, ok bool) {
	if m.Knows(s) {
		return 0, 0, false
	}
	g, ok := m.Growth(s)
	return g.From, g.To, ok && !g.Repeats
}

func learnedFrom(t *testing.T, texts ...string) Known {
	t.Helper()
	m := learnedApp{screen.NewModel(screen.Key{}, 0)}
	for _, text := range texts {
		s := screen.Read(text, screen.Options{})
		if !m.Learn(s, "", true) {
			t.Fatalf("%s: not learned", text)
		}
		s.Release()
	}
	return m
}

// readBy lets an app read the whole body of r and send sql meanwhile, and returns what the rule says of it.
func readBy(t *testing.T, w *Window, r *http.Request, sql string) []screen.Finding {
	t.Helper()
	var found []screen.Finding
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.Use(w.Stage())
	engine.NoRoute(func(c *gin.Context) {
		if _, err := new(bytes.Buffer).ReadFrom(c.Request.Body); err != nil {
			t.Error(err)
		}
		s := screen.Read(sql, screen.Options{})
		defer s.Release()
		found = accusing(w.Rule().Check(s))
	})
	engine.ServeHTTP(httptest.NewRecorder(), r)
	return found
}

// ways are the ways that a value comes in a request, by the name of the scanner that reads it.
func ways(value string) map[string]*http.Request {
	var form bytes.Buffer
	mw := multipart.NewWriter(&form)
	_ = mw.WriteField("name", value)
	_ = mw.Close()
	text, _ := json.Marshal(map[string]string{"name": value})
	var zipped bytes.Buffer
	gz := gzip.NewWriter(&zipped)
	_, _ = gz.Write(text)
	_ = gz.Close()
	markup := strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;").Replace(value)
	header := request("GET", "/", "", "")
	header.Header.Set("X-Name", value)
	cookie := request("GET", "/", "", "")
	cookie.Header.Set("Cookie", "name="+value)
	zip := httptest.NewRequest("POST", "/", &zipped)
	zip.Header.Set("Content-Type", "application/json")
	zip.Header.Set("Content-Encoding", "gzip")
	pairs := url.Values{"name": {value}}.Encode()
	return map[string]*http.Request{
		"json": request("POST", "/", "application/json", string(text)), "json without a type": request("POST", "/", "", string(text)), "gzip": zip,
		"multipart": request("POST", "/", mw.FormDataContentType(), form.String()), "markup": request("POST", "/", "text/xml", "<a>"+markup+"</a>"),
		"attribute": request("POST", "/", "text/xml", `<a b="`+markup+`"/>`), "form": request("POST", "/", "application/x-www-form-urlencoded", pairs),
		"query": request("GET", "/?"+pairs, "", ""), "text": request("POST", "/", "text/plain", value), "header": header, "cookie": cookie,
	}
}

// TestInputThatIsTooLongConfirmsGrowth hides an injection behind more bytes than are kept of one value, so that nothing of it was seen.
func TestInputThatIsTooLongConfirmsGrowth(t *testing.T) {
	app := learnedFrom(t, "SELECT * FROM p WHERE name = 'x' AND shop = 1")
	padding := strings.Repeat("padding ", 1200) // 9.4 KB, of which 8 KB are kept
	for way, r := range ways(padding + "' OR 'a' < 'b") {
		found := readBy(t, newWindow(app), r, "SELECT * FROM p WHERE name = '"+padding+"' OR 'a' < 'b' AND shop = 1")
		if len(found) != 1 || found[0].Crossing.Verdict != "confirmed" || found[0].Weight != screen.Refuse {
			t.Errorf("%s: got %+v, want the growth confirmed", way, found)
		}
	}
	letters := strings.Repeat("x", 9000) // a word: whole it could be no evidence
	for way, r := range ways(letters + "' OR 'a' < 'b") {
		if found := readBy(t, newWindow(app), r, "SELECT * FROM p WHERE name = '"+letters+"' OR 'a' < 'b' AND shop = 1"); len(found) != 1 || found[0].Weight != screen.Refuse {
			t.Errorf("%s: letters and an injection: got %+v, want the growth confirmed", way, found)
		}
	}
}

// TestLongInputInsideItsLiteralIsNoCrossing saves long articles with statements that the app builds anew, and so grow.
func TestLongInputInsideItsLiteralIsNoCrossing(t *testing.T) {
	app := learnedFrom(t, "UPDATE p SET title = 'x' WHERE id = 1", "UPDATE p SET body = 'x' WHERE id = 1")
	article := strings.Repeat("It's 5 > 3 & 50% of \"all\";\r\n\tsaid O'Brien_ + c:\\d -- ", 400)
	escaped := strings.ReplaceAll(article, "'", "''")
	for name, stored := range map[string]string{"as it is": escaped, "with Unix line ends": strings.ReplaceAll(escaped, "\r\n", "\n")} {
		sql := "UPDATE p SET title = 'y', body = '" + stored + "', seen = now() WHERE id = 1"
		for way, r := range ways(article) {
			if way == "cookie" || way == "header" {
				continue // they take no such bytes
			}
			w := newWindow(app)
			if found := readBy(t, w, r, sql); len(found) != 0 {
				t.Errorf("%s, %s: got %+v, want nothing", name, way, found)
			}
			if w.Snapshot().Cut != 1 {
				t.Errorf("%s, %s: not counted as cut: the check above proves nothing", name, way)
			}
		}
	}
}

// TestInputsThatWereNotSeenConfirmGrowth hides an injection behind more inputs than are kept of one request, or in a coding that is not
// read.
func TestInputsThatWereNotSeenConfirmGrowth(t *testing.T) {
	app := learnedFrom(t, "SELECT * FROM p WHERE name = 'x' AND shop = 1")
	var query, members strings.Builder
	for i := range 300 {
		fmt.Fprintf(&query, "&p%d=a+b+%d", i, i)
		fmt.Fprintf(&members, `"p%d":"a b %d",`, i, i)
	}
	coded := request("POST", "/", "application/json", "\x0b\x02\x80")
	coded.Header.Set("Content-Encoding", "br")
	const grown = "SELECT * FROM p WHERE name = 'x' OR 'a' < 'b' AND shop = 1"
	blanks := strings.Repeat(" ", 9000) + "x' OR 'a' < 'b"
	for name, r := range map[string]*http.Request{
		"query": request("GET", "/?"+query.String()+"&name=x'+OR+'a'+<+'b", "", ""), "br": coded,
		"form":               request("POST", "/", "application/x-www-form-urlencoded", query.String()+"&name=x'+OR+'a'+<+'b"),
		"json":               request("POST", "/", "application/json", "{"+members.String()+`"name":"x' OR 'a' < 'b"}`),
		"blanks in json":     request("POST", "/", "application/json", `{"name":"`+blanks+`"}`),
		"blanks in form":     request("POST", "/", "application/x-www-form-urlencoded", "name="+url.QueryEscape(blanks)),
		"pairs without type": request("POST", "/", "", "a="+strings.Repeat("b+", 5000)+"&name=x'+OR+'a'+<+'b"),
	} {
		found := readBy(t, newWindow(app), r, grown)
		if len(found) != 1 || found[0].Crossing.Verdict != "confirmed" || found[0].Weight != screen.Refuse {
			t.Errorf("%s: got %+v, want the growth confirmed", name, found)
			continue
		}
		if got := grown[found[0].Offset:found[0].End]; got != "'x' OR 'a' < 'b'" {
			t.Errorf("%s: marked %q, want what grew", name, got)
		}
	}
}

// TestGrowthBesideLongRequestsIsNotTheirs runs statements that grew while requests are in flight that were not all read.
func TestGrowthBesideLongRequestsIsNotTheirs(t *testing.T) {
	app := learnedFrom(t, "SELECT * FROM p WHERE name = 'x' AND shop = 1", "UPDATE p SET a = CASE WHEN id = 1 THEN 'x' ELSE NULL END WHERE id IN (1)")
	const grown = "SELECT * FROM p WHERE name = 'x' OR 'a' < 'b' AND shop = 1"
	photo := "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.jpg\"\r\n\r\n" + strings.Repeat("a b ", 90_000) + "\r\n--b--\r\n"
	var many strings.Builder
	for i := range 300 {
		fmt.Fprintf(&many, "&p%d=a+b+%d", i, i)
	}
	lost := "/?" + many.String()
	if found := readBy(t, newWindow(app), request("POST", "/", "multipart/form-data; boundary=b", photo), grown); len(found) != 0 {
		t.Errorf("a photo: got %+v, want nothing", found)
	}
	if found := readBy(t, newWindow(app), request("GET", lost, "", ""), "UPDATE p SET a = CASE WHEN id = 1 THEN 'x' WHEN id = 2 THEN 'y' ELSE NULL END WHERE id IN (1, 2)"); len(found) != 0 {
		t.Errorf("a bulk update: got %+v, want nothing", found)
	}
	for name, beside := range map[string]string{"another request": "/search?name=x", "a request of a route left alone": "/console"} {
		w := newWindow(app)
		w.Except([]Route{{Path: "/console", Taint: "off"}})
		while(t, w, map[string]string{beside: "198.51.100.9"}, func() {
			if found := readBy(t, w, request("GET", lost, "", ""), grown); len(found) != 0 {
				t.Errorf("%s in flight: got %+v, want nothing: it may be that one's", name, found)
			}
		})
	}
	w := newWindow(app)
	while(t, w, map[string]string{lost: "203.0.113.7"}, func() {})
	s := screen.Read(grown, screen.Options{})
	defer s.Release()
	if found := accusing(w.Rule().Check(s)); len(found) != 0 {
		t.Errorf("after its end: got %+v, want nothing", found)
	}
}

// TestSearchGivenUpForTime looks at what a search that did not come to its end means, by the setting.
func TestSearchGivenUpForTime(t *testing.T) {
	app := learnedFrom(t, "SELECT * FROM p WHERE name = 'x' AND shop = 1")
	for _, c := range []struct {
		fail, sql string
		refuses   bool
	}{
		{"open", "SELECT * FROM p WHERE name = 'x' OR 'a' < 'b' AND shop = 1", false},
		{"closed", "SELECT * FROM p WHERE name = 'x' OR 'a' < 'b' AND shop = 1", true},
		{"closed", "SELECT count(*) FROM p", false},
	} {
		s := Defaults()
		s.Budget, s.Fail = time.Nanosecond, c.fail
		w := New(s, Parts{Model: app})
		for range 9 {
			keepValues(w, []string{"a; b", "c; d"})
		}
		stmt := screen.Read(c.sql, screen.Options{})
		found := accusing(w.check(stmt))
		if got := screen.Weight(found) >= screen.Refuse; got != c.refuses || got && (!found[0].Learned || found[0].Crossing != nil) {
			t.Errorf("%s, %s: got %+v, want it to refuse %t and nobody named", c.fail, c.sql, found, c.refuses)
		}
		stmt.Release()
		if w.Snapshot().OverBudget != 1 {
			t.Errorf("%s: given up %d times, want once", c.fail, w.Snapshot().OverBudget)
		}
	}
	s := Defaults()
	if s.Fail = "shut"; len(s.Validate()) != 1 {
		t.Errorf("fail: shut: got %v, want one mistake", s.Validate())
	}
}

// TestOneRequestThatTakesAllTheTimeIsGivenUp: the values of a single request may be too many, too.
func TestOneRequestThatTakesAllTheTimeIsGivenUp(t *testing.T) {
	s := Defaults()
	s.Budget = time.Nanosecond
	w := New(s, Parts{})
	values := make([]string, 200)
	for i := range values {
		values[i] = fmt.Sprintf("a = %d;", i)
	}
	keepValues(w, values)
	stmt := screen.Read("SELECT 1", screen.Options{})
	defer stmt.Release()
	w.check(stmt)
	if got := w.Snapshot().OverBudget; got != 1 {
		t.Errorf("given up %d times, want once", got)
	}
}

// TestVeryLongStatementsAreNotReadAgain: a counterfactual reading of them would take longer than the search may.
func TestVeryLongStatementsAreNotReadAgain(t *testing.T) {
	for rows, asks := range map[int]bool{10: true, maxTokens: false} {
		model := &counting{}
		w := New(Defaults(), Parts{Model: model})
		keepValues(w, []string{"1 OR b"})
		stmt := screen.Read("SELECT * FROM p WHERE a = 1 OR b AND id IN (1"+strings.Repeat(",1", rows)+")", screen.Options{})
		w.check(stmt)
		stmt.Release()
		if (model.asked > 0) != asks {
			t.Errorf("%d values: the model was asked %d times, want it asked %t", rows, model.asked, asks)
		}
	}
}

// TestEvidenceTellsLengthAndKeyedHashOfTheValue lets two findings be compared without either value.
func TestEvidenceTellsLengthAndKeyedHashOfTheValue(t *testing.T) {
	w, other := newWindow(nil), newWindow(nil)
	hash := func(w *Window, input string) string {
		var found []screen.Finding
		while(t, w, map[string]string{"/search?q=" + url.QueryEscape(input): "203.0.113.7"}, func() {
			s := screen.Read("SELECT '"+input+"'", screen.Options{})
			defer s.Release()
			found = accusing(w.Rule().Check(s))
		})
		if len(found) == 0 || found[0].Crossing.Length != len(input) || found[0].Crossing.Hash == "" {
			t.Fatalf("%s: got %+v, want length and hash of the value", input, found)
		}
		return found[0].Crossing.Hash
	}
	a, again, b, elsewhere := hash(w, "x' OR '1'='1"), hash(w, "x' OR '1'='1"), hash(w, "x' OR '1'='2"), hash(other, "x' OR '1'='1")
	if a != again || a == b || a == elsewhere {
		t.Errorf("got %s, %s, %s and in another window %s; want the same for the same value, and another under another key", a, again, b, elsewhere)
	}
}

// TestCompressedBodyWithoutItsEndConfirmsGrowth withholds the end of a chunked body: the app has read all that is compressed in it, the
// window has not.
func TestCompressedBodyWithoutItsEndConfirmsGrowth(t *testing.T) {
	app := learnedFrom(t, "SELECT * FROM p WHERE name = 'x' AND shop = 1")
	var zipped bytes.Buffer
	gz := gzip.NewWriter(&zipped)
	_, _ = gz.Write([]byte(`{"name":"x' OR 'a' < 'b"}`))
	_ = gz.Close()
	for _, whole := range []bool{false, true} {
		r := httptest.NewRequest("POST", "/", bytes.NewReader(zipped.Bytes()))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Content-Encoding", "gzip")
		r.ContentLength = -1
		w := newWindow(app)
		end := w.Follow(r, "r1", "203.0.113.7")
		if _, err := io.ReadFull(r.Body, make([]byte, zipped.Len())); err != nil {
			t.Fatal(err)
		}
		if whole {
			if n, err := r.Body.Read(make([]byte, 1)); n != 0 || err != io.EOF {
				t.Fatalf("got %d bytes and %v, want the end", n, err)
			}
		}
		s := screen.Read("SELECT * FROM p WHERE name = 'x' OR 'a' < 'b' AND shop = 1", screen.Options{})
		found := accusing(w.check(s))
		s.Release()
		if len(found) != 1 || found[0].Weight != screen.Refuse || (found[0].Crossing.Param == "name") != whole {
			t.Errorf("whole %t: got %+v, want it confirmed, by the value only where the end came", whole, found)
		}
		end()
	}
}
