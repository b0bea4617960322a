package dbguard

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// A histogram has four buckets an octave, so that a quantile is right within 13 %. The first bucket ends at 5.12 µs, the
// last begins at 4.3 hours.
const (
	firstOctave = 12 // 2^12 ns
	octaves     = 32
	perOctave   = 4
	buckets     = octaves * perOctave
)

// histogram counts durations; several goroutines may add.
type histogram [buckets]atomic.Uint64

// tally is a histogram at one moment.
type tally [buckets]uint64

func (h *histogram) add(d time.Duration) { h[bucketOf(d)].Add(1) }

func bucketOf(d time.Duration) int {
	n := uint64(max(d, 0))
	if n < 1<<firstOctave {
		return 0
	}
	octave := bits.Len64(n) - 1
	within := int(n>>(octave-2)) & (perOctave - 1)
	return min((octave-firstOctave)*perOctave+within, buckets-1)
}

// bucketStart is the shortest duration of bucket i.
func bucketStart(i int) time.Duration {
	octave := firstOctave + i/perOctave
	return time.Duration(perOctave+i%perOctave) << (octave - 2)
}

func (h *histogram) read() *tally {
	var t tally
	for i := range h {
		t[i] = h[i].Load()
	}
	return &t
}

func (h *histogram) zero() {
	for i := range h {
		h[i].Store(0)
	}
}

// minus is t without what was counted before.
func (t *tally) minus(before *tally) *tally {
	var left tally
	for i := range t {
		left[i] = t[i] - before[i]
	}
	return &left
}

// quantile is the middle of the bucket that holds the q-th part (0..1) of all, 0 where there are none.
func (t *tally) quantile(q float64) time.Duration {
	var all, seen uint64
	for _, n := range t {
		all += n
	}
	if all == 0 {
		return 0
	}
	rank := uint64(q * float64(all-1))
	for i, n := range t {
		if seen += n; seen > rank {
			return (bucketStart(i) + bucketStart(i+1)) / 2
		}
	}
	return bucketStart(buckets)
}
