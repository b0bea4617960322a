package middleware

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
)

// reporting is a door whose collector is mounted as the gateway mounts it.
func reporting(t *testing.T, st *State) string {
	t.Helper()
	gin.SetMode(gin.ReleaseMode)
	chain, err := Chain(Defaults(), Parts{State: st})
	if err != nil {
		t.Fatal(err)
	}
	e := gin.New()
	e.Use(chain...)
	e.Any(ReportsPath, st.Reports.Serve)
	return serve(t, e)
}

func post(t *testing.T, url, kind, client, body string) int {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, url+ReportsPath, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	r.Header.Set("CF-Connecting-IP", client)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func legacy(directive, blocked string) string {
	return fmt.Sprintf(`{"csp-report":{"document-uri":"https://shop.example/a?secret=1","effective-directive":%q,"blocked-uri":%q,"disposition":"report"}}`, directive, blocked)
}

func TestReportsOfBothKindsAreCountedOnce(t *testing.T) {
	st := NewState(nil)
	url := reporting(t, st)
	modern := `[{"type":"csp-violation","body":{"documentURL":"https://shop.example/a","effectiveDirective":"img-src","blockedURL":"https://img.example/x.png?q=1","disposition":"report"}},{"type":"deprecation","body":{}}]`
	if got := post(t, url, "application/reports+json", "203.0.113.1", modern); got != http.StatusNoContent {
		t.Fatalf("got %d, want 204", got)
	}
	if got := post(t, url, "application/csp-report", "203.0.113.2", legacy("img-src", "https://img.example/y.png")); got != http.StatusNoContent {
		t.Fatalf("got %d, want 204", got)
	}
	list := st.Reports.List()
	if len(list) != 1 || list[0].Count != 2 || list[0].Blocked != "https://img.example" || list[0].Page != "/a" || !list[0].Several {
		t.Errorf("got %+v, want one violation that two clients reported", list)
	}
}

func TestWhatIsNoReportIsRefused(t *testing.T) {
	st := NewState(nil)
	url := reporting(t, st)
	cases := []struct {
		kind, body string
		want       int
	}{
		{"text/html", legacy("img-src", "data"), http.StatusBadRequest},
		{"", legacy("img-src", "data"), http.StatusBadRequest},
		{"application/csp-report", "{", http.StatusBadRequest},
		{"application/reports+json", `{"type":"csp-violation"}`, http.StatusBadRequest},
		{"application/csp-report", strings.Repeat(" ", maxReportBytes+1), http.StatusRequestEntityTooLarge},
		{"application/csp-report", legacy("img-src; script-src *", "data"), http.StatusNoContent},
	}
	for _, k := range cases {
		if got := post(t, url, k.kind, "203.0.113.1", k.body); got != k.want {
			t.Errorf("%s %.40s: got %d, want %d", k.kind, k.body, got, k.want)
		}
	}
	if got := st.Reports.List(); len(got) != 0 {
		t.Errorf("got %+v, want none kept", got)
	}
	resp, err := http.Get(url + ReportsPath)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != "POST" {
		t.Errorf("GET: got %d, Allow %q, want 405 and POST", resp.StatusCode, resp.Header.Get("Allow"))
	}
}

func TestReportsAreBounded(t *testing.T) {
	r := NewReports(newClock().now)
	for i := range 100 {
		r.add(Violation{Directive: "img-src", Blocked: fmt.Sprint(i)}, "a", 10)
	}
	r.add(Violation{Directive: "img-src", Blocked: "3"}, "b", 10)
	if got := len(r.List()); got != 10 {
		t.Errorf("got %d violations, want 10", got)
	}
	if got := r.Dropped(); got != 90 {
		t.Errorf("got %d dropped, want 90", got)
	}
	if first := r.List()[0]; first.Blocked != "3" || first.Count != 2 {
		t.Errorf("got %+v first, want the one that came twice", first)
	}
}

func TestReportsDoNotCostTheVisitorItsPages(t *testing.T) {
	st := NewState(nil)
	url := reporting(t, st)
	for i := range 110 {
		if got := post(t, url, "application/csp-report", "203.0.113.1", legacy("img-src", "data")); got != http.StatusNoContent {
			t.Fatalf("report %d: got %d, want 204", i, got)
		}
	}
	r, _ := http.NewRequest(http.MethodGet, url+"/", nil)
	r.Header.Set("CF-Connecting-IP", "203.0.113.1")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if got := resp.Header.Get("X-RateLimit-Remaining"); got != "99" {
		t.Errorf("got %q requests left, want 99", got)
	}
}

func TestSuggestionAllowsWhatSeveralReportedAndUndoesNothing(t *testing.T) {
	r := NewReports(newClock().now)
	several := []Violation{
		{Directive: "img-src", Blocked: "https://img.example"}, {Directive: "style-src-elem", Blocked: "https://css.example"},
		{Directive: "frame-src", Blocked: "https://pay.example"}, {Directive: "script-src-elem", Blocked: "inline", Page: "/a"},
		{Directive: "script-src", Blocked: "eval", Page: "/b"}, {Directive: "font-src", Blocked: "data"},
		{Directive: "img-src", Blocked: "http://plain.example", Page: "/c"}, {Directive: "img-src", Blocked: "https://x; script-src *", Page: "/d"},
		{Directive: "script-src-elem", Blocked: "data", Page: "/e"}, {Directive: "frame-ancestors", Blocked: "https://framer.example", Page: "/f"},
		{Directive: "form-action", Blocked: "https://phish.example", Page: "/g"}, {Directive: "object-src", Blocked: "blob", Page: "/h"},
	}
	for _, v := range several {
		r.add(v, "a", 100)
		r.add(v, "b", 100)
	}
	for range 1000 {
		r.add(Violation{Directive: "script-src", Blocked: "https://evil.example"}, "forger", 100)
	}
	got := r.Suggest("", false)
	for _, want := range []string{"img-src 'self' data: https://img.example", "style-src 'self' https://css.example", "frame-src 'self' https://pay.example", "font-src 'self' data:", "script-src 'self';"} {
		if !strings.Contains(got.Policy+";", want) {
			t.Errorf("got policy %q, want %q in it", got.Policy, want)
		}
	}
	for _, never := range []string{"evil.example", "unsafe", "plain.example", "*", "framer", "phish", "script-src 'self' data:", "blob:"} {
		if strings.Contains(got.Policy, never) {
			t.Errorf("got policy %q, which allows %q", got.Policy, never)
		}
	}
	if all := r.Suggest("", true); !strings.Contains(all.Policy, "script-src 'self' https://evil.example") || len(all.Doubtful) != 0 {
		t.Errorf("with all: got %+v, want the one client believed", all)
	}
	if !slices.Contains(got.Doubtful, "script-src https://evil.example") {
		t.Errorf("got doubtful %q, want the source that one client reported", got.Doubtful)
	}
	if len(got.Advice) != 8 {
		t.Errorf("got advice %q, want eight sentences", got.Advice)
	}
}

func FuzzReports(f *testing.F) {
	f.Add("application/csp-report", legacy("img-src", "https://img.example/x"))
	f.Add("application/reports+json", `[{"type":"csp-violation","body":{"effectiveDirective":"img-src","blockedURL":"data"}}]`)
	f.Fuzz(func(t *testing.T, kind, body string) {
		found, err := parseReports(kind, strings.NewReader(body))
		if err != nil {
			return
		}
		r := NewReports(newClock().now)
		for _, v := range found {
			if len(v.Blocked) > 2*maxReportField || strings.ContainsAny(v.Blocked+v.Page+v.Directive, "\r\n\x00") {
				t.Errorf("kept %+v, which is no line of text", v)
			}
			r.add(v, "a", 100)
			r.add(v, "b", 100)
		}
		base := len(parsePolicy(reportedPolicy))
		if s := r.Suggest("", false); len(parsePolicy(s.Policy)) > base+len(s.Added) {
			t.Errorf("got policy %q with directives that were smuggled in", s.Policy)
		}
	})
}
