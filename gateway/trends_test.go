package gateway

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/config"
	"sallyport/gateway/journal"
)

func TestTheLastHourIsHeldAgainstTheSameHourOfPastDays(t *testing.T) {
	h := open(t, hello, func(c *config.Config) { c.History.Path = filepath.Join(t.TempDir(), "history.db") })
	<-h.history.Ready()
	to := time.Now().UTC().Truncate(trendStep)
	for day := range 8 {
		for m := range 60 {
			figures := []journal.Figure{{Name: "requests", Fold: journal.Sum, Value: 100}, {Name: "request_p95", Fold: journal.Mean, Value: 12}}
			if day == 0 {
				figures[0].Value = 410
			}
			h.history.Sample(to.AddDate(0, 0, -day).Add(time.Duration(m-60)*time.Minute), figures)
		}
	}
	var a trendsAnswer
	h.get("admin", "/api/hardening/trends").json(t, &a)
	h.frozen("trends")
	got := map[string]trend{}
	for _, tr := range a.Trends {
		got[tr.Series] = tr
	}
	r := got["requests"]
	if r.Now == nil || *r.Now != 60*410 || r.Usual == nil || *r.Usual != 6000 || r.Days != 7 || !r.Odd || !strings.HasPrefix(r.Words, "requests 4.1 × the usual ") {
		t.Errorf("requests: got %+v, want 24600 against the usual 6000 of 7 days, odd, 4.1 times", r)
	}
	if len(r.Points) != trendSteps || r.Points[3] == nil || *r.Points[3] != 2050 || *r.UsualPoints[3] != 500 {
		t.Errorf("requests by step: got %d points, want %d of 2050 beside 500", len(r.Points), trendSteps)
	}
	if p := got["request_p95"]; p.Now == nil || *p.Now != 12 || p.Odd || p.Unit != "ms" {
		t.Errorf("latency: got %+v, want 12 ms and nothing odd", p)
	}
}

func TestTrendsNeedAHistory(t *testing.T) {
	h := open(t, hello, func(c *config.Config) { c.History.Path = "" })
	if got := h.get("admin", "/api/hardening/trends"); got.status != http.StatusConflict {
		t.Errorf("got %d %s, want 409", got.status, got.body)
	}
}
