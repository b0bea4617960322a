package gateway

import (
	"testing"
	"time"
)

func TestBucketsFollowOneAnother(t *testing.T) {
	last := -1
	for us := range uint64(1 << 16) {
		b := bucketOf(us)
		if b < last || b > last+1 {
			t.Fatalf("bucket of %d: got %d after %d", us, b, last)
		}
		if us > bucketEnd(b) || (b > 0 && us <= bucketEnd(b-1)) {
			t.Fatalf("%d lies in bucket %d, which ends at %d", us, b, bucketEnd(b))
		}
		last = b
	}
}

func TestQuantileIsRightWithinAFifthAndForgets(t *testing.T) {
	var l latencies
	if got := l.quantile(0.95); got != 0 {
		t.Errorf("empty: got %v, want 0", got)
	}
	for i := range 1000 {
		l.add(time.Duration(i+1) * time.Millisecond)
	}
	if got := l.quantile(0.95); got < 940*time.Millisecond || got > 1150*time.Millisecond {
		t.Errorf("p95: got %v, want 950 ms within a fifth", got)
	}
	l.turn()
	if l.quantile(0.5) == 0 {
		t.Error("after one turn: got nothing, want the last minute")
	}
	l.turn()
	if got := l.quantile(0.5); got != 0 {
		t.Errorf("after two turns: got %v, want 0", got)
	}
	count, sum, under := l.prometheus([]float64{0.1, 10})
	if count != 1000 || sum < 500 || sum > 501 || under[10] != 1000 || under[0.1] < 80 || under[0.1] > 120 {
		t.Errorf("totals: got count %d, sum %v, under %v", count, sum, under)
	}
}

func BenchmarkLatencies(b *testing.B) {
	var l latencies
	b.ReportAllocs()
	for b.Loop() {
		l.add(1234 * time.Microsecond)
	}
}
