package dbguard

import (
	"fmt"
	"testing"
	"time"

	"sallyport/dbguard/screen"
)

func TestVerdictCacheIsBoundedAndKeepsWhatIsUsed(t *testing.T) {
	c, seeds := new(verdicts), newTextSeeds()
	often := seeds.key(&Query{SQL: "often"})
	c.keep(often, &Verdict{}, 0)
	for i := range 3 * cacheShards * shardVerdicts {
		k := seeds.key(&Query{SQL: fmt.Sprint(i)})
		c.keep(k, &Verdict{}, 0)
		if v, _ := c.find(often); v == nil {
			t.Fatalf("a text in use was forgotten after %d others", i)
		}
	}
	held := 0
	for i := range c.shards {
		held += len(c.shards[i].index)
		if len(c.shards[i].index) != len(c.shards[i].slots) {
			t.Errorf("shard %d: index has %d entries, slots %d", i, len(c.shards[i].index), len(c.shards[i].slots))
		}
	}
	if limit := cacheShards * shardVerdicts; held > limit || held < limit*9/10 {
		t.Errorf("holds %d texts, want at most %d and nearly that", held, limit)
	}
}

func TestTheSameTextIsAnotherWhereBackslashesQuote(t *testing.T) {
	c := newTextSeeds()
	if c.key(&Query{SQL: "x"}) == c.key(&Query{SQL: "x", BackslashQuotes: true}) {
		t.Error("keys are equal, want two")
	}
}

func TestStructureTableIsBoundedAndKeepsWhatIsUsed(t *testing.T) {
	var table structures
	print := func(i int) (f screen.Fingerprint) {
		copy(f[:], fmt.Sprint(i))
		return f
	}
	often := table.of(print(-1), func() string { return "often" })
	for i := range 3 * maxStructures {
		table.of(print(i), func() string { return "" })
		often.add(time.Millisecond, 0, false)
	}
	if len(table.ring) != maxStructures || len(table.index) != maxStructures {
		t.Errorf("holds %d and %d, want %d", len(table.ring), len(table.index), maxStructures)
	}
	if table.index[print(-1)] != often {
		t.Error("a structure in use was forgotten")
	}
	first := &structure{fingerprint: print(-2)}
	first.forgotten.Store(true)
	table.restore(first)
	if table.index[print(-2)] != first || len(table.ring) != maxStructures || len(table.index) != maxStructures {
		t.Errorf("after restoring: holds %d and %d, want %d with the restored one", len(table.ring), len(table.index), maxStructures)
	}
}

func TestHistogramBucketsMeetAndQuantilesAreClose(t *testing.T) {
	for i := range buckets - 1 {
		at := bucketStart(i + 1)
		if bucketOf(at) != i+1 || bucketOf(at-1) != i {
			t.Fatalf("bucket %d ends at %s: got buckets %d and %d around it", i, at, bucketOf(at-1), bucketOf(at))
		}
	}
	if bucketOf(-1) != 0 || bucketOf(1<<62) != buckets-1 {
		t.Errorf("outliers: got %d and %d, want the first and the last", bucketOf(-1), bucketOf(1<<62))
	}
	var h histogram
	for i := 1; i <= 1000; i++ {
		h.add(time.Duration(i) * time.Millisecond)
	}
	for q, want := range map[float64]float64{0.5: 500, 0.95: 950, 0.99: 990} {
		if got := ms(h.read().quantile(q)); got < want*0.87 || got > want*1.13 {
			t.Errorf("quantile %v: got %v ms, want %v ± 13 %%", q, got, want)
		}
	}
}
