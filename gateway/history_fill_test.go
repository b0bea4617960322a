package gateway

import (
	"context"
	"math"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"sallyport/config"
	"sallyport/gateway/journal"
)

// fillHistory writes a figure for each minute of the last span.
func fillHistory(t *testing.T, file string, span time.Duration) {
	t.Helper()
	s := config.Defaults().History
	s.Path = file
	hist := journal.NewHistory(s, journal.HistoryOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- hist.Run(ctx) }()
	<-hist.Ready()
	end := time.Now().Truncate(time.Minute)
	for at := end.Add(-span); at.Before(end); at = at.Add(time.Minute) {
		wave := 40 + 20*math.Sin(float64(at.Unix())/14400)
		hist.Sample(at, []journal.Figure{
			{Name: "requests", Fold: journal.Sum, Value: wave * 60}, {Name: "queries", Fold: journal.Sum, Value: wave * 150},
			{Name: "refused", Fold: journal.Sum, Value: 1}, {Name: "up", Fold: journal.Max, Value: 1},
		})
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestComplianceTellsHowMuchOfTheTimeItKnows(t *testing.T) {
	file := filepath.Join(t.TempDir(), "history.db")
	fillHistory(t, file, 2*time.Hour)
	h := open(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, func(c *config.Config) { c.History.Path = file })
	eventually(t, "the history is open", func() bool { return h.history.Status().Open })
	to := time.Now().UTC().Add(-10 * time.Minute).Truncate(time.Minute)
	ask := func(from time.Time) (a complianceAnswer) {
		h.get("admin", "/api/hardening/compliance?from="+from.Format(time.RFC3339)+"&to="+to.Format(time.RFC3339)).json(t, &a)
		return a
	}
	if a := ask(to.Add(-time.Hour)); a.Covered < 0.99 || a.Totals["refused"] < 59 {
		t.Errorf("an hour with figures: got %.2f covered, %d refused, want all of it", a.Covered, a.Totals["refused"])
	}
	if a := ask(to.Add(-10 * time.Hour)); a.Covered < 0.15 || a.Covered > 0.25 {
		t.Errorf("two of ten hours with figures: got %.2f covered, want about a fifth", a.Covered)
	}
}
