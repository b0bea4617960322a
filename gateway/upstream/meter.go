package upstream

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// meter counts exchanges and how long the app took to begin its answers.
type meter struct {
	inFlight, total, failed, retries, refused, upgrades atomic.Int64
	// latest and before are histograms of the running and the last full window.
	latest, before histogram
}

// histogram counts durations in buckets of a quarter power of two of microseconds each.
type histogram [4 * 40]atomic.Int64

// bucket returns the bucket of d.
func bucket(d time.Duration) int {
	us := uint64(max(d.Microseconds(), 1))
	exp := bits.Len64(us) - 1
	if exp < 2 {
		return int(us)
	}
	return min(4*exp+int(us>>(exp-2)&3), len(histogram{})-1)
}

// upper returns the upper bound of bucket i.
func upper(i int) time.Duration {
	if i < 8 {
		return time.Duration(i+1) * time.Microsecond
	}
	return time.Duration((5+uint64(i%4))<<(i/4-2)) * time.Microsecond
}

func (m *meter) observe(d time.Duration) { m.latest[bucket(d)].Add(1) }

// turn starts a new window.
func (m *meter) turn() {
	for i := range m.latest {
		m.before[i].Store(m.latest[i].Swap(0))
	}
}

// quantile returns the time within which the share q of the answers of the last windows began, 0 where there were none.
func (m *meter) quantile(q float64) time.Duration {
	var total, seen int64
	for i := range m.latest {
		total += m.latest[i].Load() + m.before[i].Load()
	}
	if total == 0 {
		return 0
	}
	want := int64(q*float64(total-1)) + 1
	for i := range m.latest {
		if seen += m.latest[i].Load() + m.before[i].Load(); seen >= want {
			return upper(i)
		}
	}
	return upper(len(m.latest) - 1)
}
