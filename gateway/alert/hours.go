package alert

import (
	"context"
	"math"
	"time"

	"sallyport/gateway/journal"
)

// watched are the series of the history that are compared with their past.
var watched = []struct {
	name  string // in the history
	words string // to people
	floor float64
	drops bool
}{
	{"requests", "requests", 50, true},
	{"failed", "failed queries", 10, false},
	{"refused", "refusals", 20, false},
	{"blocked", "blocked queries", 5, false},
	{"request_p95", "request latency", 20, false},
	{"query_p95", "query latency", 10, false},
}

const (
	pastDays   = 28
	weeklyFrom = 4               // so many same days of the week make a usual Tuesday
	afterHour  = 2 * time.Minute // the hour's last minute must have reached the history
)

// compareHours judges each full hour by the same hour of past days, soon after it is over.
func (d *Desk) compareHours(ctx context.Context) {
	for {
		now := d.opt.Now()
		t := time.NewTimer(now.Truncate(time.Hour).Add(time.Hour + afterHour).Sub(now))
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
		if err := d.compare(ctx, d.opt.Now().Truncate(time.Hour).Add(-time.Hour)); err != nil && ctx.Err() == nil {
			d.opt.Log.Debug("hour not compared", "error", err)
		}
	}
}

// compare judges the hour that begins at hour.
func (d *Desk) compare(ctx context.Context, hour time.Time) error {
	var names []string
	for _, w := range watched {
		names = append(names, w.name)
	}
	tracks, err := d.opt.History.Series(ctx, names, hour.Add(-pastDays*24*time.Hour), hour.Add(time.Hour), time.Hour)
	if err != nil {
		return err
	}
	for _, w := range watched {
		for _, t := range tracks {
			if t.Name == w.name {
				s := sameHours(t)
				s.Name, s.Floor, s.Drops = w.words, w.floor, w.drops
				d.settle(s, hour)
			}
		}
	}
	return nil
}

// settle opens or ends the anomaly of one series.
func (d *Desk) settle(s Series, hour time.Time) {
	if math.IsNaN(s.Now) {
		return // the gateway was down; that is told by others
	}
	if found := Faults(hour.Local(), []Series{s}); len(found) > 0 {
		d.Open(found[0])
		return
	}
	d.Close(AnomalyCause(s.Name), "")
}

// sameHours takes the newest hour of t and the same hour of the days before it; where there are enough of the same day
// of the week, of those only.
func sameHours(t journal.Track) Series {
	last := len(t.Points) - 1
	if last < 0 {
		return Series{Now: math.NaN()}
	}
	s := Series{Now: t.Points[last]}
	var weekly []float64
	for day := 1; last-24*day >= 0; day++ {
		v := t.Points[last-24*day]
		if math.IsNaN(v) {
			continue
		}
		s.Past = append(s.Past, v)
		if day%7 == 0 {
			weekly = append(weekly, v)
		}
	}
	if len(weekly) >= weeklyFrom {
		s.Past, s.Weekly = weekly, true
	}
	return s
}
