package alert

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/gateway/journal"
)

var noon = time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)

// book is a ledger with a clock of its own and all it has said.
type book struct {
	*ledger
	now  time.Time
	said []Event
}

func newBook() *book { return &book{ledger: newLedger(Defaults()), now: noon} }

func fault(cause string) Fault {
	return Fault{Cause: cause, Severity: journal.Critical, Summary: cause + " happened"}
}

func (b *book) bad(cause string) *book {
	b.said = append(b.said, b.open(fault(cause), b.now)...)
	return b
}
func (b *book) good(cause string) *book {
	b.said = append(b.said, b.close(cause, "", b.now)...)
	return b
}

// wait lets d pass, and lets the ledger speak whenever it wants to.
func (b *book) wait(d time.Duration) *book {
	end := b.now.Add(d)
	for {
		at := b.next(b.now)
		if at.IsZero() || at.After(end) {
			break
		}
		if at.After(b.now) {
			b.now = at
		}
		before := len(b.said)
		b.said = append(b.said, b.due(b.now)...)
		if len(b.said) == before && b.next(b.now).Equal(at) {
			b.now = b.now.Add(time.Second) // nothing came of it; do not spin
		}
	}
	b.now = end
	b.said = append(b.said, b.due(b.now)...)
	return b
}

func (b *book) states() []string {
	var got []string
	for _, e := range b.said {
		got = append(got, string(e.State)+" "+e.Cause)
	}
	return got
}

func (b *book) want(t *testing.T, want ...string) {
	t.Helper()
	if got := b.states(); !slices.Equal(got, want) {
		t.Errorf("said %q, want %q", got, want)
	}
}

func TestIncidentIsToldOnceAndResolvedOnce(t *testing.T) {
	b := newBook().bad("A").bad("A").wait(time.Minute).bad("A").wait(2 * time.Minute).good("A").good("A").wait(time.Hour)
	b.want(t, "open A", "resolved A")
	if got := b.said[1].Lasted; got != 3*time.Minute {
		t.Errorf("resolved after %s, want 3m", got)
	}
}

func TestCausesAreToldApart(t *testing.T) {
	newBook().bad("A").bad("B").good("A").want(t, "open A", "open B", "resolved A")
}

func TestRemindersComeAfterOneSixAndTwentyFourHoursAndThenEveryRepeat(t *testing.T) {
	b := newBook().bad("A").wait(33 * time.Hour)
	var after []time.Duration
	for _, e := range b.said[1:] {
		after = append(after, e.At.Sub(noon).Round(time.Minute))
	}
	want := []time.Duration{time.Hour, 6 * time.Hour, 24 * time.Hour, 28 * time.Hour, 32 * time.Hour}
	if !slices.Equal(after, want) {
		t.Errorf("reminded after %v, want %v", after, want)
	}
}

func TestSixTransitionsAreToldAsOneFlapping(t *testing.T) {
	b := newBook()
	for range 3 {
		b.bad("A").wait(time.Minute).good("A").wait(time.Minute)
	}
	b.want(t, "open A", "resolved A", "open A", "flapping A")
	b.wait(time.Hour)
	b.want(t, "open A", "resolved A", "open A", "flapping A", "resolved A")
}

func TestFlappingThatStaysOpenIsToldOpenOnceCalm(t *testing.T) {
	b := newBook()
	for range 3 {
		b.bad("A").wait(time.Second).good("A").wait(time.Second)
	}
	b.bad("A").wait(11 * time.Minute)
	b.want(t, "open A", "resolved A", "open A", "flapping A", "open A")
}

func TestThreeTransitionsInTenMinutesDoNotFlap(t *testing.T) {
	b := newBook()
	for range 5 {
		b.bad("A").wait(4 * time.Minute).good("A").wait(4 * time.Minute)
	}
	if slices.Contains(b.states(), "flapping A") {
		t.Errorf("said %q, want no flapping: three turns in any ten minutes", b.states())
	}
}

func TestMuteIsQuietUntilItExpires(t *testing.T) {
	b := newBook()
	b.mute(Mute{Cause: "A", Until: noon.Add(time.Hour)}, b.now)
	b.bad("A").bad("B").wait(59*time.Minute).want(t, "open B")
	b.wait(2 * time.Minute)
	b.want(t, "open B", "open A", "reminder B")
	if len(b.mutes) != 0 {
		t.Errorf("%d mutes left, want none", len(b.mutes))
	}
}

func TestIncidentThatCameAndWentWhileMutedIsNeverTold(t *testing.T) {
	b := newBook()
	b.mute(Mute{Cause: "*", Until: noon.Add(time.Hour)}, b.now)
	b.bad("A").wait(time.Minute).good("A").wait(2 * time.Hour).want(t)
}

func TestIncidentToldBeforeAMuteIsStillResolved(t *testing.T) {
	b := newBook().bad("A")
	b.mute(Mute{Cause: "A", Until: noon.Add(time.Hour)}, b.now)
	b.wait(time.Minute).good("A").want(t, "open A", "resolved A")
}

func TestAtMostTwentyMessagesInAnyHour(t *testing.T) {
	b := newBook()
	for i := range 100 {
		b.bad(fmt.Sprintf("C%02d", i)).wait(10 * time.Second)
	}
	if len(b.said) != 20 || b.said[19].State != Overflow {
		t.Fatalf("said %d messages, the last %q, want 20 and a notice", len(b.said), b.said[len(b.said)-1].State)
	}
	b.wait(time.Hour)
	for i := range b.said {
		n := 0
		for _, e := range b.said[i:] {
			if e.At.Sub(b.said[i].At) < time.Hour {
				n++
			}
		}
		if n > 20 {
			t.Fatalf("%d messages in the hour from message %d, want at most 20", n, i)
		}
	}
	found := slices.ContainsFunc(b.said[20:], func(e Event) bool {
		return e.State == Overflow && strings.Contains(e.Summary, "held back") && strings.Contains(e.Summary, "C99")
	})
	if !found {
		t.Errorf("said %q, want a summary of what was held back that names what is open", b.states()[20:])
	}
}

func TestCheckOpensAtTwoOfThreeAndEndsAfterTwoGoodOnes(t *testing.T) {
	for _, c := range []struct{ results, open string }{
		{"bbbgg", ".##" + "#."},
		{"bgbgg", "..##."},
		{"bggbgg", "......"},
		{"bbgbgg", ".####."},
	} {
		var got strings.Builder
		tl := &tally{}
		for _, r := range c.results {
			if tl.add(DefaultThreshold, r == 'g') {
				got.WriteByte('#')
			} else {
				got.WriteByte('.')
			}
		}
		if got.String() != c.open {
			t.Errorf("%s is open as %s, want %s", c.results, got.String(), c.open)
		}
	}
}
