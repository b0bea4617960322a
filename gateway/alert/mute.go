package alert

import (
	"slices"
	"time"
)

// Mute keeps one cause, or with "*" every cause, from being told until a moment that everybody can see.
type Mute struct {
	Cause string    `json:"cause"`
	Until time.Time `json:"until"`
	By    string    `json:"by"`
	Why   string    `json:"why"`
}

// muted reports whether cause is kept quiet at now.
func (l *ledger) muted(cause string, now time.Time) bool {
	return slices.ContainsFunc(l.mutes, func(m Mute) bool { return (m.Cause == cause || m.Cause == "*") && now.Before(m.Until) })
}

// mute replaces the mute of m.Cause; one whose time has come ends it.
func (l *ledger) mute(m Mute, now time.Time) {
	l.mutes = slices.DeleteFunc(l.mutes, func(old Mute) bool { return old.Cause == m.Cause })
	if now.Before(m.Until) {
		l.mutes = append(l.mutes, m)
	}
}
