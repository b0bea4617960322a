package config

import (
	"fmt"
	"time"
)

// Pool is the pool of the database door; the section moves to dbguard/wire with its settings.
type Pool struct {
	Mode string        `yaml:"mode" doc:"transaction: a connection is shared after each transaction; session: after each login."`
	Max  int           `yaml:"max" doc:"Connections to PostgreSQL at most."`
	Wait time.Duration `yaml:"wait" doc:"Longest wait for a free connection."`
	Idle time.Duration `yaml:"idle" doc:"Unused connections are closed after this time."`
}

func (p Pool) validate() []error {
	var bad []error
	if p.Mode != "transaction" && p.Mode != "session" {
		bad = append(bad, fmt.Errorf("pool.mode is %q, want transaction or session", p.Mode))
	}
	if p.Max < 1 {
		bad = append(bad, fmt.Errorf("pool.max is %d, want 1 or more", p.Max))
	}
	if p.Wait <= 0 {
		bad = append(bad, fmt.Errorf("pool.wait is %s, want more than 0s", p.Wait))
	}
	return bad
}
