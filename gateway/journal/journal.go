// Package journal remembers what happened: the newest events in memory, all of them in a history file, and tells subscribers.
package journal

import "time"

// Severity says how much an event matters.
type Severity string

// The severities, from least to most.
const (
	Info     Severity = "info"
	Warning  Severity = "warning"
	Critical Severity = "critical"
)

// Event is one thing that happened; it never holds a secret, a literal of a query or a header value.
type Event struct {
	At time.Time `json:"at"`
	// Door is "http", "database", "tunnel", "admin" or "process".
	Door string `json:"door"`
	// Kind is a short stable name: "rate-limited", "query-blocked", "breaker-open", "settings-reloaded".
	Kind     string   `json:"kind"`
	Severity Severity `json:"severity"`
	// Client is the client key, "" where none is involved.
	Client string `json:"client,omitempty"`
	// Request is the request id, "" where none is involved.
	Request string `json:"request,omitempty"`
	// Summary is one sentence a person reads.
	Summary string `json:"summary"`
	// Detail holds further facts by name, small and redacted; nil where there are none.
	Detail map[string]string `json:"detail,omitempty"`
}
