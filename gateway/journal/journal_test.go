package journal

import (
	"fmt"
	"testing"
	"time"
)

func TestNewestComesFirstAndTheOldestGoes(t *testing.T) {
	j := New(Options{Size: 3})
	for i := range 5 {
		j.Add(Event{Kind: fmt.Sprint("k", i)})
	}
	got := ""
	for _, e := range j.Newest(10) {
		got += e.Kind + " "
	}
	if want := "k4 k3 k2 "; got != want {
		t.Errorf("newest: got %q, want %q", got, want)
	}
	if got := len(j.Newest(2)); got != 2 {
		t.Errorf("newest 2: got %d events", got)
	}
	if got := len(j.Newest(0)); got != 0 {
		t.Errorf("newest 0: got %d events", got)
	}
}

func TestIDsGrowThoughTheClockStandsStill(t *testing.T) {
	still := time.Unix(1700000000, 0)
	j := New(Options{Clock: func() time.Time { return still }})
	j.Add(Event{})
	j.Add(Event{})
	e := j.Newest(2)
	if e[0].ID != e[1].ID+1 {
		t.Errorf("ids: got %d after %d, want one more", e[0].ID, e[1].ID)
	}
}

func TestSubscriberGetsEventsAndLosesTheNewestWhenFull(t *testing.T) {
	j := New(Options{})
	s := j.Subscribe(2)
	for i := range 5 {
		j.Add(Event{Kind: fmt.Sprint("k", i)})
	}
	s.Close()
	s.Close()
	j.Add(Event{Kind: "after"})
	got := ""
	for e := range s.Events() {
		got += e.Kind + " "
	}
	if want := "k0 k1 "; got != want {
		t.Errorf("events: got %q, want %q", got, want)
	}
	if s.Dropped() != 3 {
		t.Errorf("dropped: got %d, want 3", s.Dropped())
	}
}

func TestKindsAreCountedBeyondTheRing(t *testing.T) {
	j := New(Options{Size: 1})
	j.Add(Event{Kind: "a"})
	j.Add(Event{Kind: "a"})
	j.Add(Event{Kind: "b"})
	if got := fmt.Sprint(j.Kinds()); got != "map[a:2 b:1]" {
		t.Errorf("kinds: got %s, want map[a:2 b:1]", got)
	}
}

func BenchmarkAdd(b *testing.B) {
	j := New(Options{})
	e := Event{At: time.Unix(1, 0), Door: "http", Kind: "rate-limited", Client: "192.0.2.1"}
	b.ReportAllocs()
	for b.Loop() {
		j.Add(e)
	}
}
