package main

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"

	"github.com/spf13/cobra"

	"sallyport/gateway/preflight"
)

// health is the answer of /api/hardening/health, as far as it is shown.
type health struct {
	Status string                 `json:"status"`
	Checks map[string]healthCheck `json:"checks"`
}

type healthCheck struct {
	Status string `json:"status"`
	Detail string `json:"detail"`
}

func (p *program) healthCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "health", Short: "Ask the running instance how it is; exit 0 healthy or degraded, 1 unhealthy, 3 not there", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := p.ask(cmd, http.MethodGet, "/api/hardening/health", nil)
			if err != nil {
				return err
			}
			return p.sayHealth(r)
		},
	}
	p.addAdminFlag(cmd)
	return cmd
}

func (p *program) sayHealth(r preflight.Reply) error {
	var h health
	if err := json.Unmarshal(r.Body, &h); err != nil || h.Status == "" {
		return ends(codeFailed, "%s", r.Problem())
	}
	if p.json {
		if err := p.answer("health", h); err != nil {
			return err
		}
	} else {
		p.say("%s", h.Status)
		for _, name := range slices.Sorted(maps.Keys(h.Checks)) {
			if c := h.Checks[name]; c.Status != "healthy" {
				p.say("  %s: %s %s", name, c.Status, c.Detail)
			}
		}
	}
	if r.Status != http.StatusOK {
		return failed()
	}
	return nil
}
