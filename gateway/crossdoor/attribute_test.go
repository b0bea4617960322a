package crossdoor

import (
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"sallyport/dbguard/screen"
)

const (
	traceA = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	traceB = "00-11111111111111111111111111111111-b7ad6b7169203331-01"
)

// visitor is one request in flight.
type visitor struct{ client, target, trace string }

// told is what the rule says of sql while visitors are in flight: the client, a colon and the verdict of each finding, sorted; "?" marks
// those that may not be held.
func told(w *Window, sql string, visitors ...visitor) (all []string) {
	if len(visitors) > 0 {
		engine := gin.New()
		v := visitors[0]
		engine.Use(func(c *gin.Context) { c.Set("client", v.client) }, w.Stage())
		engine.NoRoute(func(*gin.Context) { all = told(w, sql, visitors[1:]...) })
		r := httptest.NewRequest("GET", v.target, nil)
		if v.trace != "" {
			r.Header.Set("Traceparent", v.trace)
		}
		engine.ServeHTTP(httptest.NewRecorder(), r)
		return all
	}
	s := screen.Read(sql, screen.Options{})
	defer s.Release()
	for _, f := range w.check(s) {
		text := f.Crossing.Client + ":" + f.Crossing.Verdict
		if f.Crossing.Ambiguous {
			text += "?"
		}
		all = append(all, text)
	}
	slices.Sort(all)
	return all
}

// Who is in flight alone is named as the only one that may have sent a statement: one that was when it came, not one that is left when
// all is read.
func TestARequestThatEndedMeanwhileWasInFlight(t *testing.T) {
	w := newWindow(nil)
	one, other := w.room(httptest.NewRequest("GET", "/a", nil), "1", "a"), w.room(httptest.NewRequest("GET", "/b", nil), "2", "b")
	entries, n := w.running(nil)
	w.close(one, false)
	if sole := w.soleEntry(entries[:n]); sole != nil {
		t.Errorf("%s is named alone, and two were in flight", sole.client)
	}
	entries, n = w.running(entries[:0])
	if sole := w.soleEntry(entries[:n]); sole != other {
		t.Errorf("named alone: got %v, want the one in flight", sole)
	}
}

func TestStatementsAreAttributed(t *testing.T) {
	const attack = "/search?q=x%27+OR+%27a%27%3D%27a"
	const sql = "SELECT * FROM p WHERE name = 'x' OR 'a'='a'"
	known := appShowed("SELECT * FROM p WHERE name = 'x'", "SELECT * FROM p WHERE name = 'x' /*its trace*/")
	for _, tc := range []struct {
		name     string
		sql      string
		visitors []visitor
		want     []string
	}{
		{"one in flight", "SELECT 1 OR 2", []visitor{{"a", "/", ""}}, []string{"a:alone"}},
		{"two in flight", "SELECT 1 OR 2", []visitor{{"a", "/", ""}, {"b", "/", ""}}, nil},
		{"its trace in a comment", "SELECT 1 OR 2 /*app='shop',traceparent='" + traceA + "'*/", []visitor{{"a", "/", traceB}, {"b", "/", traceA}}, []string{"b:traced"}},
		{"a trace that two have", "SELECT 1 OR 2 /*traceparent='" + traceA + "'*/", []visitor{{"a", "/", traceA}, {"b", "/", traceA}}, nil},
		{"a trace that nobody has", "SELECT 1 OR 2 /*traceparent='" + traceA + "'*/", []visitor{{"a", "/", ""}, {"b", "/", ""}}, nil},
		{"confirmed and traced", sql + " /*traceparent='" + traceA + "'*/", []visitor{{"a", attack, traceA}, {"b", attack, traceB}}, []string{"a:confirmed", "a:traced"}},
		{"confirmed, traced to another", sql + " /*traceparent='" + traceA + "'*/", []visitor{{"a", attack, traceB}, {"b", "/", traceA}}, []string{"a:confirmed?", "b:traced"}},
		{"both carry it", sql, []visitor{{"a", attack, ""}, {"b", attack + "&z=1", ""}}, []string{"a:confirmed", "b:confirmed"}},
		{"in a literal, where it belongs", "SELECT 'O''Brien &c', 1 OR 2 FROM x", []visitor{{"a", "/?n=" + url.QueryEscape("O'Brien &c"), ""}, {"b", "/", ""}}, []string{"a:contained"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := told(newWindow(known), tc.sql, tc.visitors...); !slices.Equal(got, tc.want) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func TestTraceThatAClientWroteIntoTheStatementNamesNobody(t *testing.T) {
	input := "x' OR 'a'='a' /*traceparent='" + traceB + "'*/--"
	got := told(newWindow(nil), "SELECT * FROM p WHERE name = '"+input+"'", visitor{"a", "/?q=" + url.QueryEscape(input), traceA}, visitor{"b", "/", traceB})
	if want := []string{"a:hard"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestRoutesAreLeftAloneAsTheSettingsSay(t *testing.T) {
	const q = "?q=x%27+OR+%271%27%3D%271"
	const sql = "SELECT * FROM p WHERE name = 'x' OR '1'='1'"
	for target, want := range map[string][]string{
		"/admin/sql" + q: nil, "/admin/sql/run" + q: nil, "/admin/sqlite" + q: {"a:alone", "a:hard"},
		"/reports/new" + q: {"a:alone", "a:seen"}, "/search" + q: {"a:alone", "a:hard"},
		// paths that an app may read as another route
		"/admin/sql/../../search" + q: {"a:alone", "a:hard"}, "/admin/sql/%2e%2e/search" + q: {"a:alone", "a:hard"}, "/admin/sql//x" + q: {"a:alone", "a:hard"},
	} {
		w := newWindow(nil)
		w.Except([]Route{{"/admin/sql", "off"}, {"/reports/", "observe"}})
		if got := told(w, sql, visitor{"a", target, ""}); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", target, got, want)
		}
	}
	for _, bad := range []Route{{"admin", "off"}, {"/a/../b", "off"}, {"/a b", "off"}, {"/a", "no"}, {"/a", ""}} {
		if len(bad.Validate()) != 1 {
			t.Errorf("%+v: got %v, want one mistake", bad, bad.Validate())
		}
	}
}

func TestEvidenceHoldsNoValuesWhereClientsChooseNames(t *testing.T) {
	w := newWindow(nil)
	w.name = func(method, _ string) string { return method + " /*" }
	input := "x' OR '1'='1"
	found := accusing(nil)
	engine := gin.New()
	engine.Use(w.Stage())
	engine.NoRoute(func(*gin.Context) {
		s := screen.Read("SELECT 'x' OR '1'='1'", screen.Options{})
		defer s.Release()
		found = accusing(w.check(s))
	})
	engine.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/secret%20thing?"+url.QueryEscape("my secret")+"="+url.QueryEscape(input), nil))
	if len(found) != 1 || found[0].Crossing.Param != "(unusual)" || found[0].Crossing.Route != "GET /*" {
		t.Errorf("got %+v, want a route and a parameter without the client's words", found)
	}
}

func TestRequestsThatEndedTakeNeitherTimeNorRoomOfThoseInFlight(t *testing.T) {
	const attack = "/search?q=x%27+OR+%27a%27%3D%27a"
	w := newWindow(nil)
	w.settings.Requests = 3000
	statement := "SELECT * FROM p WHERE name = 'x' OR 'a'='a' AND kind = '" + strings.Repeat("value of a request: O'Brien ", 200) + "'"
	for range w.settings.Requests {
		told(w, "", visitor{"b", "/?q=value+of+a+request:+O%27Brien&z=a+request:+O%27Brien+v", ""})
	}
	var got []string
	for range 5 { // the machine may be busy: the best of five
		if got = told(w, statement, visitor{"a", attack, ""}); slices.Contains(got, "a:hard") {
			break
		}
	}
	if !slices.Contains(got, "a:hard") || !slices.Contains(got, "a:alone") {
		t.Errorf("got %v, want the attacker found among %d requests that ended", got, w.Snapshot().InFlight)
	}
	if n := w.Snapshot().Full; n != 0 {
		t.Errorf("%d requests found no room, want late ones to make it", n)
	}
}
