package main

import (
	"github.com/spf13/cobra"

	"sallyport/gateway/preflight"
)

func (p *program) driftCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "drift", Short: "List what is declared and not so; exit 1 where there is something", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			site, err := p.site(cmd)
			if err != nil {
				return err
			}
			facts, err := preflight.Drift(cmd.Context(), site)
			if err != nil {
				return ends(codeUsage, "%w", err)
			}
			return p.sayDrift(facts)
		},
	}
	p.addSettingFlags(cmd)
	return cmd
}

func (p *program) sayDrift(facts []preflight.Fact) error {
	if p.json {
		if err := p.answer("drift", struct {
			Count int              `json:"count"`
			Items []preflight.Fact `json:"items"`
		}{len(facts), append([]preflight.Fact{}, facts...)}); err != nil {
			return err
		}
	} else {
		rows := [][]string{{"FACT", "DECLARED", "OBSERVED", "SOURCE"}}
		for _, f := range facts {
			rows = append(rows, []string{f.Fact, f.Declared, f.Observed, f.Source})
		}
		if len(facts) == 0 {
			p.say("everything is as declared")
		} else {
			p.table(rows)
		}
	}
	if len(facts) > 0 {
		return failed()
	}
	return nil
}
