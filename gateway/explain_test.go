package gateway

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/config"
)

// fromFile reads text as a settings file, so that settings have places, and puts it on free ports.
func fromFile(t *testing.T, text string) func(*config.Config) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "shop.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(config.Sources{File: file})
	if err != nil {
		t.Fatal(err)
	}
	return func(c *config.Config) {
		app := c.HTTP.App.URL
		*c = cfg
		c.HTTP.Listen, c.Admin.Listen, c.HTTP.App.URL = "127.0.0.1:0", "127.0.0.1:0", app
	}
}

// steps are the decisions about the request that a was the answer to, one a line.
func (h *house) steps(a answer) string {
	h.t.Helper()
	var x explainAnswer
	h.get("admin", "/api/hardening/explain?id="+url.QueryEscape(a.header.Get("X-Request-Id"))).json(h.t, &x)
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %d\n", x.Request.Method, x.Request.Path, x.Request.Status)
	for _, d := range x.Decisions {
		fmt.Fprintf(&b, "%s: %s [%s = %s, %s]\n", d.Stage, d.Verdict, d.Setting, d.Value, filepath.Base(d.Origin))
	}
	return b.String()
}

func TestExplainTellsEachDecisionWithThePlaceOfItsSetting(t *testing.T) {
	h := open(t, hello, fromFile(t, "version: 1\nhttp:\n  body_max: 1KB\n  rate_limit:\n    policies:\n    - {name: login, path: /login, methods: [POST], requests: 1, per: 1m}\n  header_rules:\n    X-Frame-Options: {value: SAMEORIGIN}\n"))
	for _, c := range []struct {
		got  answer
		want []string
	}{
		{h.do("http", http.MethodPost, "/login", nil), []string{"POST /login 200", "within the budget (policy login, 0 left of 1) [http.rate_limit.policies[0] = ", ", shop.yaml:6:8]", "passed to the app [http.upstream"}},
		{h.do("http", http.MethodPost, "/login", nil), []string{"POST /login 429", "rate-limit: refused: the budget is spent", "shop.yaml:6:8]"}},
		{h.get("http", "/login?secret=1"), []string{"GET /login 200", "(policy default, 99 left of 100) [http.rate_limit.requests = 100, default]", "[http.header_rules = ", "shop.yaml:7:3]"}},
		{h.do("http", http.MethodPost, "/", strings.NewReader(strings.Repeat("x", 2000))), []string{"413", "body-size: refused: Content-Length is above it [http.body_max = 1KB, shop.yaml:3:3]"}},
		{h.do("http", http.MethodPost, "/", notSized{strings.NewReader(strings.Repeat("x", 2000))}), []string{"413", "body-size: refused: the body came larger than it [http.body_max = 1KB, shop.yaml:3:3]"}},
		{h.get("http", "/api/hardening/metrics"), []string{"404", "reserved: refused: the admin API is not served here [admin.on_door = ", "default]"}},
	} {
		got := h.steps(c.got)
		for _, want := range c.want {
			if !strings.Contains(got, want) {
				t.Errorf("want %q in\n%s", want, got)
			}
		}
		if strings.Contains(got, "secret") {
			t.Errorf("a query is told:\n%s", got)
		}
	}
	if got := h.get("admin", "/api/hardening/explain?id=00000000000000000000000000000000").status; got != 404 {
		t.Errorf("unknown id: got %d, want 404", got)
	}
}

// notSized hides the length of a body, so that it is sent in chunks.
type notSized struct{ io.Reader }

func TestExplainTellsTheSettingsThatHeldThen(t *testing.T) {
	h, next := reloading(t, hello)
	before := h.get("http", "/")
	offer(h, next, func(c *config.Config) { c.HTTP.Door.Headers = "relaxed" })
	if _, err := h.Reload(); err != nil {
		t.Fatal(err)
	}
	after := h.get("http", "/")
	if got := h.steps(before); !strings.Contains(got, "[http.headers = strict") {
		t.Errorf("before the reload: got\n%s\nwant strict", got)
	}
	if got := h.steps(after); !strings.Contains(got, "[http.headers = relaxed") {
		t.Errorf("after the reload: got\n%s\nwant relaxed", got)
	}
	for range settingsKept {
		if _, err := h.Reload(); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(h.past); got != settingsKept {
		t.Errorf("settings kept: got %d generations, want %d", got, settingsKept)
	}
}

func TestDeadAppIsExplained(t *testing.T) {
	h := open(t, hello, func(c *config.Config) { c.HTTP.App.URL, c.HTTP.App.Retry.Attempts = "http://127.0.0.1:1", 1 })
	if got := h.steps(h.do("http", http.MethodPost, "/", nil)); !strings.Contains(got, "upstream: refused: the app failed [http.upstream = http://127.0.0.1:1") &&
		!strings.Contains(got, "upstream: refused: the circuit to the app is open [http.breaker.failures = 5") {
		t.Errorf("got\n%s\nwant the app's failure", got)
	}
}
