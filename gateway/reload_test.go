package gateway

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/config"
)

// reloading is a gateway whose next settings the test chooses.
func reloading(t *testing.T, app http.HandlerFunc) (*house, *atomic.Pointer[func() (config.Config, error)]) {
	t.Helper()
	next := &atomic.Pointer[func() (config.Config, error)]{}
	h := openWith(t, app, Parts{Reload: func() (config.Config, error) { return (*next.Load())() }}, func(c *config.Config) {
		c.HTTP.Door.RateLimit.Requests, c.HTTP.Door.RateLimit.Concurrent = 0, 0
	})
	return h, next
}

// offer makes the next reload read the settings of now with changes.
func offer(h *house, next *atomic.Pointer[func() (config.Config, error)], changes ...func(*config.Config)) {
	cfg := h.current.Load().cfg
	for _, change := range changes {
		change(&cfg)
	}
	read := func() (config.Config, error) { return cfg, nil }
	next.Store(&read)
}

func TestReloadSwapsSettingsAndTellsWhatChanged(t *testing.T) {
	h, next := reloading(t, hello)
	offer(h, next, func(c *config.Config) {
		c.HTTP.Door.BodyMax, c.Admin.Listen, c.Admin.TokenFile = 5, "127.0.0.1:1", secret(t, "planted-secret")
	})
	var done Reloaded
	h.do("admin", "POST", "/-/reload", nil).json(t, &done)
	if done.Generation != 2 || fmt.Sprint(done.Changes) == "[]" || len(done.NeedRestart) != 1 || done.NeedRestart[0].Key != "admin.listen" {
		t.Errorf("reload: got %+v, want generation 2 with admin.listen waiting for a restart", done)
	}
	if got := h.do("http", "POST", "/", strings.NewReader("123456")); got.status != 413 {
		t.Errorf("body above the new limit: got %d, want 413", got.status)
	}
	e := h.journal.Newest(1)[0]
	if e.Kind == "body-too-large" {
		e = h.journal.Newest(2)[1]
	}
	if e.Kind != "settings-reloaded" || e.Detail["generation"] != "2" || !strings.Contains(e.Detail["http.body_max"], "→") || strings.Contains(fmt.Sprint(e), "planted") {
		t.Errorf("event: got %+v, want the redacted change", e)
	}
	var m metricsAnswer
	h.get("admin", "/api/hardening/metrics").json(t, &m)
	if d := m.Hardening.Drift; d.Count != 1 || d.Items[0].Fact != "admin.listen" || m.Status != degraded || m.Generation != 2 {
		t.Errorf("drift: got %+v, want admin.listen as not yet so", d)
	}
}

func TestBadReloadChangesNothing(t *testing.T) {
	h, next := reloading(t, hello)
	for name, read := range map[string]func() (config.Config, error){
		"unreadable": func() (config.Config, error) { return config.Config{}, errors.New("sallyport.yaml:3:1: bad key") },
		"unusable": func() (config.Config, error) {
			cfg := h.current.Load().cfg
			cfg.HTTP.Door.ClientIP.Trust = []string{"nonsense"}
			return cfg, nil
		},
		"token gone": func() (config.Config, error) {
			cfg := h.current.Load().cfg
			cfg.Admin.TokenFile = "/nonexistent"
			return cfg, nil
		},
	} {
		before := h.current.Load()
		next.Store(&read)
		got := h.do("admin", "POST", "/-/reload", nil)
		if got.status != 422 || !strings.Contains(got.body, "Generation 1 serves on") {
			t.Errorf("%s: got %d %s, want 422 and generation 1", name, got.status, got.body)
		}
		if h.current.Load() != before {
			t.Errorf("%s: the generation changed", name)
		}
		if e := h.journal.Newest(1)[0]; e.Kind != "settings-refused" {
			t.Errorf("%s: event: got %s, want settings-refused", name, e.Kind)
		}
	}
	if body := h.get("admin", "/metrics").body; !strings.Contains(body, `sallyport_settings_reloads_total{outcome="refused"} 3`) || !strings.Contains(body, "sallyport_settings_generation 1") {
		t.Error("metrics: want three refused reloads and generation 1")
	}
}

func TestReloadStormFailsNoRequest(t *testing.T) {
	h, next := reloading(t, func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(5 * time.Millisecond)
		hello(w, r)
	})
	var stop atomic.Bool
	var failed, served atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for !stop.Load() {
				if got, err := h.try("http", "GET", "/", nil); err != nil || got.status != 200 {
					failed.Add(1)
				}
				served.Add(1)
			}
		})
	}
	for i := range 100 {
		offer(h, next, func(c *config.Config) {
			c.HTTP.Door.BodyMax = int64(1000 + i)
			c.HTTP.App.Connections = 10 + i%2 // another way to the app each time
		})
		if i%3 == 0 {
			bad := func() (config.Config, error) { return config.Config{}, errors.New("bad") }
			next.Store(&bad)
		}
		_, _ = h.Reload()
	}
	eventually(t, "there was load", func() bool { return served.Load() > 200 })
	stop.Store(true)
	wg.Wait()
	if failed.Load() > 0 {
		t.Errorf("failed: got %d of %d requests, want none", failed.Load(), served.Load())
	}
	if got := h.current.Load().number; got != 67 {
		t.Errorf("generation: got %d, want 67: one and 66 good reloads", got)
	}
	eventually(t, "earlier generations are gone", func() bool {
		h.reloads.mu.Lock()
		defer h.reloads.mu.Unlock()
		return len(h.reloads.old) == 0
	})
}

func TestReloadWithoutAWayToReadIsRefused(t *testing.T) {
	h := open(t, hello)
	if _, err := h.Reload(); !errors.Is(err, ErrNoReload) {
		t.Errorf("reload: got %v, want ErrNoReload", err)
	}
}

func TestReloadReachesAlertsAndNamesWhatWaitsForARestart(t *testing.T) {
	told := make(chan string, 10)
	sink := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		told <- string(body)
	}))
	defer sink.Close()
	h, next := reloading(t, hello)
	heard := make(chan string, 1)
	h.parts.OnReload = func(c config.Config) { heard <- c.Log.Level }
	offer(h, next, func(c *config.Config) {
		c.Alerts.Webhook.URLFile, c.Log.Level, c.Database.Pool.Mode, c.Log.File = secret(t, sink.URL), "debug", "session", "elsewhere.log"
	})
	var done Reloaded
	h.do("admin", "POST", "/-/reload", nil).json(t, &done)
	var keys []string
	for _, c := range done.NeedRestart {
		keys = append(keys, c.Key)
	}
	if fmt.Sprint(keys) != "[database.pool.mode log.file]" {
		t.Errorf("waiting for a restart: got %v, want the pool's mode and the log's file", keys)
	}
	if e := h.journal.Newest(1)[0]; !strings.HasSuffix(e.Summary, "These hold after the next start only: database.pool.mode, log.file.") {
		t.Errorf("event: got %q, want what waits", e.Summary)
	}
	if got := <-heard; got != "debug" {
		t.Errorf("the log is told level %q, want debug", got)
	}
	if got := h.do("admin", "POST", "/api/hardening/alerts/test", nil); got.status != http.StatusOK || !strings.Contains(got.body, `"webhook":""`) {
		t.Errorf("alerts test: got %d %s, want the new webhook to take it", got.status, got.body)
	}
	if body := <-told; !strings.Contains(body, "TEST") && !strings.Contains(body, "test") {
		t.Errorf("the sink got %s, want a test message", body)
	}
}

func TestReloadChangesTheLimitsOfHeadsOnKeptConnections(t *testing.T) {
	h, next := reloading(t, hello)
	c, err := net.Dial("tcp4", h.at.HTTP)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	answers := bufio.NewReader(c)
	ask := func(text string) int {
		_, _ = io.WriteString(c, text)
		res, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		_, _ = io.Copy(io.Discard, res.Body)
		return res.StatusCode
	}
	large := "GET / HTTP/1.1\r\nHost: a\r\nX-Large: " + strings.Repeat("x", 3000) + "\r\n\r\n"
	if got := ask(large); got != 200 {
		t.Errorf("before: got %d, want 200", got)
	}
	offer(h, next, func(c *config.Config) {
		c.HTTP.Head.HeaderMax, c.HTTP.Head.URIMax, c.HTTP.Head.FieldsMax = 2<<10, 1<<10, 20
		c.HTTP.Door.Timeouts.Header, c.HTTP.Head.HeaderTimeout, c.HTTP.Door.Timeouts.KeepAlive = 50*time.Millisecond, 50*time.Millisecond, 100*time.Second
	})
	done, err := h.Reload()
	if err != nil || len(done.NeedRestart) != 0 {
		t.Fatalf("reload: got %+v, %v; want nothing that needs a restart", done, err)
	}
	if got := ask(large); got != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a head above the new limit on the kept connection: got %d, want 431", got)
	}
	for text, want := range map[string]string{
		"GET /" + strings.Repeat("x", 1500) + " HTTP/1.1\r\nHost: a\r\n\r\n":                            "414",
		"GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("X-A: 1\r\n", 20) + "\r\n":                     "431",
		"GET / HTTP/1.1\r\nHost: a\r\n":                                                                 "408", // and then silence
		"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + strings.Repeat("X-A: 1\r\n", 9) + "\r\n": "200",
	} {
		if got := h.raw("http", text); !strings.HasPrefix(got, "HTTP/1.1 "+want+" ") {
			t.Errorf("%.60q after the reload: got %.40q, want %s", text, got, want)
		}
	}
}
