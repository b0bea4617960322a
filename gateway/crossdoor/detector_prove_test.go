//go:build prove

package crossdoor

import (
	"fmt"
	"testing"
	"time"

	"sallyport/dbguard/screen"
)

// TestProveAttackOnTheDetectorIsCheap prints what the search takes in statements made to hurt it, and with 4,096 requests in flight. The
// bound is ten times the budget, since the machine may do other things too.
func TestProveAttackOnTheDetectorIsCheap(t *testing.T) {
	for name, a := range attacksOnUs() {
		w := New(Defaults(), Parts{})
		for _, values := range a.requests {
			keepValues(w, values)
		}
		timeCheck(t, w, name, a.sql)
	}
	w := New(Defaults(), Parts{})
	for i := range 4096 {
		values := make([]string, 20)
		for k := range values {
			values[k] = fmt.Sprintf("value %d of request %d: O'Brien", k, i)
		}
		keepValues(w, values)
	}
	if got := w.Snapshot(); got.InFlight != 4096 || got.Bytes/4096 > 10<<10 {
		t.Errorf("got %d requests of %d bytes, want 4096 of at most 10 KB", got.InFlight, got.Bytes/4096)
	}
	timeCheck(t, w, "4,096 requests of 20 values", benchStatement)
}

func timeCheck(t *testing.T, w *Window, name, sql string) {
	t.Helper()
	s := screen.Read(sql, screen.Options{})
	defer s.Release()
	best := time.Hour
	for range 10 {
		began := time.Now()
		w.check(s)
		best = min(best, time.Since(began))
	}
	t.Logf("%s: %v", name, best)
	if limit := 10 * w.settings.Budget; best > limit {
		t.Errorf("%s took %v, want at most %v", name, best, limit)
	}
}
