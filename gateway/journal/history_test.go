package journal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if path := os.Getenv("SALLYPORT_TEST_HISTORY"); path != "" {
		writeUntilKilled(path)
	}
	goleak.VerifyTestMain(m)
}

// running is a history in its own goroutine.
type running struct {
	*History
	stop func()

	mu       sync.Mutex
	reported []Event
}

// start runs a history on path and waits until it is open.
func start(t *testing.T, s Settings, clock func() time.Time) *running {
	t.Helper()
	r := launch(t, s, clock)
	select {
	case <-r.Ready():
	case <-time.After(10 * time.Second):
		t.Fatalf("history is not open after 10 s: %+v", r.Status())
	}
	return r
}

func launch(t *testing.T, s Settings, clock func() time.Time) *running {
	t.Helper()
	r := &running{}
	r.History = NewHistory(s, HistoryOptions{Clock: clock, Report: func(e Event) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.reported = append(r.reported, e)
	}})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	var once sync.Once
	r.stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("run: %v", err)
			}
		})
	}
	t.Cleanup(r.stop)
	return r
}

// kinds are those of what the history said of its own file.
func (r *running) kinds() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var k []string
	for _, e := range r.reported {
		k = append(k, e.Kind)
	}
	return strings.Join(k, " ")
}

// eventually waits until claim holds.
func eventually(t *testing.T, what string, claim func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !claim(); {
		if time.Now().After(end) {
			t.Fatalf("not within 10 s: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func settings(t *testing.T) Settings {
	s := Defaults()
	s.Path = filepath.Join(t.TempDir(), "deep", "history.db")
	return s
}

func TestEventsAndStateSurviveARestart(t *testing.T) {
	s := settings(t)
	h := start(t, s, nil)
	j := New(Options{History: h.History})
	j.Add(Event{Door: "http", Kind: "rate-limited", Severity: Warning, Client: "192.0.2.1", Request: "r1", Summary: "it's \x00 \"odd\" ☃", Detail: map[string]string{"count": "7"}})
	j.Add(Event{Door: "database", Kind: "query-blocked"})
	h.Keep("totals", []byte(`{"n":1}`))
	h.Keep("totals", []byte(`{"n":2}`))
	h.stop()

	h = start(t, s, nil)
	got, err := h.Events(t.Context(), EventQuery{})
	if err != nil || len(got) != 2 {
		t.Fatalf("events: got %d, %v; want 2", len(got), err)
	}
	want := j.Newest(2)
	for i := range got {
		want[i].At = want[i].At.Truncate(time.Microsecond)
		if fmt.Sprintf("%+v", got[i]) != fmt.Sprintf("%+v", want[i]) {
			t.Errorf("event %d:\ngot  %+v\nwant %+v", i, got[i], want[i])
		}
	}
	if state, err := h.State(t.Context(), "totals"); err != nil || string(state) != `{"n":2}` {
		t.Errorf("state: got %q, %v", state, err)
	}
	if state, err := h.State(t.Context(), "nothing"); err != nil || state != nil {
		t.Errorf("state of an unknown key: got %q, %v, want nil, nil", state, err)
	}
}

func TestEventsAreChosenByKindTimeAndLimit(t *testing.T) {
	h := start(t, settings(t), nil)
	base := time.Unix(1700000000, 0).UTC()
	for i := range 10 {
		h.Record(Event{ID: base.Add(time.Duration(i) * time.Second).UnixMicro(), Door: "http", Kind: []string{"even", "odd"}[i%2], Severity: Info})
	}
	count := func(q EventQuery) int {
		t.Helper()
		got, err := h.Events(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		return len(got)
	}
	eventually(t, "10 events are written", func() bool { return count(EventQuery{}) == 10 })
	for _, c := range []struct {
		q    EventQuery
		want int
	}{
		{EventQuery{Kind: "odd"}, 5},
		{EventQuery{Door: "database"}, 0},
		{EventQuery{From: base.Add(3 * time.Second)}, 7},
		{EventQuery{To: base.Add(3 * time.Second)}, 3},
		{EventQuery{After: base.Add(7 * time.Second).UnixMicro()}, 2},
		{EventQuery{Limit: 4}, 4},
	} {
		if got := count(c.q); got != c.want {
			t.Errorf("%+v: got %d events, want %d", c.q, got, c.want)
		}
	}
	counts, err := h.Counts(t.Context(), base, base.Add(9*time.Second))
	if err != nil || len(counts) != 2 || counts[0].Kind != "even" || counts[0].Events != 5 || counts[1].Events != 4 {
		t.Errorf("counts: got %+v, %v; want 5 even, 4 odd", counts, err)
	}
}

func TestMinutesAreFoldedAndContinueAfterARestart(t *testing.T) {
	s := settings(t)
	now := time.Unix(1700000000/3600*3600+59*60, 0).UTC() // one minute before a full hour
	clock := func() time.Time { return now }
	sample := func(h *running, at time.Time, v float64) {
		h.Sample(at, []Figure{{"requests", Sum, v}, {"memory", Mean, v}, {"worst", Max, v}})
	}
	h := start(t, s, clock)
	sample(h, now, 1)
	sample(h, now.Add(time.Second), 3)
	h.stop()
	h = start(t, s, clock)
	sample(h, now.Add(30*time.Second), 5)
	sample(h, now.Add(60*time.Second), 10)
	want := func(h *running) {
		t.Helper()
		tracks, err := h.Series(t.Context(), []string{"requests", "memory", "worst"}, now.Add(-time.Minute), now.Add(2*time.Minute), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, tr := range tracks {
			got += fmt.Sprint(tr.Name, tr.Points, " ")
		}
		if want := "memory[NaN 3 10] requests[NaN 9 10] worst[NaN 5 10] "; got != want {
			t.Errorf("series: got %s, want %s", got, want)
		}
	}
	want(h)
	h.stop()
	now = now.Add(2 * time.Hour)
	h = start(t, s, clock)
	h.Sample(now, []Figure{{"requests", Sum, 1}})
	h.stop()
	now = now.Add(-2 * time.Hour)
	want(start(t, s, clock))
}

func TestSeriesInLongerSteps(t *testing.T) {
	now := time.Unix(1700000000/3600*3600, 0).UTC()
	h := start(t, settings(t), func() time.Time { return now })
	for m := range 10 {
		h.Sample(now.Add(time.Duration(m)*time.Minute), []Figure{{"requests", Sum, 2}, {"memory", Mean, float64(m)}})
	}
	eventually(t, "ten minutes are written", func() bool {
		tracks, err := h.Series(t.Context(), nil, now, now.Add(10*time.Minute), 5*time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		return len(tracks) == 2 && fmt.Sprint(tracks[0].Points, tracks[1].Points) == "[2 7] [10 10]"
	})
}

func TestDamagedFileIsMovedAsideAndTheHistoryGoesOn(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, path string){
		"truncated": func(t *testing.T, path string) {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(path, info.Size()/2); err != nil {
				t.Fatal(err)
			}
		},
		"not a database": func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(strings.Repeat("this is no database\n", 500)), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"a page overwritten": func(t *testing.T, path string) {
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			for page := int64(8); page < 20; page++ {
				if _, err := f.WriteAt([]byte(strings.Repeat("X", 4096)), page*4096); err != nil {
					t.Fatal(err)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := settings(t)
			h := start(t, s, nil)
			for i := range 3000 {
				h.Record(Event{ID: int64(i + 1), Kind: "k", Summary: strings.Repeat("s", 100)})
			}
			h.stop()
			spoil(t, s.Path)

			h = start(t, s, nil)
			eventually(t, "the file is moved aside", func() bool { return strings.Contains(h.kinds(), "history-damaged") })
			eventually(t, "events are written again", func() bool {
				h.Record(Event{ID: time.Now().UnixMicro(), Kind: "after"})
				got, err := h.Events(t.Context(), EventQuery{Kind: "after"})
				return err == nil && len(got) > 0
			})
			kept, err := filepath.Glob(s.Path + ".damaged-*")
			if err != nil || len(kept) == 0 {
				t.Errorf("damaged file: got %v, %v; want it kept beside the new one", kept, err)
			}
		})
	}
}

func TestSecondGatewayWaitsForTheFileAndThenTakesIt(t *testing.T) {
	s := settings(t)
	first := start(t, s, nil)
	first.Keep("who", []byte("first"))
	second := launch(t, s, nil)
	eventually(t, "the second one says so", func() bool { return second.Status().Held && second.kinds() == "history-unavailable" })
	if _, err := second.Events(t.Context(), EventQuery{}); !errors.Is(err, ErrNotOpen) {
		t.Errorf("events while held: got %v, want ErrNotOpen", err)
	}
	second.Record(Event{ID: 7, Kind: "waited"})
	first.stop()
	eventually(t, "the second one has it", func() bool {
		got, err := second.Events(t.Context(), EventQuery{Kind: "waited"})
		return err == nil && len(got) == 1
	})
	if who, err := second.State(t.Context(), "who"); err != nil || string(who) != "first" {
		t.Errorf("state: got %q, %v; want what the first one kept", who, err)
	}
}

func TestOldRowsGoByAgeAndBySize(t *testing.T) {
	s := settings(t)
	now := time.Unix(1700000000, 0).UTC()
	h := start(t, s, func() time.Time { return now })
	for d := range 60 {
		h.Record(Event{ID: now.AddDate(0, 0, -d).UnixMicro(), Kind: "k"})
	}
	h.stop()
	h = start(t, s, func() time.Time { return now })
	h.Record(Event{ID: 1, Kind: "makes a commit due"})
	eventually(t, "30 days are left", func() bool {
		got, err := h.Events(t.Context(), EventQuery{Kind: "k"})
		return err == nil && len(got) <= 31
	})
	h.stop()

	for range 3 {
		h = start(t, s, func() time.Time { return now })
		for i := range 3000 {
			h.Record(Event{ID: now.UnixMicro() - int64(time.Duration(i)*time.Minute/time.Microsecond), Kind: "k", Summary: strings.Repeat("s", 1000)})
		}
		h.stop()
		now = now.Add(time.Hour)
	}
	s.Max = 2 << 20
	h = start(t, s, func() time.Time { return now })
	h.Record(Event{ID: now.UnixMicro(), Kind: "newest"})
	eventually(t, "the file is small", func() bool { return h.Status().Bytes < 3<<20 && !h.Status().LastWrite.IsZero() })
	got, err := h.Events(t.Context(), EventQuery{Kind: "newest"})
	if err != nil || len(got) != 1 {
		t.Errorf("the newest event: got %d, %v; want 1", len(got), err)
	}
}

func TestFullQueueDropsAndCounts(t *testing.T) {
	h := NewHistory(settings(t), HistoryOptions{})
	for range queueSize + 10 {
		h.Record(Event{})
	}
	if got := h.Status().Dropped; got != 10 {
		t.Errorf("dropped: got %d, want 10", got)
	}
}

func TestWithoutAPathNothingIsKept(t *testing.T) {
	h := NewHistory(Settings{}, HistoryOptions{})
	if h.Record(Event{}) {
		t.Error("an event was kept, want none")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.Run(ctx); err != nil {
		t.Errorf("run: %v", err)
	}
}

// writeUntilKilled is the child of the next test: it records one event each millisecond and prints its number.
func writeUntilKilled(path string) {
	s := Defaults()
	s.Path = path
	h := NewHistory(s, HistoryOptions{})
	go func() { _ = h.Run(context.Background()) }()
	<-h.Ready()
	for i := int64(1); ; i++ {
		h.Record(Event{ID: time.Now().UnixMicro(), Kind: "n", Summary: fmt.Sprint(i)})
		h.Sample(time.Now(), []Figure{{"n", Sum, 1}})
		fmt.Println(time.Now().UnixMicro())
		time.Sleep(time.Millisecond)
	}
}

func TestKilledProcessLosesAtMostTheLastSecond(t *testing.T) {
	s := settings(t)
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), "SALLYPORT_TEST_HISTORY="+s.Path)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	said := 0
	var last int64
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if _, err := fmt.Sscan(lines.Text(), &last); err != nil {
			break
		}
		if said++; said == 1500 {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = child.Wait()

	h := start(t, s, nil)
	got, err := h.Events(t.Context(), EventQuery{Limit: 1})
	if err != nil || len(got) != 1 {
		t.Fatalf("events: got %d, %v", len(got), err)
	}
	// the writer commits each half second; the rest is for a machine that is too busy to let it
	if lost := time.Duration(last-got[0].ID) * time.Microsecond; lost > 4*flushEvery {
		t.Errorf("lost %v of events, want at most 1 s, or 2 s on a busy machine", lost)
	}
	if h.kinds() != "" {
		t.Errorf("the file: got %s, want nothing to report", h.kinds())
	}
	tracks, err := h.Series(t.Context(), []string{"n"}, time.Now().Add(-time.Hour), time.Now(), time.Minute)
	if err != nil || len(tracks) != 1 {
		t.Fatalf("series: got %d, %v", len(tracks), err)
	}
	sum := 0.0
	for _, v := range tracks[0].Points {
		if !math.IsNaN(v) {
			sum += v
		}
	}
	all, err := h.Events(t.Context(), EventQuery{Limit: 1 << 20})
	if err != nil || math.Abs(sum-float64(len(all))) > 2 {
		t.Errorf("figures say %v, events %d (%v); want the same but for the one in flight", sum, len(all), err)
	}
}
