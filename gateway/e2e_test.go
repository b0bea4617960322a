package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"sallyport/config"
	"sallyport/dbguard/localpg"
	"sallyport/gateway/journal"
)

// shop is an app with a hole: it concatenates ?q= into its SQL. Its pool points at the database door.
type shop struct {
	mu   sync.Mutex // guards pool
	pool *pgxpool.Pool
}

func (s *shop) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	pool := s.pool
	s.mu.Unlock()
	if pool == nil {
		_, _ = io.WriteString(w, "opening")
		return
	}
	switch r.URL.Path {
	case "/hash":
		hashBody(w, r)
		return
	case "/live":
		s.live(w)
		return
	}
	rows, err := pool.Query(r.Context(), "select name from product where name = '"+r.URL.Query().Get("q")+"'", pgx.QueryExecModeSimpleProtocol)
	var names []string
	if err == nil {
		names, err = pgx.CollectRows(rows, pgx.RowTo[string])
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		http.Error(w, pg.Code, http.StatusInternalServerError)
		return
	}
	_, _ = fmt.Fprintln(w, names, err)
}

// both is a gateway with both doors, before a shop and a private PostgreSQL.
func both(t *testing.T, changes ...func(*config.Config)) (*house, *shop, *localpg.Server) {
	t.Helper()
	pg := startPostgres(t, "create table product (name text); insert into product values ('apple'), ('pear'), ('secret melon')")
	s := &shop{}
	h, pool := openGuarded(t, s.serve, pg, changes...)
	s.mu.Lock()
	s.pool = pool
	s.mu.Unlock()
	return h, s, pg
}

// url is that of the database door.
func (h *house) url(name, password, database string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(name, password), Host: h.at.Database, Path: "/" + database, RawQuery: "sslmode=disable"}
	return u.String()
}

func (h *house) search(client, q string) answer {
	h.t.Helper()
	return h.get("http", "/search?q="+url.QueryEscape(q), "CF-Connecting-IP", client)
}

func TestInputThatBecomesSQLIsRefusedNamedAndHeldOff(t *testing.T) {
	h, _, _ := both(t)
	for _, q := range []string{"apple", "pear", "melon", "kiwi", "fig"} {
		if got := h.search("192.0.2.1", q); got.status != 200 {
			t.Fatalf("honest search for %s: got %d %s, want 200", q, got.status, got.body)
		}
	}
	const attack = "x' or 'a'='a"
	for range 2 {
		if got := h.search("198.51.100.7", attack); got.status != 500 || strings.TrimSpace(got.body) != "42501" {
			t.Errorf("attack: got %d %s, want the app to be told 42501", got.status, got.body)
		}
	}
	var sec securityAnswer
	eventually(t, "the client is held", func() bool {
		h.get("admin", "/api/hardening/security").json(t, &sec)
		return len(sec.Holds) == 1
	})
	if sec.Holds[0].Client != "198.51.100.7" {
		t.Errorf("held: got %s, want the attacker", sec.Holds[0].Client)
	}
	if got := h.search("198.51.100.7", "apple"); got.status != 403 || got.header.Get("Retry-After") == "" {
		t.Errorf("the attacker's next request: got %d, want 403 with Retry-After", got.status)
	}
	if got := h.search("192.0.2.1", "apple"); got.status != 200 || !strings.Contains(got.body, "apple") {
		t.Errorf("honest client: got %d %s, want the apple", got.status, got.body)
	}
	b := sec.Database.Blocked
	if len(b) != 2 || b[0].Crossing == nil || b[0].Crossing.Param != "q" || b[0].Crossing.Client != "198.51.100.7" || strings.Contains(b[0].Query, "'a'") {
		t.Errorf("blocked: got %+v, want two with the parameter, the client and no literal", b)
	}
	if !strings.Contains(h.kinds(), "client-held") || !strings.Contains(h.kinds(), "cross-door") {
		t.Errorf("events: got %s, want cross-door and client-held", h.kinds())
	}
	for _, path := range []string{"/api/hardening/security", "/api/hardening/database", "/api/hardening/events", "/metrics"} {
		if body := h.get("admin", path).body; strings.Contains(body, "'a'='a") {
			t.Errorf("%s shows the attack's literals", path)
		}
	}
}

func TestDatabaseFiguresAreCountedResetAndNeverGoBackForPrometheus(t *testing.T) {
	h, s, _ := both(t)
	for range 7 {
		h.search("192.0.2.1", "apple")
	}
	if _, err := s.pool.Exec(t.Context(), "select no_such_column"); err == nil {
		t.Error("a wrong query: got no error")
	}
	_, err := s.pool.Exec(t.Context(), "select 1"+strings.Repeat("+1", 25_000))
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Code != "54001" {
		t.Errorf("a query too complex: got %v, want 54001", err)
	}
	m := h.databaseNow(t)
	if m.FailedQueries != 1 || m.BlockedQueries != 1 || m.TotalQueries < 9 || m.SuccessRate == "100.00%" || m.AvgLatency <= 0 || m.P95Latency <= 0 || m.Pool.Max != 10 {
		t.Errorf("metrics: got %+v, want 9 queries or more, 1 failed, 1 blocked", m)
	}
	var reset resetAnswer
	h.do("admin", "POST", "/api/hardening/database/reset-metrics", nil).json(t, &reset)
	if reset.Previous.TotalQueries != m.TotalQueries {
		t.Errorf("previous: got %d, want %d", reset.Previous.TotalQueries, m.TotalQueries)
	}
	if m := h.databaseNow(t); m.TotalQueries != 0 || m.SuccessRate != "100.00%" || !m.Since.After(h.started) {
		t.Errorf("after the reset: got %+v, want zero", m)
	}
	if body := h.get("admin", "/metrics").body; !strings.Contains(body, `sallyport_database_queries_total{outcome="too_complex"} 1`) {
		t.Error("prometheus: the counter of refused queries went back")
	}
	var health healthAnswer
	eventually(t, "the database was looked at", func() bool {
		var d databaseAnswer
		h.get("admin", "/api/hardening/database").json(t, &d)
		return d.Health.Healthy && d.Health.LastCheck != nil
	})
	h.get("admin", "/api/hardening/health").json(t, &health)
	if health.Status != healthy || health.Checks["database"].Status != healthy {
		t.Errorf("health: got %+v, want healthy", health)
	}
}

func (h *house) databaseNow(t *testing.T) (m struct {
	TotalQueries, FailedQueries, BlockedQueries uint64
	AvgLatency, P95Latency                      float64
	SuccessRate                                 string
	Since                                       time.Time
	Pool                                        struct{ Max int }
}) {
	t.Helper()
	var a struct {
		Hardening struct{ Database struct{ Metrics any } }
	}
	a.Hardening.Database.Metrics = &m
	h.get("admin", "/api/hardening/metrics").json(t, &a)
	return m
}

func TestDatabaseThatDiesMakesHealthUnhealthy(t *testing.T) {
	h, _, pg := both(t)
	eventually(t, "the database was found well", func() bool { return h.database.guard.Snapshot().Health.Healthy })
	if err := pg.Stop(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is found ill", func() bool {
		h.search("192.0.2.1", "apple") // dials that fail open the circuit
		return h.get("admin", "/api/hardening/health").status == 503
	})
	if kinds := h.kinds(); !strings.Contains(kinds, "breaker-open") && !strings.Contains(kinds, "database-down") {
		t.Errorf("events: got %s, want the circuit open or the database down", kinds)
	}
}

func TestDatabaseIsCalledDownOnceAndUpOnce(t *testing.T) {
	g, err := New(settings("http://127.0.0.1:1"), Parts{})
	if err != nil {
		t.Fatal(err)
	}
	failures := 0
	for _, well := range []bool{true, false, true, false, false, false, true, true} {
		failures = g.noteLook(well, failures)
	}
	kinds := ""
	for _, e := range g.journal.Newest(10) {
		kinds += e.Kind + " "
	}
	if kinds != "database-up database-down " {
		t.Errorf("events: got %q, want one down after two failures in a row, and one up", kinds)
	}
}

func TestTermEndsDatabaseSessionsWithTheirCode(t *testing.T) {
	h, _, _ := both(t)
	conn, err := pgconn.Connect(t.Context(), h.url("app", "app's password", "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := h.stop(); err != nil {
		t.Errorf("run: %v", err)
	}
	_, err = conn.Exec(t.Context(), "select 1").ReadAll()
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Code != "57P01" {
		t.Errorf("session: got %v, want 57P01", err)
	}
	_ = conn.Close(t.Context())
	if c, err := net.DialTimeout("tcp", h.at.Database, time.Second); err == nil {
		c.Close()
		t.Error("the database door still accepts")
	}
}

func TestFiguresSurviveARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	keep := func(c *config.Config) { c.History = journal.Defaults(); c.History.Path = path }
	first := open(t, hello, keep)
	eventually(t, "the history is open", func() bool { return first.history.Status().Open })
	since := first.databaseNow(t).Since
	for range 5 {
		first.get("http", "/")
	}
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	second := open(t, hello, keep)
	var m metricsAnswer
	eventually(t, "the figures of the first one are there", func() bool {
		second.get("admin", "/api/hardening/metrics").json(t, &m)
		return m.Hardening.Server.Metrics.RequestsTotal == 5
	})
	if got := m.Hardening.Database.Metrics.Since; !got.Equal(since) {
		t.Errorf("since: got %v, want that of the first one, %v", got, since)
	}
	var events eventsAnswer
	second.get("admin", "/api/hardening/events").json(t, &events)
	kinds := ""
	for _, e := range events.Events {
		kinds += e.Kind + " "
	}
	if events.Source != "history" || !strings.Contains(kinds, "stopped started") {
		t.Errorf("events: got %s from %s, want the first one's end and start from the history", kinds, events.Source)
	}
	var report complianceAnswer
	second.get("admin", "/api/hardening/compliance").json(t, &report)
	if report.Totals["requests"] != 5 || len(report.Guards) < 10 || len(report.Changes) < 2 {
		t.Errorf("compliance: got %+v, want 5 requests, every guard and the restarts", report)
	}
	md := second.get("admin", "/api/hardening/compliance?format=md")
	if !strings.Contains(md.body, "| SQL screening | enforce |") || !strings.Contains(md.header.Get("Content-Type"), "markdown") {
		t.Errorf("compliance as Markdown: got %s", md.body)
	}
}

func TestTwoGatewaysOnOneHistoryBothServe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	keep := func(c *config.Config) { c.History = journal.Defaults(); c.History.Path = path }
	first := open(t, hello, keep)
	eventually(t, "the first one has the history", func() bool { return first.history.Status().Open })
	second := open(t, hello, keep)
	if got := second.get("http", "/"); got.status != 200 {
		t.Errorf("the second one: got %d, want 200", got.status)
	}
	var health healthAnswer
	eventually(t, "the second one says that the history is held", func() bool {
		second.get("admin", "/api/hardening/health").json(t, &health)
		return health.Checks["history"].Status == degraded
	})
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the second one takes over", func() bool {
		second.get("admin", "/api/hardening/health").json(t, &health)
		return health.Checks["history"].Status == healthy
	})
}

func TestAlertsAreHeardFromTheJournalAndMuted(t *testing.T) {
	h := open(t, hello, func(c *config.Config) { c.HTTP.App.URL = "http://127.0.0.1:1" })
	var a alertsAnswer
	eventually(t, "the app's fault is open", func() bool {
		h.get("admin", "/api/hardening/alerts").json(t, &a)
		return len(a.Open) == 1
	})
	if a.Open[0].Cause != "APP_DOWN" || len(a.Rules) != len(alertRules()) {
		t.Errorf("alerts: got %+v, want APP_DOWN and every rule", a.Open)
	}
	h.do("admin", "POST", "/api/hardening/alerts/mute", strings.NewReader(`{"cause":"APP_DOWN","for":"1h","why":"known"}`)).json(t, &a)
	if len(a.Mutes) != 1 || !a.Open[0].Muted {
		t.Errorf("mute: got %+v, want APP_DOWN muted", a.Snapshot)
	}
	for _, body := range []string{`{}`, `{"cause":"X","for":"25h"}`, `{"cause":"X","for":"soon"}`} {
		if got := h.do("admin", "POST", "/api/hardening/alerts/mute", strings.NewReader(body)); got.status != 400 {
			t.Errorf("mute %s: got %d, want 400", body, got.status)
		}
	}
	if got := h.do("admin", "POST", "/api/hardening/alerts/test", nil); got.status != 409 {
		t.Errorf("test without a channel: got %d, want 409", got.status)
	}
}

func TestHourUnlikePastDaysIsAnAnomaly(t *testing.T) {
	hour := time.Unix(1700000000, 0).UTC().Truncate(time.Hour)
	path := filepath.Join(t.TempDir(), "history.db")
	now := hour.Add(time.Hour + time.Minute)
	cfg := settings("http://127.0.0.1:1")
	cfg.History = journal.Defaults()
	cfg.History.Path = path
	g, err := New(cfg, Parts{Clock: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- g.history.Run(ctx) }()
	<-g.history.Ready()
	for day := 10; day >= 0; day-- {
		n := 1000.0 + float64(day)
		if day == 0 {
			n = 4100
		}
		g.history.Sample(hour.AddDate(0, 0, -day).Add(time.Minute), []journal.Figure{{Name: "requests", Fold: journal.Sum, Value: n}, {Name: "refused", Fold: journal.Sum, Value: 3}})
	}
	if err := g.judgeHour(t.Context(), hour); err != nil {
		t.Fatal(err)
	}
	open := g.desk.Snapshot().Open
	if len(open) != 1 || !strings.HasPrefix(open[0].Summary, "requests 4.1 × the usual ") {
		t.Errorf("faults: got %+v, want requests 4.1 × the usual", open)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
