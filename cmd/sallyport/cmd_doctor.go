package main

import (
	"context"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"sallyport/gateway/preflight"
)

// checked is the answer of doctor and smoke.
type checked struct {
	Status  preflight.Status   `json:"status"`
	Results []preflight.Result `json:"results"`
}

func (p *program) doctorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "doctor", Short: "Look for what kills demos, in some seconds; exit 1 where a check failed", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			site, err := p.site(cmd)
			if err != nil {
				return err
			}
			p.progress("looking at %s ...", named(site.Config))
			begun := time.Now()
			results := preflight.Run(cmd.Context(), site, preflight.Doctor())
			tellInstance(cmd.Context(), site, "doctor", results, time.Since(begun))
			return p.sayChecks("doctor", results)
		},
	}
	p.addSettingFlags(cmd)
	return cmd
}

// tellInstance lets the running instance remember results, so that its page shows them. Nobody is missed where none runs.
func tellInstance(ctx context.Context, site preflight.Site, name string, results []preflight.Result, took time.Duration) {
	told := *site.Instance
	told.Wait = time.Second
	_, _ = told.Ask(ctx, http.MethodPost, "/api/hardening/checks/record", struct {
		Name    string             `json:"name"`
		TookMs  int64              `json:"tookMs"`
		Results []preflight.Result `json:"results"`
	}{name, took.Milliseconds(), results})
}

// site is the deployment that the settings describe.
func (p *program) site(cmd *cobra.Command) (preflight.Site, error) {
	cfg, err := p.load(cmd)
	if err != nil {
		return preflight.Site{}, err
	}
	token, err := cfg.Secret(cfg.Admin.TokenFile)
	if err != nil {
		token = "" // the check of secrets says so
	}
	self, err := os.Executable()
	if err != nil {
		self = "sallyport"
	}
	return preflight.Site{Config: cfg, Instance: preflight.NewInstance(cfg.Admin.Listen, token), Self: self}, nil
}

// sayChecks shows results and ends with code 1 where one failed.
func (p *program) sayChecks(name string, results []preflight.Result) error {
	worst := preflight.Worst(results)
	if p.json {
		if err := p.answer(name, checked{worst, results}); err != nil {
			return err
		}
	} else {
		p.sayResults(results)
	}
	if worst == preflight.Fail {
		return failed()
	}
	return nil
}

// sayResults shows a line for each result, and for what is not well its evidence and cure.
func (p *program) sayResults(results []preflight.Result) {
	tally := map[preflight.Status]int{}
	for _, r := range results {
		tally[r.Status]++
		p.say("%-5s %-20s %s", r.Status, r.Check, r.Found)
		if r.Status != preflight.Fail && r.Status != preflight.Warn {
			continue
		}
		for _, e := range r.Evidence {
			p.say("%27s%s", "- ", e)
		}
		if r.Fix != "" {
			p.say("%27s%s", "fix: ", r.Fix)
		}
	}
	p.say("%d ok, %d warn, %d fail, %d skip", tally[preflight.OK], tally[preflight.Warn], tally[preflight.Fail], tally[preflight.Skip])
}
