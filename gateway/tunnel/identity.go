package tunnel

import (
	"context"
	"os"
	"time"
)

// identity tells a process from any other that ever had its number. A recorded number alone is never signalled.
type identity struct {
	PID     int    `json:"pid"`
	Started string `json:"started"` // in the system's own clock
	Boot    string `json:"boot"`    // of the system, as start times count from there
	Exe     string `json:"exe"`
}

// alive reports whether the very process that was recorded still runs.
func (id identity) alive() bool {
	if id.PID <= 1 || id.Started == "" || id.Boot == "" {
		return false
	}
	now, err := identify(id.PID)
	return err == nil && now == id
}

// end asks the recorded process to stop, with its group where it leads one, and ends it after grace. It does nothing where the number belongs to
// another process by now, and looks again before each signal.
func (id identity) end(ctx context.Context, grace time.Duration) {
	p, err := os.FindProcess(id.PID) // on Linux this holds the process itself, so that the number cannot change hands
	if err != nil || !id.alive() {
		return
	}
	defer func() { _ = p.Release() }() // it cannot fail in a way that matters here
	askToEnd(p)
	deadline := time.NewTimer(grace)
	defer deadline.Stop()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for id.alive() {
		select {
		case <-look.C:
			continue
		case <-deadline.C:
		case <-ctx.Done():
		}
		if id.alive() {
			endNow(p)
		}
		return
	}
}
