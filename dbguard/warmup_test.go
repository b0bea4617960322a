package dbguard

import (
	"errors"
	"strings"
	"testing"
	"time"

	"sallyport/dbguard/screen"
)

// evidence is a cross-door rule that finds what a text names: "confirmed" rests on learned structures, "hard" does not.
func evidence() screen.Rule {
	return screen.Rule{Name: "cross-door", Check: func(s *screen.Statement) []screen.Finding {
		for _, verdict := range []string{"confirmed", "hard"} {
			if at := strings.Index(string(s.Text()), verdict); at >= 0 {
				return []screen.Finding{{
					Rule: "cross-door", Offset: at, End: at + len(verdict), Weight: screen.Refuse, Learned: verdict == "confirmed",
					Crossing: &screen.Crossing{Verdict: verdict},
				}}
			}
		}
		return nil
	}}
}

// refuses reports whether g refuses sql.
func refuses(t *testing.T, g *Guard, sql string) bool {
	t.Helper()
	_, err := g.Judge(Query{SQL: sql})
	var blocked *BlockedError
	if err != nil && !errors.As(err, &blocked) {
		t.Fatal(err)
	}
	return err != nil
}

func TestLearnedEvidenceIsOnlyToldUntilLearningEnds(t *testing.T) {
	now, requests := time.Unix(1_000_000, 0), uint64(1)
	open := func(change func(*Settings)) *Guard {
		s := Defaults()
		change(&s)
		return newGuard(t, Parts{Settings: s, Cross: []screen.Rule{evidence()}, Now: func() time.Time { return now }, Origin: func() (uint64, bool) { return requests, false }})
	}
	for _, c := range []struct {
		name     string
		settings LearningSettings
		end      func(g *Guard)
	}{
		{"with the requests", LearningSettings{24 * time.Hour, 500}, func(*Guard) { requests += 500 }},
		{"with the time", LearningSettings{24 * time.Hour, 500}, func(*Guard) { now = now.Add(24 * time.Hour) }},
		{"with a file", LearningSettings{24 * time.Hour, 500}, (*Guard).Warm},
		{"by a reload", LearningSettings{24 * time.Hour, 500}, func(g *Guard) {
			s := g.Settings()
			s.Learning.Time = 0
			if err := g.Apply(s); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		requests = 1
		g := open(func(s *Settings) { s.Learning = c.settings })
		requests = 500 // 499 came
		if refuses(t, g, "select confirmed") || !refuses(t, g, "select hard") || !refuses(t, g, "select 1 where ''='' or 1=1") {
			t.Errorf("%s: while learning: want evidence without the model and rules to refuse, and no other", c.name)
		}
		if v := g.Learning(); !v.Learning || v.RequestsLeft != 1 || v.Until == nil || !v.Until.Equal(now.Add(24*time.Hour)) {
			t.Errorf("%s: got %+v, want it learning for a day or 1 request", c.name, v)
		}
		c.end(g)
		if !refuses(t, g, "select confirmed") || !refuses(t, g, "select hard") {
			t.Errorf("%s: afterwards: want all evidence to refuse", c.name)
		}
		if v := g.Snapshot().Learning; v.Learning || v.Until != nil || v.RequestsLeft != 0 {
			t.Errorf("%s: afterwards: got %+v, want it not learning", c.name, v)
		}
	}
}

// TestGrowthIsOnlyToldWhileLearning: growth, too, is known from learned structures alone.
func TestGrowthIsOnlyToldWhileLearning(t *testing.T) {
	const grown = "select name from users where id = 1; select 2 and shop = 1"
	for _, warm := range []bool{false, true} {
		g := newGuard(t, Parts{})
		ran(t, g, "select name from users where id = 1 and shop = 1", nil)
		ran(t, g, "select name from users where id = 2 and shop = 1", nil)
		if warm {
			g.Warm()
		}
		s := screen.Read(grown, screen.Options{})
		if w := screen.Weight(screen.Check(s, screen.Builtin())); w != 4 && w != 3 {
			t.Fatalf("the rules weigh %d; the check below proves nothing", w)
		}
		s.Release()
		if got := refuses(t, g, grown); got != warm {
			t.Errorf("warm %t: refused %t", warm, got)
		}
	}
}

func TestLearningSettingsAreValidated(t *testing.T) {
	s := Defaults()
	s.Learning = LearningSettings{-time.Second, -1}
	wrong := errors.Join(s.Validate()...)
	for _, want := range []string{"learning.time is -1s, want 0s or more", "learning.requests is -1, want 0 or more"} {
		if wrong == nil || !strings.Contains(wrong.Error(), want) {
			t.Errorf("got %v, want %q in it", wrong, want)
		}
	}
}

// TestShorterListsOfAKnownStatementPass asks nobody about a statement that is a known one with a shorter list.
func TestShorterListsOfAKnownStatementPass(t *testing.T) {
	asked := 0
	g := newGuard(t, Parts{Cross: []screen.Rule{word("nothing of this", 5, &asked)}, Origin: func() (uint64, bool) { return 1, true }})
	ran(t, g, "select a from t where b in (1, 2, 3)", nil)
	asked = 0
	ran(t, g, "select a from t where b in (4)", nil)
	if asked != 0 {
		t.Errorf("a shorter list: cross-door rules asked %d times, want 0", asked)
	}
	ran(t, g, "select a from t where b in (1, 2, 3, 4)", nil)
	if asked != 1 {
		t.Errorf("a longer list: cross-door rules asked %d times, want 1", asked)
	}
}
