package gateway

import (
	"context"
	"errors"
	"math"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"sallyport/gateway/alert"
	"sallyport/gateway/journal"
)

// trendStep is the distance of a trend's points, trendSteps their number: the last hour.
const (
	trendStep  = 5 * time.Minute
	trendSteps = 12
)

// trended are the series that are held against the same hour of past days.
var trended = []struct{ series, name, unit string }{
	{"requests", "requests", "per hour"}, {"queries", "queries", "per hour"}, {"refused", "refusals", "per hour"}, {"blocked", "blocked queries", "per hour"},
	{"server_errors", "server errors", "per hour"}, {"request_p95", "request latency", "ms"}, {"query_p95", "query latency", "ms"},
}

// trendsAnswer is GET /api/hardening/trends: the last hour beside the same hour of past days.
type trendsAnswer struct {
	Status    string  `json:"status"`
	Timestamp string  `json:"timestamp"`
	From      string  `json:"from"`
	To        string  `json:"to"`
	StepMs    int64   `json:"stepMs"`
	Trends    []trend `json:"trends"`
}

// trend is one series over the last hour. Usual, Ratio and Words are null and "" where no past day has figures of this hour.
type trend struct {
	Series string   `json:"series"`
	Name   string   `json:"name"`
	Unit   string   `json:"unit"`
	Now    *float64 `json:"now"`
	Usual  *float64 `json:"usual"`
	Ratio  *float64 `json:"ratio"`
	// Days is how many past days have figures of this hour, at most 14.
	Days int `json:"days"`
	// Odd reports that the value is far from what is usual, by the same judgement as the alerts.
	Odd   bool   `json:"odd"`
	Words string `json:"words"`
	// Points are the last hour step by step, UsualPoints the median of past days; null where there are no figures.
	Points      []*float64 `json:"points"`
	UsualPoints []*float64 `json:"usualPoints"`
}

// trendCache keeps the newest answer for a minute: it reads two weeks.
type trendCache struct {
	mu     sync.Mutex // guards what follows
	at     time.Time
	answer trendsAnswer
}

func (g *Gateway) getTrends(c *gin.Context) {
	a, err := g.trends(c.Request.Context())
	switch {
	case errors.Is(err, journal.ErrNotOpen):
		refuse(c, http.StatusConflict, "There is no history to compare with: set history.path.")
	case err != nil:
		g.log.Warn("trends", "error", err)
		refuse(c, http.StatusServiceUnavailable, "The history cannot be read.")
	default:
		c.JSON(http.StatusOK, a)
	}
}

// trends compares the last full hour of steps with the same hour of past days.
func (g *Gateway) trends(ctx context.Context) (trendsAnswer, error) {
	g.trend.mu.Lock()
	defer g.trend.mu.Unlock()
	now := g.clock()
	if !g.trend.at.IsZero() && now.Sub(g.trend.at) < time.Minute {
		return g.trend.answer, nil
	}
	to := now.UTC().Truncate(trendStep)
	from := to.Add(-trendSteps * trendStep)
	a := trendsAnswer{Status: "ok", Timestamp: g.timestamp(), From: from.Format(time.RFC3339), To: to.Format(time.RFC3339), StepMs: trendStep.Milliseconds(), Trends: []trend{}}
	var names []string
	for _, t := range trended {
		names = append(names, t.series)
	}
	tracks, err := g.history.Series(ctx, names, from.AddDate(0, 0, -pastDays), to, trendStep)
	if err != nil {
		return a, err
	}
	for _, t := range trended {
		if i := slices.IndexFunc(tracks, func(k journal.Track) bool { return k.Name == t.series }); i >= 0 {
			a.Trends = append(a.Trends, compared(trend{Series: t.series, Name: t.name, Unit: t.unit}, tracks[i], from))
		}
	}
	g.trend.at, g.trend.answer = now, a
	return a, nil
}

// compared fills t from k, whose last trendSteps points are the hour that begins at from.
func compared(t trend, k journal.Track, from time.Time) trend {
	hours := sameHours(k)
	s := alert.Series{Name: t.Name, Now: total(k.Fold, hours[0])}
	for _, h := range hours[1:] {
		if v := total(k.Fold, h); v == v { // not NaN
			s.Past = append(s.Past, v)
		}
	}
	for _, j := range judged {
		if j.series == t.Series {
			s.Floor, s.Drops = j.Floor, j.Drops
		}
	}
	t.Points, t.UsualPoints, t.Days = nullable(hours[0]), medians(hours[1:]), len(s.Past)
	if s.Now == s.Now { // not NaN
		t.Now = &s.Now
	}
	if len(s.Past) == 0 || t.Now == nil {
		return t
	}
	usual := median(s.Past)
	t.Usual = &usual
	odd, far := alert.Unusual(s)
	t.Odd = far
	if usual > 0 {
		ratio := s.Now / usual
		t.Ratio = &ratio
		odd = alert.Anomaly{Name: t.Name, Usual: usual, Ratio: ratio}
		t.Words = odd.Words(from.Local())
	}
	return t
}

// sameHours cuts k into its last hour and the same hour of each day before, newest first.
func sameHours(k journal.Track) [][]float64 {
	day := int(24 * time.Hour / trendStep)
	var hours [][]float64
	for end := len(k.Points); end-trendSteps >= 0; end -= day {
		hours = append(hours, k.Points[end-trendSteps:end])
	}
	if hours == nil {
		hours = [][]float64{nil}
	}
	return hours
}

// total is an hour's sum, mean or maximum, as the series folds; NaN where no step has a figure.
func total(fold journal.Fold, points []float64) float64 {
	there := slices.DeleteFunc(slices.Clone(points), func(v float64) bool { return v != v })
	if len(there) == 0 {
		return math.NaN()
	}
	sum, most := 0.0, there[0]
	for _, v := range there {
		sum, most = sum+v, max(most, v)
	}
	switch fold {
	case journal.Mean:
		return sum / float64(len(there))
	case journal.Max:
		return most
	}
	return sum
}

// medians is the median of all hours step by step; null where none has a figure.
func medians(hours [][]float64) []*float64 {
	out := make([]*float64, trendSteps)
	for i := range out {
		var there []float64
		for _, h := range hours {
			if h[i] == h[i] { // not NaN
				there = append(there, h[i])
			}
		}
		if len(there) > 0 {
			m := median(there)
			out[i] = &m
		}
	}
	return out
}

// median of v, which is not empty.
func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	n := len(s)
	if n%2 == 1 {
		return s[n/2]
	}
	return (s[n/2-1] + s[n/2]) / 2
}
