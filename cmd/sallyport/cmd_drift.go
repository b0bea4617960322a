package main

import (
	"context"

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
			sinceWhen(cmd.Context(), site.Instance, facts)
			return p.sayDrift(facts)
		},
	}
	p.addSettingFlags(cmd)
	return cmd
}

// sinceWhen takes over from the running instance since when each fact has been seen; without one they are seen now.
func sinceWhen(ctx context.Context, i *preflight.Instance, facts []preflight.Fact) {
	var m struct {
		Hardening struct {
			Drift struct{ Items []preflight.Fact }
		}
	}
	if len(facts) == 0 || i.Get(ctx, "/api/hardening/metrics", &m) != nil {
		return
	}
	for n := range facts {
		for _, seen := range m.Hardening.Drift.Items {
			if seen.Fact == facts[n].Fact && seen.Declared == facts[n].Declared && seen.Since.Before(facts[n].Since) {
				facts[n].Since = seen.Since
			}
		}
	}
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
		rows := [][]string{{"FACT", "DECLARED", "OBSERVED", "SOURCE", "SINCE"}}
		for _, f := range facts {
			rows = append(rows, []string{f.Fact, f.Declared, f.Observed, f.Source, local(f.Since)})
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
