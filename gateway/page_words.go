package gateway

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"sallyport/gateway/dashboard"
)

// ago says how long before now t was.
func ago(now, t time.Time) string {
	d := now.Sub(t).Round(time.Second)
	switch {
	case d < 2*time.Second:
		return "just now"
	case d < time.Minute:
		return fmt.Sprintf("%d s ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	}
	return longer(d) + " ago"
}

// longer says a long time: "6 d 4 h", "2 h 5 min", "48 s".
func longer(d time.Duration) string {
	switch {
	case d >= 24*time.Hour:
		return fmt.Sprintf("%d d %d h", int(d.Hours())/24, int(d.Hours())%24)
	case d >= time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	case d >= time.Minute:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	}
	return fmt.Sprintf("%d s", int(d.Seconds()))
}

func inMs(d time.Duration) string { return msText(milliseconds(d)) }

// msText says milliseconds as people read them: "0.3 ms", "142 ms", "1.31 s".
func msText(ms float64) string {
	switch {
	case ms >= 1000:
		return fmt.Sprintf("%.2f s", ms/1000)
	case ms >= 10:
		return fmt.Sprintf("%.0f ms", ms)
	}
	return fmt.Sprintf("%.1f ms", ms)
}

// grouped is n with commas: "318,204".
func grouped[T int | int64 | uint64](n T) string {
	s := strconv.FormatInt(int64(n), 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func sizeText(bytes uint64) string { return fmt.Sprintf("%.0f MB", float64(bytes)/(1<<20)) }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// stateOf is a health word as the page colours it.
func stateOf(status string) dashboard.State {
	switch status {
	case healthy:
		return dashboard.OK
	case degraded:
		return dashboard.Warn
	}
	return dashboard.Bad
}

// warnIf is a fact that is coloured where something was counted.
func warnIf(name string, n int64, s dashboard.State) dashboard.Fact {
	f := dashboard.Fact{Name: name, Value: grouped(n)}
	if n > 0 {
		f.State = s
	}
	return f
}
