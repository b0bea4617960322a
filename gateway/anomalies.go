package gateway

import (
	"context"
	"errors"
	"time"

	"sallyport/gateway/alert"
	"sallyport/gateway/journal"
)

// pastDays is how many days the same hour is compared with.
const pastDays = 14

// judged are the series of the history that are held against the same hour of past days, with the words people use. Floors
// are in requests, refusals and milliseconds an hour.
var judged = []struct {
	series string
	alert.Series
}{
	{"requests", alert.Series{Name: "requests", Floor: 50, Drops: true}},
	{"server_errors", alert.Series{Name: "server errors", Floor: 5}},
	{"query_p95", alert.Series{Name: "query latency", Floor: 20}},
	{"refused", alert.Series{Name: "refusals", Floor: 20}},
}

// watchAnomalies judges each hour a little after its end.
func (g *Gateway) watchAnomalies(ctx context.Context) error {
	for {
		now := g.clock()
		timer := time.NewTimer(now.Truncate(time.Hour).Add(time.Hour + time.Minute).Sub(now))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
		if err := g.judgeHour(ctx, g.clock().Truncate(time.Hour).Add(-time.Hour)); err != nil && !errors.Is(err, journal.ErrNotOpen) && ctx.Err() == nil {
			g.log.Warn("anomalies", "error", err)
		}
	}
}

// judgeHour compares the hour that begins at hour with the same hour of past days, opens a fault for each series that is far
// from the usual and closes those that are not any more.
func (g *Gateway) judgeHour(ctx context.Context, hour time.Time) error {
	var names []string
	for _, j := range judged {
		names = append(names, j.series)
	}
	tracks, err := g.history.Series(ctx, names, hour.AddDate(0, 0, -pastDays), hour.Add(time.Hour), time.Hour)
	if err != nil {
		return err
	}
	for _, j := range judged {
		for _, t := range tracks {
			if t.Name == j.series {
				g.tellOdd(hour, sameHour(j.Series, t))
			}
		}
	}
	return nil
}

// sameHour fills s from t, whose last point is the hour judged.
func sameHour(s alert.Series, t journal.Track) alert.Series {
	last := len(t.Points) - 1
	s.Now, s.Past = t.Points[last], nil
	for i := last - 24; i >= 0; i -= 24 {
		if v := t.Points[i]; v == v { // not NaN
			s.Past = append(s.Past, v)
		}
	}
	return s
}

// tellOdd opens or closes the fault of s; an hour without figures says nothing.
func (g *Gateway) tellOdd(hour time.Time, s alert.Series) {
	if s.Now != s.Now { // NaN
		return
	}
	odd := alert.Faults(hour.Local(), []alert.Series{s})
	if len(odd) == 0 {
		g.desk.Close(alert.AnomalyCause(s.Name), "")
		return
	}
	for _, f := range odd {
		g.journal.Add(journal.Event{Door: "process", Kind: "anomaly", Severity: f.Severity, Summary: f.Summary + ".", Detail: map[string]string{"series": s.Name}})
		g.desk.Open(f)
	}
}
