package upstream

import "time"

// Snapshot is what the Upstream has done and how the app is.
type Snapshot struct {
	// Breaker is "closed", "half-open" or "open"; Openings counts how often it opened.
	Breaker  string
	Openings int64
	// Requests counts exchanges that were begun, Failed those the app failed, Retries second tries, Refused those that an
	// open breaker answered, InFlight those running now and Upgrades the WebSockets open now.
	Requests, Failed, Retries, Refused, InFlight, Upgrades int64
	// P50 and P95 are how long the app took to begin its answers, over the last one to two minutes; 0 without any.
	P50, P95 time.Duration
	Health   Health
}

// Health is the app as the last look found it.
type Health struct {
	Healthy bool
	// At is when the app was looked at, zero before the first time; Took how long it needed.
	At   time.Time
	Took time.Duration
	// Err is why it is ill, "" where it is not.
	Err string
}

// Snapshot returns the figures of now. Asking changes nothing.
func (u *Upstream) Snapshot() Snapshot {
	m := &u.meter
	return Snapshot{
		Breaker:  *u.breaker.state.Load(),
		Openings: u.breaker.openings.Load(),
		Requests: m.total.Load(),
		Failed:   m.failed.Load(),
		Retries:  m.retries.Load(),
		Refused:  m.refused.Load(),
		InFlight: m.inFlight.Load(),
		Upgrades: m.upgrades.Load(),
		P50:      m.quantile(0.50),
		P95:      m.quantile(0.95),
		Health:   *u.health.Load(),
	}
}
