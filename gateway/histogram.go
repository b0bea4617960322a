package gateway

import (
	"math"
	"math/bits"
	"sync/atomic"
	"time"
)

// Durations fall into buckets of microseconds: four to each doubling, so that a percentile is right within a fifth.
const (
	perDoubling = 4
	bucketCount = 40 * perDoubling
)

// latencies counts durations; quantiles look at the last one to two minutes, totals at all. Any goroutine may add.
type latencies struct {
	total  [bucketCount]atomic.Uint64
	sum    atomic.Uint64 // microseconds
	window [2][bucketCount]atomic.Uint64
	now    atomic.Uint32 // which window is filled
}

// add counts d.
func (l *latencies) add(d time.Duration) {
	us := uint64(max(d.Microseconds(), 0))
	b := bucketOf(us)
	l.total[b].Add(1)
	l.sum.Add(us)
	l.window[l.now.Load()&1][b].Add(1)
}

// turn forgets the older window; call it each minute.
func (l *latencies) turn() {
	next := (l.now.Load() + 1) & 1
	for i := range l.window[next] {
		l.window[next][i].Store(0)
	}
	l.now.Store(next)
}

// quantile returns the duration that a share q of the last one to two minutes stayed under, 0 where there was nothing.
func (l *latencies) quantile(q float64) time.Duration {
	var counts [bucketCount]uint64
	var all uint64
	for i := range counts {
		counts[i] = l.window[0][i].Load() + l.window[1][i].Load()
		all += counts[i]
	}
	if all == 0 {
		return 0
	}
	want := uint64(math.Ceil(q * float64(all)))
	for i, n := range counts {
		if n >= want {
			return time.Duration(bucketEnd(i)) * time.Microsecond
		}
		want -= n
	}
	return time.Duration(bucketEnd(bucketCount-1)) * time.Microsecond
}

// prometheus returns count, sum in seconds and the cumulative counts under each bound of bounds, seconds.
func (l *latencies) prometheus(bounds []float64) (count uint64, sum float64, under map[float64]uint64) {
	under = make(map[float64]uint64, len(bounds))
	next := 0
	for i := range l.total {
		for next < len(bounds) && float64(bucketEnd(i)) > bounds[next]*1e6 {
			under[bounds[next]] = count
			next++
		}
		count += l.total[i].Load()
	}
	for ; next < len(bounds); next++ {
		under[bounds[next]] = count
	}
	return count, float64(l.sum.Load()) / 1e6, under
}

// bucketOf returns the bucket of us: exact below perDoubling, then perDoubling to each doubling.
func bucketOf(us uint64) int {
	if us < perDoubling {
		return int(us)
	}
	exp := bits.Len64(us) - 3 // us>>exp is 4 … 7
	return min(int(us>>exp)+perDoubling*exp, bucketCount-1)
}

// bucketEnd is the largest value of bucket i.
func bucketEnd(i int) uint64 {
	if i < perDoubling {
		return uint64(i)
	}
	exp := i/perDoubling - 1
	return uint64(i%perDoubling+perDoubling+1)<<exp - 1
}
