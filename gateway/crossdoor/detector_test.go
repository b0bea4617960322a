package crossdoor

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sallyport/dbguard/screen"
)

// counting knows nothing and counts how often it is asked.
type counting struct{ asked int }

func (c *counting) Knows(*screen.Statement) bool {
	c.asked++
	return false
}

func (*counting) Grown(*screen.Statement) (from, to int, ok bool) { return 0, 0, false }

// keepValues holds one request with these values.
func keepValues(w *Window, values []string) *entry {
	e := &entry{client: "c", limits: w.settings, held: &w.held}
	for i, v := range values {
		e.input(fromQuery, fmt.Sprint("p", i), v)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.admit(e) {
		return nil
	}
	return e
}

// attacksOnUs are statements, and the values of requests, made to hurt the search.
func attacksOnUs() map[string]struct {
	sql      string
	requests [][]string
} {
	var columns strings.Builder
	for i := 0; columns.Len() < 60<<10; i++ {
		fmt.Fprintf(&columns, "col_%d = %d or ", i, i*7)
	}
	text := columns.String()
	pieces := func(text string) [][]string {
		cut := make([][]string, 32)
		for i := range 8000 {
			at := i * 7 % (len(text) - 40)
			cut[i%32] = append(cut[i%32], text[at:at+8+i%24])
		}
		return cut
	}
	repeats := strings.Repeat("a or ", 12<<10)
	return map[string]struct {
		sql      string
		requests [][]string
	}{
		"8,000 values cut out of 60 KB": {"SELECT 1 FROM t WHERE " + text + "1=1", pieces(text)},
		"8,000 values cut out of 1 KB":  {"SELECT 1 FROM t WHERE " + text[:1000] + "x=2", pieces(text[:1000])},
		"64 KB of repeats":              {"SELECT 1 FROM t WHERE " + repeats + "a", [][]string{{repeats[:8000], repeats[1:4000], "or a or", "a or a", "or"}}},
		"64 KB of quotes":               {"SELECT '" + strings.Repeat("'' or ", 10<<10) + "'", [][]string{{"'' or ''", "' or '", strings.Repeat("'' or ", 1000)}}},
	}
}

func TestStatementsMadeToHurtStayWithinTheCaps(t *testing.T) {
	for name, a := range attacksOnUs() {
		model := &counting{}
		s := Defaults()
		s.Budget = time.Hour // so that the other bounds are what holds
		w := New(s, Parts{Model: model})
		for _, values := range a.requests {
			keepValues(w, values)
		}
		if got, most := w.Snapshot().Bytes, int64(len(a.requests))*(s.RequestMax+valueOverhead); got > most {
			t.Errorf("%s: %d bytes held, want at most %d", name, got, most)
		}
		stmt := screen.Read(a.sql, screen.Options{})
		w.check(stmt)
		if model.asked > s.Lexes {
			t.Errorf("%s: %d counterfactual readings, want at most %d", name, model.asked, s.Lexes)
		}
		w.settings.Budget = time.Nanosecond
		w.check(stmt)
		stmt.Release()
		if got := w.Snapshot().OverBudget; len(a.requests) > 8 && got != 1 {
			t.Errorf("%s: given up for time %d times, want once", name, got)
		}
	}
}

func TestAFullWindowHoldsNoMoreThanItMay(t *testing.T) {
	s := Defaults()
	s.Requests, s.Memory = 100, 200_000
	for name, size := range map[string]int{"small requests": 10, "large requests": 7000} {
		w := New(s, Parts{})
		for i := range 300 {
			keepValues(w, []string{fmt.Sprint(i, " or ", strings.Repeat("x ", size/2))})
		}
		if got := w.Snapshot(); got.InFlight > s.Requests || got.Bytes > s.Memory || got.Full == 0 {
			t.Errorf("%s: got %+v, want at most %d requests and %d bytes, the rest counted as full", name, got, s.Requests, s.Memory)
		}
	}
}
