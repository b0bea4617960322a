// Package tunnel supervises cloudflared: process, probes, restart budget, certificate, binary and credentials.
//
// One goroutine owns a pure function, step(state, evidence, now) (state, actions); everything else in the package either
// gathers evidence or carries out an action. The same machinery can run the app behind the doors.
package tunnel

import "time"

// Severity says how much an incident matters; the words are those of the journal.
type Severity string

// The severities, from least to most.
const (
	Warning  Severity = "warning"
	Critical Severity = "critical"
)

// Incident is one turn in the life of a fault: it opened or it is over. At most one per cause is open at a time.
type Incident struct {
	At    time.Time
	Cause Cause
	// Open is true when the fault was confirmed and false when it is over.
	Open     bool
	Severity Severity
	// Since is when the fault was confirmed; At - Since is how long it lasted.
	Since time.Time
	// Summary is one sentence a person reads: what was seen and what it means.
	Summary string
	// Detail holds further facts by name, redacted; nil where there are none.
	Detail map[string]string
}

// Phase is where the supervisor stands.
type Phase string

// The phases. A tunnel serves in Up, Degraded and Suspect.
const (
	Off      Phase = "off"
	WaitNet  Phase = "waiting-for-network"
	Starting Phase = "starting"
	Up       Phase = "up"
	Degraded Phase = "degraded"
	Suspect  Phase = "suspect"
	Healing  Phase = "healing"
	Backoff  Phase = "backoff"
	Held     Phase = "held"
	Stopping Phase = "stopping"
)

// Serves reports a phase in which requests are brought.
func (p Phase) Serves() bool { return p == Up || p == Degraded || p == Suspect }
