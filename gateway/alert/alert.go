// Package alert tells people: senders, thresholds, deduplication and the message that it is over.
package alert

import (
	"context"
	"time"

	"sallyport/gateway/journal"
)

// State is which turn of an incident a message tells of.
type State string

// The states. An incident opens once, is reminded of while it lasts, and is resolved once; one that keeps opening and
// closing is told as flapping instead.
const (
	Opened   State = "open"
	Reminder State = "reminder"
	Resolved State = "resolved"
	Flapping State = "flapping"
	TestOnly State = "test"
	Overflow State = "overflow"
)

// Event is one message to people. It holds no secret, no literal of a query and no header value.
type Event struct {
	At time.Time `json:"at"`
	// Cause is the key that incidents are told apart by: "ROUTE_LOST", "breaker-open".
	Cause    string           `json:"cause"`
	State    State            `json:"state"`
	Severity journal.Severity `json:"severity"`
	// Summary is one sentence: what is wrong, or what is over.
	Summary string `json:"summary"`
	// Since is when the incident opened; Lasted how long it has lasted, or did.
	Since  time.Time     `json:"since,omitzero"`
	Lasted time.Duration `json:"-"`
	// LastedMs is Lasted in milliseconds.
	LastedMs int64 `json:"lastedMs"`
	// Detail holds further facts by name; nil where there are none.
	Detail map[string]string `json:"detail,omitempty"`
}

// Sender delivers an event to people. Send blocks until it is delivered, refused or ctx ends; an error means that it may
// be sent again.
type Sender interface {
	Send(ctx context.Context, e Event) error
}
