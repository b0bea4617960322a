package main

import (
	"encoding/json"
	"net/http"

	"github.com/spf13/cobra"
)

func (p *program) reloadCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "reload", Short: "Make the running instance read its settings anew; a bad file changes nothing", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			i, err := p.instance(cmd)
			if err != nil {
				return err
			}
			r, err := i.ask(cmd.Context(), http.MethodPost, "/-/reload")
			if err != nil {
				return err
			}
			var answer map[string]any
			if err := r.decode(&answer); err != nil {
				return err
			}
			if p.json {
				return p.answer("reload", answer)
			}
			generation, err := json.Marshal(answer["generation"])
			p.say("reloaded, generation %s", generation)
			return err
		},
	}
	p.addAdminFlag(cmd)
	return cmd
}
