package alert

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"sallyport/gateway/journal"
)

// title is one line that says it all on a phone: state, cause, how long.
func (e Event) title() string {
	switch e.State {
	case Opened:
		return fmt.Sprintf("%s: %s", strings.ToUpper(string(e.Severity)), e.Cause)
	case Reminder:
		return fmt.Sprintf("STILL %s after %s: %s", strings.ToUpper(string(e.Severity)), lasting(e.Lasted), e.Cause)
	case Resolved:
		return fmt.Sprintf("RESOLVED after %s: %s", lasting(e.Lasted), e.Cause)
	case Flapping:
		return "FLAPPING: " + e.Cause
	case TestOnly:
		return "TEST: this is only a test"
	}
	return "TOO MANY MESSAGES"
}

// text is the message in plain text. source names the installation it comes from.
func (e Event) text(source string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s\n", e.title(), e.Summary)
	if e.State == Flapping {
		b.WriteString("It comes and goes; nothing more is said of it until it is calm.\n")
	}
	b.WriteString("\n")
	if !e.Since.IsZero() {
		fmt.Fprintf(&b, "since: %s\n", e.Since.UTC().Format(time.RFC3339))
	}
	for _, k := range slices.Sorted(maps.Keys(e.Detail)) {
		fmt.Fprintf(&b, "%s: %s\n", k, e.Detail[k])
	}
	fmt.Fprintf(&b, "from: %s at %s\n", source, e.At.UTC().Format(time.RFC3339))
	return b.String()
}

// lasting is d as people say it, in its two largest units.
func lasting(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d days %d h", int(d.Hours())/24, int(d.Hours())%24)
}

// trial is the event that Test sends.
func trial(now time.Time) Event {
	return Event{At: now, Cause: "TEST", State: TestOnly, Severity: journal.Info, Summary: "If you read this, alerts reach you."}
}
