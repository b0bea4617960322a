package alert

import (
	"context"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/gateway/journal"
)

// trackOf is hourly points whose newest is now, with past at the same hour of the days before.
func trackOf(now float64, past ...float64) journal.Track {
	points := make([]float64, 24*len(past)+1)
	for i := range points {
		points[i] = 777 // other hours do not matter
	}
	points[len(points)-1] = now
	for day, v := range past {
		points[len(points)-1-24*(day+1)] = v
	}
	return journal.Track{Name: "requests", Step: time.Hour, Points: points}
}

func TestSameHoursAreThoseOfTheDayOfTheWeekOnceThereAreFour(t *testing.T) {
	s := sameHours(trackOf(9, 1, 2, math.NaN(), 4))
	if s.Now != 9 || s.Weekly || !slices.Equal(s.Past, []float64{1, 2, 4}) {
		t.Errorf("got %+v, want the three days that have figures", s)
	}
	month := make([]float64, 28)
	for i := range month {
		month[i] = float64(i + 1)
	}
	s = sameHours(trackOf(9, month...))
	if !s.Weekly || !slices.Equal(s.Past, []float64{7, 14, 21, 28}) {
		t.Errorf("got %+v, want the same day of four weeks", s)
	}
	if s = sameHours(journal.Track{}); !math.IsNaN(s.Now) {
		t.Errorf("an empty track has the value %v, want none", s.Now)
	}
}

func TestUnusualHourOfTheHistoryIsToldInWords(t *testing.T) {
	hour := time.Date(2026, 3, 3, 14, 0, 0, 0, time.UTC)
	clock := hour.Add(time.Hour)
	h := journal.NewHistory(journal.Settings{Path: filepath.Join(t.TempDir(), "history.db"), Keep: 60 * 24 * time.Hour, Max: 200_000_000}, journal.HistoryOptions{Clock: func() time.Time { return clock }})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	<-h.Ready()
	for day := 28; day >= 0; day-- {
		value := 1000.0
		if day == 0 {
			value = 4100
		}
		h.Sample(hour.Add(-time.Duration(day)*24*time.Hour), []journal.Figure{{Name: "requests", Fold: journal.Sum, Value: value}})
	}
	d := New(Defaults(), Options{History: h})
	if err := d.compare(t.Context(), hour); err != nil {
		t.Fatal(err)
	}
	got := d.Snapshot().Open
	if len(got) != 1 || got[0].Cause != "ANOMALY_REQUESTS" || !strings.HasPrefix(got[0].Summary, "requests 4.1 × the usual Tuesday") {
		t.Errorf("open are %+v, want the requests of that Tuesday", got)
	}
	if err := d.compare(t.Context(), hour.Add(-24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if got := d.Snapshot().Open; len(got) != 0 {
		t.Errorf("open are %+v after a usual hour, want none", got)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
