package dbguard

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/dbguard/screen"
)

// word is a rule that finds w anywhere in a text.
func word(w string, weight int, calls *int) screen.Rule {
	return screen.Rule{Name: w, Check: func(s *screen.Statement) []screen.Finding {
		if calls != nil {
			*calls++
		}
		if !strings.Contains(s.SQL, w) {
			return nil
		}
		return []screen.Finding{{Rule: w, Reason: "holds the word", Weight: weight}}
	}}
}

func newGuard(t *testing.T, p Parts) *Guard {
	t.Helper()
	if p.Settings == (Settings{}) {
		p.Settings = Defaults()
	}
	g, err := New(p)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// ran judges sql, lets it end with err and fails where it was refused.
func ran(t *testing.T, g *Guard, sql string, err error) {
	t.Helper()
	v, refused := g.Judge(Query{SQL: sql})
	if refused != nil {
		t.Fatalf("%s: got %v, want it admitted", sql, refused)
	}
	g.Start(Client{}, v).End(err)
}

func TestModesDecideWhatFindingsDo(t *testing.T) {
	for _, c := range []struct {
		screen, cross Mode
		sql           string
		blocked       bool
		findings      int // where admitted
	}{
		{Enforce, Off, "select evil", true, 0},
		{Enforce, Off, "select odd", false, 1},
		{Observe, Off, "select evil", false, 1},
		{Off, Off, "select evil", false, 0},
		{Enforce, Enforce, "select odd grown", true, 0},
		{Enforce, Enforce, "select grown", false, 1},
		{Observe, Enforce, "select odd grown", true, 0},
		{Off, Enforce, "select confirmed", true, 0},
		{Enforce, Observe, "select odd confirmed", false, 2},
		{Observe, Enforce, "select evil", false, 1},
	} {
		t.Run(fmt.Sprintf("%s %s %s", c.screen, c.cross, c.sql), func(t *testing.T) {
			s := Defaults()
			s.Screen, s.CrossDoor = c.screen, c.cross
			g := newGuard(t, Parts{
				Settings: s, Rules: []screen.Rule{word("evil", 5, nil), word("odd", 3, nil)},
				Cross: []screen.Rule{word("grown", 2, nil), word("confirmed", 5, nil)},
			})
			for range 3 { // read, and from the cache
				v, err := g.Judge(Query{SQL: c.sql})
				var blocked *BlockedError
				if errors.As(err, &blocked) != c.blocked {
					t.Fatalf("got %v, want blocked %t", err, c.blocked)
				}
				if v != nil && len(v.Findings) != c.findings {
					t.Errorf("got %d findings, want %d", len(v.Findings), c.findings)
				}
			}
		})
	}
}

func TestRefusalCarriesRulesStateAndIncidentButNoText(t *testing.T) {
	var heard []Report
	g := newGuard(t, Parts{
		Rules:     []screen.Rule{word("evil", 5, nil), word("secret", 1, nil)},
		Observers: []Observer{func(r Report) { heard = append(heard, r) }},
	})
	_, err := g.Judge(Query{SQL: "select evil 'secret-value'", Client: Client{User: "app"}})
	var blocked *BlockedError
	if !errors.As(err, &blocked) {
		t.Fatalf("got %v, want a *BlockedError", err)
	}
	if got := strings.Join(blocked.Rules, " "); got != "evil secret" {
		t.Errorf("rules: got %q, want %q", got, "evil secret")
	}
	if blocked.SQLState() != "42501" || strings.Contains(err.Error(), "secret-value") {
		t.Errorf("got %s %q, want 42501 and no literal", blocked.SQLState(), err)
	}
	if len(heard) != 1 || heard[0].Incident != blocked.Incident || heard[0].Verdict == nil || heard[0].Client.User != "app" {
		t.Errorf("observer heard %+v, want one report with incident %s", heard, blocked.Incident)
	}
}

func TestStructuresPassWithoutCrossDoorRulesOnceTheyFoundNothingTwice(t *testing.T) {
	var cross, rules int
	g := newGuard(t, Parts{Rules: []screen.Rule{word("evil", 5, &rules)}, Cross: []screen.Rule{word("taint", 2, &cross)}})
	for i := range 3 {
		for range 3 {
			ran(t, g, fmt.Sprintf("select %d", i), nil)
		}
	}
	if cross != 2 || rules != 3 {
		t.Errorf("three clean texts: cross-door rules asked %d times and rules %d, want 2 and 3", cross, rules)
	}
	for sql, known := range map[string]bool{"select 99": true, "select 'x'": true, "select a": false, "select taint": false} {
		s := screen.Read(sql, screen.Options{})
		if got := g.Knows(s); got != known {
			t.Errorf("knows %s: got %t, want %t", sql, got, known)
		}
		s.Release()
	}
	cross = 0
	for range 5 {
		ran(t, g, "select taint", nil)
	}
	if cross != 5 {
		t.Errorf("text with a cross-door finding: asked %d times, want 5", cross)
	}
	if err := g.Apply(Defaults()); err != nil {
		t.Fatal(err)
	}
	cross = 0
	ran(t, g, "select 7", nil)
	if cross != 0 {
		t.Errorf("known structure after new settings: cross-door rules asked %d times, want 0", cross)
	}
}

func TestStructuresWithWeightyFindingsAreNeverKnown(t *testing.T) {
	for weight, want := range map[int]int{2: 2, 3: 4} {
		var cross int
		g := newGuard(t, Parts{Rules: []screen.Rule{word("odd", weight, nil)}, Cross: []screen.Rule{word("taint", 5, &cross)}})
		for i := range 4 {
			ran(t, g, fmt.Sprintf("select odd, %d", i), nil)
		}
		if cross != want {
			t.Errorf("weight %d: cross-door rules asked %d times, want %d", weight, cross, want)
		}
	}
}

func TestEachQueryIsCountedOnce(t *testing.T) {
	g := newGuard(t, Parts{Rules: []screen.Rule{word("evil", 5, nil), word("odd", 1, nil)}})
	ran(t, g, "select 1", nil)
	ran(t, g, "select odd", nil)
	ran(t, g, "select 1", errors.New("bad"))
	_, _ = g.Judge(Query{SQL: "evil"})
	v, _ := g.Judge(Query{SQL: "select 2"})
	g.Unserved(Client{}, v, ErrCircuitOpen)
	m := g.Snapshot().Metrics
	if m.TotalQueries != 5 || m.FailedQueries != 2 || m.BlockedQueries != 1 || m.SuspiciousQueries != 1 || m.SuccessRate != "50.00%" {
		t.Errorf("got %+v, want 5 in all, 2 failed, 1 blocked, 1 suspicious, 50.00%%", m)
	}
}

func TestResetZeroesTheViewAndNotTheCounters(t *testing.T) {
	g := newGuard(t, Parts{})
	ran(t, g, "select 1", nil)
	if before := g.Reset(); before.TotalQueries != 1 {
		t.Errorf("reset returned %d queries, want 1", before.TotalQueries)
	}
	s := g.Snapshot()
	if s.Metrics.TotalQueries != 0 || s.Metrics.SuccessRate != "100.00%" || len(s.TopQueries) != 0 || s.Metrics.P95Latency != 0 {
		t.Errorf("after reset got %+v, top %v, want nothing", s.Metrics, s.TopQueries)
	}
	if got := g.Counters().OK; got != 1 {
		t.Errorf("counter after reset: got %d, want 1", got)
	}
	ran(t, g, "select 1", nil)
	if got := g.Snapshot().Metrics.TotalQueries; got != 1 {
		t.Errorf("one query after reset: got %d, want 1", got)
	}
}

func TestLatenciesAndTopQueriesAreMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, Parts{})
		v, err := g.Judge(Query{SQL: "select 1"})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 100 {
			p := g.Start(Client{User: "app"}, v)
			p.Rows = 2
			time.Sleep(10 * time.Millisecond)
			if i == 99 {
				time.Sleep(6 * time.Second)
			}
			p.End(nil)
		}
		s := g.Snapshot()
		if m := s.Metrics; m.AvgLatency != 70 || m.P95Latency < 8.7 || m.P95Latency > 11.3 || m.SlowQueries != 1 {
			t.Errorf("got avg %v p95 %v slow %d, want 70, 10 ± 13 %%, 1", m.AvgLatency, m.P95Latency, m.SlowQueries)
		}
		if len(s.SlowQueries) != 1 || s.SlowQueries[0].DurationMs != 6010 || s.SlowQueries[0].User != "app" {
			t.Errorf("slow queries: got %+v, want one of 6010 ms by app", s.SlowQueries)
		}
		if len(s.TopQueries) != 1 || s.TopQueries[0].Count != 100 || s.TopQueries[0].Rows != 200 || s.TopQueries[0].TotalMs != 7000 {
			t.Errorf("top queries: got %+v, want one with 100 runs, 200 rows, 7000 ms", s.TopQueries)
		}
	})
}

func TestAdmitRefusesWhileTheCircuitIsOpenUnlessAConnectionIsIdle(t *testing.T) {
	g := newGuard(t, Parts{})
	for range 5 {
		_, _ = Dial(context.Background(), g, func(context.Context) (int, error) { return 0, io.EOF })
	}
	_, _, err := g.Admit(context.Background(), Query{SQL: "select 1"})
	var open *CircuitOpenError
	if !errors.As(err, &open) || open.RetryIn <= 0 || open.SQLState() != "57P03" {
		t.Fatalf("no connection idle: got %v, want a *CircuitOpenError with a time", err)
	}
	g.WatchPool(func() PoolFigures { return PoolFigures{Idle: 1} })
	ctx, p, err := g.Admit(context.Background(), Query{SQL: "select 1"})
	if err != nil {
		t.Fatalf("one connection idle: got %v, want a permit", err)
	}
	if _, limited := ctx.Deadline(); !limited {
		t.Error("context of the permit has no deadline")
	}
	p.End(nil)
	if ctx.Err() == nil {
		t.Error("context goes on after End")
	}
	if m := g.Snapshot().Metrics; m.TotalQueries != 2 || m.FailedQueries != 1 {
		t.Errorf("got %d queries, %d failed, want 2 and 1", m.TotalQueries, m.FailedQueries)
	}
}

func TestApplySwapsValidSettingsOnly(t *testing.T) {
	g := newGuard(t, Parts{Rules: []screen.Rule{word("evil", 5, nil)}})
	s := Defaults()
	s.Screen = "loud"
	if err := g.Apply(s); err == nil || g.Settings().Screen != Enforce {
		t.Errorf("bad settings: got %v and mode %s, want an error and enforce", err, g.Settings().Screen)
	}
	if _, err := g.Judge(Query{SQL: "evil"}); err == nil {
		t.Error("enforce: got nil, want a refusal")
	}
	s.Screen = Observe
	if err := g.Apply(s); err != nil {
		t.Fatal(err)
	}
	ran(t, g, "evil", nil)
}

func TestGuardIsSafeForManyGoroutines(t *testing.T) {
	g := newGuard(t, Parts{Rules: []screen.Rule{word("evil", 5, nil)}, Cross: []screen.Rule{word("taint", 5, nil)}})
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 500 {
				if v, err := g.Judge(Query{SQL: fmt.Sprintf("select %d", n*i)}); err == nil {
					g.Start(Client{}, v).End(nil)
				}
				if n%100 == 0 {
					g.Reset()
					_ = g.Snapshot()
					_ = g.Apply(Defaults())
				}
			}
		})
	}
	all.Wait()
	if c := g.Counters(); c.OK != 4000 || c.Running != 0 {
		t.Errorf("got %d ok, %d running, want 4000 and 0", c.OK, c.Running)
	}
}
