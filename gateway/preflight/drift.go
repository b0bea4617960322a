package preflight

import (
	"context"
	"time"
)

// Fact is something that the settings declare and that is not so.
type Fact struct {
	Fact     string    `json:"fact"`
	Declared string    `json:"declared"`
	Observed string    `json:"observed"`
	Source   string    `json:"source"`
	Since    time.Time `json:"since"`
	// Evidence are the facts behind it, a line each, and Fix the command that mends it; both may be empty.
	Evidence []string `json:"evidence,omitempty"`
	Fix      string   `json:"fix,omitempty"`
}

// Drift returns every fact that is not as declared, in a stable order; nil where all are. It may take some seconds.
func Drift(ctx context.Context, site Site) ([]Fact, error) {
	now := site.now().UTC()
	facts, err := writtenFacts(site)
	for _, c := range []struct {
		fact, declared string
		check          func(context.Context, Site) Result
	}{
		{"one owner per port", "127.0.0.1 and [::1] of a port are one process", checkSplitPort},
		{"our ports", "held by sallyport", checkOwners},
		{"tunnel rule", "http://" + doorForTunnel(site), checkTunnelRule},
	} {
		looking, cancel := context.WithTimeout(ctx, checkWait)
		r := c.check(looking, site)
		cancel()
		if r.Status == Fail {
			facts = append(facts, Fact{Fact: c.fact, Declared: c.declared, Observed: r.Found, Source: "this machine", Evidence: r.Evidence, Fix: r.Fix})
		}
	}
	for i := range facts {
		facts[i].Since = now
	}
	return facts, err
}
