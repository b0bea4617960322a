package gateway

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/config"
	"sallyport/gateway/preflight"
)

func TestSmokeRunsHereIsRememberedAndSurvivesARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "history.db")
	keep := func(c *config.Config) {
		c.History.Path = file
		c.Smoke.Requests = []config.SmokeRequest{{Get: "/", Contains: "hello"}}
	}
	h := open(t, hello, keep)
	fixPorts(h)
	<-h.history.Ready()
	for _, refused := range [][]string{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}} {
		if got := h.do("admin", "POST", "/api/hardening/checks/smoke", nil, refused...); got.status != http.StatusForbidden {
			t.Errorf("%s: got %d, want 403", refused[0], got.status)
		}
	}
	var ran runAnswer
	h.do("admin", "POST", "/api/hardening/checks/smoke", nil).json(t, &ran)
	if len(ran.Run.Results) != 13 || ran.Run.Status == preflight.Fail {
		t.Errorf("smoke gave %d results, %s: %+v; want 13 and none failed", len(ran.Run.Results), ran.Run.Status, ran.Run.Results)
	}
	if got := h.do("admin", "POST", "/api/hardening/checks/record", strings.NewReader(`{"name":"doctor","tookMs":5,"results":[{"check":"clock","status":"fail","found":"it is late"}]}`)); got.status != http.StatusOK {
		t.Errorf("record: got %d %s, want 200", got.status, got.body)
	}
	for _, bad := range []string{`{"name":"nosuch","results":[{"check":"x","status":"ok"}]}`, `{"name":"smoke","results":[]}`, `{"name":"smoke","results":[{"check":"x","status":"fine"}]}`, `no`} {
		if got := h.do("admin", "POST", "/api/hardening/checks/record", strings.NewReader(bad)); got.status != http.StatusBadRequest {
			t.Errorf("record %s: got %d, want 400", bad, got.status)
		}
	}
	h.frozen("checks")
	if k := h.kinds(); !strings.Contains(k, "smoke-run") || !strings.Contains(k, "doctor-run") {
		t.Errorf("the journal holds %s, want both runs", k)
	}
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	again := open(t, hello, keep)
	var a checksAnswer
	eventually(t, "the runs are known again", func() bool {
		again.get("admin", "/api/hardening/checks").json(t, &a)
		return len(a.Smoke) == 1 && len(a.Doctor) == 1
	})
	if a.Smoke[0].By != "admin API" || a.Doctor[0].Status != preflight.Fail || a.Doctor[0].Results[0].Found != "it is late" {
		t.Errorf("got %+v and %+v, want what was noted", a.Smoke[0], a.Doctor[0])
	}
}

// fixPorts writes the ports that the gateway listens on into its settings, where the checks look for them.
func fixPorts(h *house) {
	n := *h.current.Load()
	n.cfg.HTTP.Listen, n.cfg.Admin.Listen = h.at.HTTP, h.at.Admin
	h.current.Store(&n)
}

func TestRunsAreBounded(t *testing.T) {
	var r checkRuns
	for range keptRuns + 5 {
		r.add("smoke", checkRun{Status: preflight.OK})
	}
	if n := len(r.of("smoke")); n != keptRuns {
		t.Errorf("%d runs are kept, want %d", n, keptRuns)
	}
}
