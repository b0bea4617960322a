package journal

import (
	"fmt"
	"math"
	"testing"
	"time"
)

// TestThirtyDaysFitAndAreReadAtOnce fills 30 days of 40 series and 100,000 events.
func TestThirtyDaysFitAndAreReadAtOnce(t *testing.T) {
	s := settings(t)
	end := time.Unix(1700000000/3600*3600, 0).UTC()
	now := end.AddDate(0, 0, -30)
	h := start(t, s, func() time.Time { return end })
	figures := make([]Figure, 40)
	for i := range figures {
		figures[i] = Figure{Name: fmt.Sprintf("series.number_%02d", i), Fold: []Fold{Sum, Mean, Max}[i%3]}
	}
	for m := range 30 * 24 * 60 {
		for i := range figures {
			figures[i].Value = math.Sin(float64(m*i)) * 1e6
		}
		h.Sample(now.Add(time.Duration(m)*time.Minute), figures)
	}
	h.Sample(end, figures)
	for i := range 100_000 {
		e := Event{
			ID: now.Add(time.Duration(i) * 25920 * time.Millisecond).UnixMicro(), Door: "http", Kind: "rate-limited", Severity: Warning, Client: fmt.Sprintf("192.0.%d.%d", i>>8&255, i&255),
			Request: fmt.Sprintf("%016x", i), Summary: fmt.Sprintf("Client refused %d times in a minute: more than 100 requests in 15 minutes.", i), Detail: map[string]string{"count": fmt.Sprint(i), "status": "429"},
		}
		eventually(t, "the queue has room", func() bool { return h.Record(e) })
	}
	h.stop()

	h = start(t, s, func() time.Time { return end })
	status := h.Status()
	if status.Bytes > 40<<20 {
		t.Errorf("size: got %.1f MB, want at most 40", float64(status.Bytes)/(1<<20))
	}
	events, err := h.Events(t.Context(), EventQuery{Limit: 1 << 20})
	if err != nil || len(events) != 100_000 {
		t.Errorf("events: got %d, %v; want 100000", len(events), err)
	}
	took := time.Hour
	for range 20 {
		began := time.Now()
		tracks, err := h.Series(t.Context(), []string{"series.number_01", "series.number_02"}, now, end, time.Hour)
		took = min(took, time.Since(began))
		if err != nil || len(tracks) != 2 || len(tracks[0].Points) != 720 || math.IsNaN(tracks[0].Points[719]) {
			t.Fatalf("series: got %d tracks, %v; want 2 of 720 points, the last one filled", len(tracks), err)
		}
	}
	began := time.Now()
	if tracks, err := h.Series(t.Context(), nil, now, end, time.Hour); err != nil || len(tracks) != 40 {
		t.Errorf("all series: got %d, %v; want 40", len(tracks), err)
	}
	t.Logf("%.1f MB; 30 days of 2 series in %v, of 40 in %v", float64(status.Bytes)/(1<<20), took, time.Since(began))
	if took > slowdown*100*time.Millisecond {
		t.Errorf("30 days: read in %v, want at most 100 ms", took)
	}
}
