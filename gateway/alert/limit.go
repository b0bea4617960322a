package alert

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"sallyport/gateway/journal"
)

// limit lets at most max messages out in any hour. The last one of a full hour says that more are held back.
type limit struct {
	max  int
	sent []time.Time // within the last hour, oldest first
	held int         // messages that found no room since
	full bool        // people know that messages are held back
}

// admit returns e where the hour has room, the notice that it has none, or nothing.
func (l *limit) admit(e Event, now time.Time) []Event {
	l.forget(now)
	if l.held == 0 && (len(l.sent) < l.max-1 || l.max == 1 && len(l.sent) == 0) {
		l.sent = append(l.sent, now)
		return []Event{e}
	}
	l.held++
	if l.full || len(l.sent) >= l.max {
		return nil
	}
	l.full = true
	l.sent = append(l.sent, now)
	return []Event{{At: now, Cause: "ALERT_LIMIT", State: Overflow, Severity: journal.Warning, Summary: fmt.Sprintf(
		"more than %d messages this hour: the rest is counted until %s", l.max-1, l.sent[0].Add(time.Hour).UTC().Format("15:04 UTC"))}}
}

// summary tells what was held back, once there is room for that and more.
func (l *limit) summary(now time.Time, open []string) []Event {
	l.forget(now)
	if l.held == 0 || len(l.sent) >= max(l.max-1, 1) {
		return nil
	}
	e := Event{At: now, Cause: "ALERT_LIMIT", State: Overflow, Severity: journal.Warning, Summary: fmt.Sprintf(
		"%d messages were held back; open now: %s", l.held, listed(open))}
	l.held, l.full = 0, false
	l.sent = append(l.sent, now)
	return []Event{e}
}

// free is when there is room for what is held back; zero where nothing is.
func (l *limit) free(now time.Time) time.Time {
	if l.held == 0 || len(l.sent) == 0 {
		return time.Time{}
	}
	first := max(0, len(l.sent)-max(l.max-1, 1))
	if at := l.sent[first].Add(time.Hour + 1); at.After(now) {
		return at
	}
	return now
}

func (l *limit) forget(now time.Time) {
	l.sent = slices.DeleteFunc(l.sent, func(at time.Time) bool { return now.Sub(at) > time.Hour })
}

func listed(causes []string) string {
	if len(causes) == 0 {
		return "nothing"
	}
	return strings.Join(causes, ", ")
}
