package dbguard

import (
	"fmt"
	"strings"
	"testing"

	"sallyport/dbguard/screen"
)

// texts of the sizes that applications send.
var benchTexts = map[string]string{
	"short": "select id, name from products where id = $1",
	"1KB":   "select " + strings.Repeat("p.column_name, ", 60) + "p.id from products p where p.id = $1 and p.shop = 'x'",
}

func TestKnownTextCostsNoAllocation(t *testing.T) {
	g := newGuard(t, Parts{Rules: []screen.Rule{word("evil", 5, nil)}, Cross: []screen.Rule{word("taint", 5, nil)}})
	q := Query{SQL: benchTexts["short"], Client: Client{User: "app", Addr: "127.0.0.1:1"}}
	one := func() {
		v, err := g.Judge(q)
		if err != nil {
			t.Fatal(err)
		}
		g.Start(q.Client, v).End(nil)
	}
	for range 3 {
		one()
	}
	if got := testing.AllocsPerRun(1000, one); got > allocSlack {
		t.Errorf("got %v allocations a query, want 0", got)
	}
}

func BenchmarkJudgeKnownText(b *testing.B) {
	for name, sql := range benchTexts {
		b.Run(name, func(b *testing.B) {
			g, err := New(Parts{Settings: Defaults()})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := g.Judge(Query{SQL: sql}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkWholeQueryOfKnownText(b *testing.B) {
	g, err := New(Parts{Settings: Defaults()})
	if err != nil {
		b.Fatal(err)
	}
	q := Query{SQL: benchTexts["short"]}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			v, err := g.Judge(q)
			if err != nil {
				b.Error(err)
				return
			}
			g.Start(q.Client, v).End(nil)
		}
	})
}

func BenchmarkSnapshotWithFullTables(b *testing.B) {
	g, err := New(Parts{Settings: Defaults()})
	if err != nil {
		b.Fatal(err)
	}
	for i := range maxStructures {
		if v, err := g.Judge(Query{SQL: fmt.Sprintf("select a%d", i)}); err == nil {
			g.Start(Client{}, v).End(nil)
		}
	}
	for b.Loop() {
		_ = g.Snapshot()
	}
}

func TestNewTextOfKnownStructureCostsNoAllocation(t *testing.T) {
	g := newGuard(t, Parts{})
	queries := make([]Query, 4*cacheShards*shardVerdicts)
	for i := range queries {
		queries[i].SQL = fmt.Sprintf("select id, name from products where id = %d and shop = 'x'", i)
	}
	for i := range queries { // fills the cache, so that the rest evicts
		if _, err := g.Judge(queries[i]); err != nil {
			t.Fatal(err)
		}
	}
	next := 0
	got := testing.AllocsPerRun(1000, func() {
		_, _ = g.Judge(queries[next])
		next++
	})
	if got > allocSlack {
		t.Errorf("got %v allocations a text, want 0", got)
	}
}

func BenchmarkJudgeNewTextOfKnownStructure(b *testing.B) {
	g, err := New(Parts{Settings: Defaults()})
	if err != nil {
		b.Fatal(err)
	}
	queries := make([]Query, 4*cacheShards*shardVerdicts)
	for i := range queries {
		queries[i].SQL = fmt.Sprintf("select id, name from products where id = %d and shop = 'x'", i)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := g.Judge(queries[i%len(queries)]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkJudgeNewStructure(b *testing.B) {
	g, err := New(Parts{Settings: Defaults()})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := g.Judge(Query{SQL: fmt.Sprintf("select id, name from products%d where id = 1 and shop = 'x'", i)}); err != nil {
			b.Fatal(err)
		}
	}
}
