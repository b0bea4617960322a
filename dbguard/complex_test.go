package dbguard

import (
	"errors"
	"strings"
	"testing"

	"sallyport/dbguard/screen"
)

func TestTooComplexTextsAreRefusedWithoutTheCrossDoorSearch(t *testing.T) {
	asked := 0
	cross := screen.Rule{Name: "taint", Check: func(*screen.Statement) []screen.Finding { asked++; return nil }}
	g, err := New(Parts{Settings: Defaults(), Cross: []screen.Rule{cross}})
	if err != nil {
		t.Fatal(err)
	}
	q := Query{SQL: "SELECT 1" + strings.Repeat("+1", 25_000)}
	for range 2 {
		if _, err := g.Judge(q); !errors.Is(err, ErrTooComplex) {
			t.Fatalf("got %v, want too complex", err)
		}
	}
	if asked != 0 {
		t.Errorf("the cross-door rule was asked %d times, want 0", asked)
	}
	if got := g.Snapshot().Metrics.BlockedQueries; got != 2 {
		t.Errorf("blocked queries: got %d, want 2", got)
	}
}

func BenchmarkJudgeTooComplex(b *testing.B) {
	g, err := New(Parts{Settings: Defaults()})
	if err != nil {
		b.Fatal(err)
	}
	tail := strings.Repeat("+1", 25_000)
	n := 0
	for b.Loop() {
		n++
		if _, err := g.Judge(Query{SQL: "SELECT " + strings.Repeat("1", n%50+1) + tail}); err == nil {
			b.Fatal("let through")
		}
	}
}
