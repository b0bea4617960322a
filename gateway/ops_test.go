package gateway

import (
	"flag"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"sallyport/config"
)

var update = flag.Bool("update", false, "write the golden files anew")

// shape lists every key path of v with its JSON type. Objects keyed by data (checks, detail, totals) are listed as they are;
// of lists only the first element counts.
func shape(path string, v any, into *[]string) {
	switch v := v.(type) {
	case map[string]any:
		*into = append(*into, path+" object")
		for k, inner := range v {
			shape(path+"."+k, inner, into)
		}
	case []any:
		*into = append(*into, path+" array")
		if len(v) > 0 {
			shape(path+"[]", v[0], into)
		}
	case string:
		*into = append(*into, path+" string")
	case float64:
		*into = append(*into, path+" number")
	case bool:
		*into = append(*into, path+" boolean")
	case nil:
		*into = append(*into, path+" null")
	}
}

func TestShapesAreFrozen(t *testing.T) {
	h := open(t, hello, func(c *config.Config) { c.HTTP.Door.RateLimit.Requests = 1 })
	h.get("http", "/")
	h.get("http", "/")
	for _, path := range []string{"metrics", "database", "security", "health", "events", "history", "settings", "tunnel", "app", "alerts", "csp"} {
		got := h.get("admin", "/api/hardening/"+path)
		if got.status != 200 {
			t.Errorf("%s: got %d %s, want 200", path, got.status, got.body)
			continue
		}
		if v := got.header.Get("X-Hardening-Api"); v != "1" {
			t.Errorf("%s: X-Hardening-Api: got %q, want 1", path, v)
		}
		var v any
		got.json(t, &v)
		golden(t, path, v)
	}
	reset := h.do("admin", "POST", "/api/hardening/database/reset-metrics", nil)
	var v any
	reset.json(t, &v)
	golden(t, "reset-metrics", v)
}

// frozen compares the shapes of the named answers with their files.
func (h *house) frozen(names ...string) {
	h.t.Helper()
	for _, name := range names {
		var v any
		h.get("admin", "/api/hardening/"+name).json(h.t, &v)
		golden(h.t.(*testing.T), name, v)
	}
}

// golden compares the shape of v with the file, where every line must still be there: keys may be added by writing the file
// anew, never renamed or retyped.
func golden(t *testing.T, name string, v any) {
	t.Helper()
	var lines []string
	shape("$", v, &lines)
	slices.Sort(lines)
	got := strings.Join(lines, "\n") + "\n"
	file := filepath.Join("testdata", "shapes", name+".txt")
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: the answer's shape changed (go test -run Shapes -update writes it anew; never drop or retype a key)\ngot:\n%s\nwant:\n%s", name, got, want)
	}
}

func TestMetricsCountWhatWasDone(t *testing.T) {
	h := open(t, hello, func(c *config.Config) { c.HTTP.Door.RateLimit.Requests, c.HTTP.Door.BodyMax = 5, 10 })
	h.do("http", "POST", "/", strings.NewReader("more than ten bytes"))
	for range 6 {
		h.get("http", "/")
	}
	var m metricsAnswer
	h.get("admin", "/api/hardening/metrics").json(t, &m)
	s := m.Hardening.Server.Metrics
	if s.RequestsTotal != 7 || s.TooLarge != 1 || s.RateLimited < 1 || s.RequestsInFlight != 0 {
		t.Errorf("server metrics: got %+v, want 7 requests, 1 too large, at least 1 rate limited, none in flight", s)
	}
	if s.Memory.RSS < 1<<20 || s.Memory.HeapUsed == 0 || s.Memory.HeapTotal < s.Memory.HeapUsed || s.P95Latency <= 0 || s.Uptime <= 0 {
		t.Errorf("server metrics: got %+v, want real memory, latency and uptime", s)
	}
	sec := m.Hardening.Server.Security
	if !sec.HelmetEnabled || !sec.RateLimitEnabled || sec.BodyLimitBytes != 10 || !slices.Contains(sec.Headers, "X-Frame-Options") || sec.CORSConfigured {
		t.Errorf("server security: got %+v, want what the settings say", sec)
	}
	if m.Status != healthy || m.APIVersion != "1" || m.Hardening.Database.Metrics.SuccessRate != "100.00%" || m.Hardening.Tunnel.Mode != "off" {
		t.Errorf("metrics: got %+v", m)
	}
}

func TestWrongMethodIs405WithAllow(t *testing.T) {
	h := open(t, hello)
	for path, c := range map[string]struct{ method, allow string }{
		"/api/hardening/database/reset-metrics": {"GET", "POST"},
		"/-/reload":                             {"GET", "POST"},
		"/api/hardening/metrics":                {"POST", "GET"},
	} {
		got := h.do("admin", c.method, path, nil)
		if got.status != 405 || !strings.Contains(got.header.Get("Allow"), c.allow) {
			t.Errorf("%s %s: got %d, Allow %q; want 405, %s", c.method, path, got.status, got.header.Get("Allow"), c.allow)
		}
		wantProblem(t, got)
	}
}

func wantProblem(t *testing.T, a answer) {
	t.Helper()
	var p problem
	a.json(t, &p)
	if a.header.Get("Content-Type") != "application/problem+json" || p.Status != a.status || p.Timestamp == "" || p.Title == "" {
		t.Errorf("problem: got %s %q, want application/problem+json with status %d and a timestamp", a.header.Get("Content-Type"), a.body, a.status)
	}
}

func TestAdminListenerIsGuarded(t *testing.T) {
	h := open(t, hello)
	_, port, _ := net.SplitHostPort(h.at.Admin)
	for _, c := range []struct {
		name, method, path string
		headers            []string
		want               int
	}{
		{"own host", "GET", "/api/hardening/metrics", nil, 200},
		{"localhost", "GET", "/api/hardening/metrics", []string{"Host", "localhost:" + port}, 200},
		{"rebound name", "GET", "/api/hardening/metrics", []string{"Host", "evil.example:" + port}, 421},
		{"another port", "GET", "/api/hardening/metrics", []string{"Host", "127.0.0.1:1"}, 421},
		{"another address", "GET", "/api/hardening/metrics", []string{"Host", "127.0.0.2:" + port}, 421},
		{"by Cloudflare", "GET", "/api/hardening/metrics", []string{"CF-Ray", "x"}, 404},
		{"by Cloudflare, client named", "GET", "/api/hardening/metrics", []string{"CF-Connecting-IP", "192.0.2.1"}, 404},
		{"by Cloudflare, health", "GET", "/livez", []string{"CF-Ray", "x"}, 404},
		{"by Cloudflare, page", "GET", "/", []string{"CF-Ray", "x"}, 404},
		{"own page's action", "POST", "/api/hardening/database/reset-metrics", []string{"Origin", "http://" + h.at.Admin, "Sec-Fetch-Site", "same-origin"}, 200},
		{"no browser", "POST", "/api/hardening/database/reset-metrics", nil, 200},
		{"another site's action", "POST", "/api/hardening/database/reset-metrics", []string{"Origin", "https://evil.example"}, 403},
		{"an opaque origin's action", "POST", "/api/hardening/database/reset-metrics", []string{"Origin", "null"}, 403},
		{"another site's fetch", "POST", "/api/hardening/database/reset-metrics", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"same site, other origin", "POST", "/api/hardening/database/reset-metrics", []string{"Sec-Fetch-Site", "same-site"}, 403},
		{"probe with any host", "GET", "/livez", []string{"Host", "10.1.2.3:80"}, 200},
		{"ready with any host", "GET", "/readyz", []string{"Host", "pod"}, 200},
		{"unknown", "GET", "/api/hardening/nothing", nil, 404},
		{"unknown, by a rebound name", "GET", "/api/hardening/nothing", []string{"Host", "evil.example"}, 421},
	} {
		got := h.do("admin", c.method, c.path, nil, c.headers...)
		if got.status != c.want {
			t.Errorf("%s: got %d %s, want %d", c.name, got.status, got.body, c.want)
		}
		if c.want >= 400 {
			wantProblem(t, got)
		}
	}
}

func TestTokenIsAskedForFromAnotherMachine(t *testing.T) {
	own := ownAddress(t)
	h := open(t, hello, func(c *config.Config) {
		c.Admin.Listen, c.Admin.TokenFile = own+":0", secret(t, "s3same")
	})
	for _, c := range []struct {
		authorization string
		want          int
	}{{"", 401}, {"Bearer wrong", 401}, {"Bearer s3same", 200}, {"Basic OnMzc2FtZQ==", 200}, {"s3same", 401}} {
		got := h.get("admin", "/api/hardening/metrics", "Authorization", c.authorization)
		if got.status != c.want {
			t.Errorf("Authorization %q: got %d, want %d", c.authorization, got.status, c.want)
		}
	}
	if got := h.get("admin", "/metrics", "Authorization", "Bearer s3same", "Host", "gateway:9901"); got.status != 200 {
		t.Errorf("another name with the token: got %d, want 200", got.status)
	}
	if got := h.get("admin", "/livez"); got.status != 200 {
		t.Errorf("/livez without the token: got %d, want 200", got.status)
	}
}

// ownAddress is an address of this machine that is not on loopback.
func ownAddress(t *testing.T) string {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() && n.IP.To4() != nil {
			return n.IP.String()
		}
	}
	t.Fatal("this machine has no address but loopback: the token cannot be tested")
	return ""
}

func TestResetIsJournalledAndPrometheusGoesOn(t *testing.T) {
	h := open(t, hello)
	h.get("http", "/")
	got := h.do("admin", "POST", "/api/hardening/database/reset-metrics", nil)
	var a resetAnswer
	got.json(t, &a)
	if got.status != 200 || a.ResetAt == "" || a.Previous.SuccessRate == "" {
		t.Errorf("reset: got %d %s", got.status, got.body)
	}
	if !strings.Contains(h.kinds(), "metrics-reset") {
		t.Errorf("events: got %s, want metrics-reset", h.kinds())
	}
	if body := h.get("admin", "/metrics").body; !strings.Contains(body, "sallyport_http_requests_total 1\n") {
		t.Errorf("prometheus: the counter went back\n%s", body)
	}
}

func TestPrometheusNamesAreCleanAndNoVisitorIsInThem(t *testing.T) {
	h := open(t, hello, func(c *config.Config) { c.HTTP.Door.RateLimit.Requests = 1 })
	h.get("http", "/planted-path", "CF-Connecting-IP", "192.0.2.77")
	h.get("http", "/planted-path", "CF-Connecting-IP", "192.0.2.77")
	body := h.get("admin", "/metrics").body
	problems, err := promlint.New(strings.NewReader(body)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v %v", err, problems)
	}
	for _, secret := range []string{"planted", "192.0.2"} {
		if strings.Contains(body, secret) {
			t.Errorf("metrics hold %q", secret)
		}
	}
	for line := range strings.Lines(body) {
		if !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "sallyport_") {
			t.Errorf("metric %q does not begin with sallyport_", line)
		}
	}
	if !strings.Contains(body, `sallyport_http_refused_total{reason="rate_limit"} 1`) || !strings.Contains(body, "sallyport_process_resident_memory_bytes") {
		t.Errorf("metrics: got %s, want one refusal counted and the process's memory", body)
	}
}

func TestHealthTellsThatTheAppIsDown(t *testing.T) {
	h := open(t, hello, func(c *config.Config) { c.HTTP.App.URL = "http://127.0.0.1:1" })
	var a healthAnswer
	eventually(t, "the app is found down", func() bool {
		got := h.get("admin", "/api/hardening/health")
		got.json(t, &a)
		return got.status == http.StatusServiceUnavailable
	})
	if a.Status != unhealthy || a.Checks["app"].Status != unhealthy || a.Checks["doors"].Status != healthy {
		t.Errorf("health: got %+v, want the app unhealthy and the doors healthy", a)
	}
	if got := h.get("http", "/"); got.status != 502 && got.status != 503 {
		t.Errorf("the door: got %d, want 502 or 503", got.status)
	}
	eventually(t, "the events say so", func() bool { return strings.Contains(h.kinds(), "app-down") })
}

func TestHoldIsReleased(t *testing.T) {
	h := open(t, hello)
	h.visitors.Holds.Hold("192.0.2.9", h.clock().Add(sentenceFor), "caught")
	if got := h.get("http", "/", "CF-Connecting-IP", "192.0.2.9"); got.status != 403 || got.header.Get("Retry-After") == "" {
		t.Errorf("held client: got %d, want 403 with Retry-After", got.status)
	}
	var sec securityAnswer
	h.get("admin", "/api/hardening/security").json(t, &sec)
	if len(sec.Holds) != 1 || sec.Holds[0].Client != "192.0.2.9" {
		t.Errorf("holds: got %+v, want the client", sec.Holds)
	}
	for i, want := range []bool{true, false} {
		var a releaseAnswer
		h.do("admin", "POST", "/api/hardening/security/release", strings.NewReader(`{"client":"192.0.2.9"}`)).json(t, &a)
		if a.Released != want {
			t.Errorf("release %d: got %v, want %v", i+1, a.Released, want)
		}
	}
	if got := h.get("http", "/", "CF-Connecting-IP", "192.0.2.9"); got.status != 200 {
		t.Errorf("released client: got %d, want 200", got.status)
	}
	if got := h.do("admin", "POST", "/api/hardening/security/release", strings.NewReader(`{}`)); got.status != 400 {
		t.Errorf("nobody named: got %d, want 400", got.status)
	}
}

func TestEventsAreChosen(t *testing.T) {
	h := open(t, hello)
	for _, c := range []struct {
		query string
		want  int
	}{{"?kind=started", 200}, {"?limit=0", 400}, {"?limit=x", 400}, {"?after=x", 400}, {"?from=yesterday", 400}, {"?to=x", 400}} {
		if got := h.get("admin", "/api/hardening/events"+c.query); got.status != c.want {
			t.Errorf("%s: got %d, want %d", c.query, got.status, c.want)
		}
	}
	var a eventsAnswer
	h.get("admin", "/api/hardening/events?kind=started").json(t, &a)
	if len(a.Events) != 1 || a.Source != "memory" {
		t.Errorf("events: got %+v, want the start, from memory", a)
	}
	if got := h.get("admin", "/api/hardening/history?range=2h"); got.status != 400 {
		t.Errorf("unknown range: got %d, want 400", got.status)
	}
	if got := h.get("admin", "/api/hardening/compliance"); got.status != 409 {
		t.Errorf("compliance without a history: got %d, want 409", got.status)
	}
}
