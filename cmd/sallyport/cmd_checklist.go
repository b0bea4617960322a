package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sallyport/gateway/preflight"
)

func (p *program) checklistCommand() *cobra.Command {
	var confirmed []string
	var page bool
	cmd := &cobra.Command{
		Use: "checklist", Short: "Go through the half hour before a demo: checks look, people are asked; exit 1 where a step is open", Args: cobra.NoArgs,
		Example: "  sallyport checklist\n  sallyport checklist --confirm alerts,walk,attack,restart,restore,freeze,fallback --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if page {
				fmt.Fprint(p.out, checklistPage())
				return nil
			}
			if unknown := strangers(confirmed); unknown != "" {
				return ends(codeUsage, "--confirm %s: no step of that name is asked of a person", unknown)
			}
			return p.goThrough(cmd, confirmed)
		},
	}
	cmd.Flags().StringSliceVar(&confirmed, "confirm", nil, "steps that a person vouches for without being asked")
	cmd.Flags().BoolVar(&page, "page", false, "print the list as Markdown and look at nothing")
	p.addSettingFlags(cmd)
	return cmd
}

// strangers returns the first of names that is no step asked of a person, "" where all are.
func strangers(names []string) string {
	for _, n := range names {
		if !slices.ContainsFunc(preflight.Checklist(), func(s preflight.Step) bool { return s.Name == n && s.Ask != "" }) {
			return n
		}
	}
	return ""
}

// goThrough decides every step, shows the results and has the instance keep them.
func (p *program) goThrough(cmd *cobra.Command, confirmed []string) error {
	site, err := p.site(cmd)
	if err != nil {
		return err
	}
	begun := time.Now()
	p.progress("looking at %s and asking %s ...", named(site.Config), asked(site.Config))
	doctor, smoke := preflight.Run(cmd.Context(), site, preflight.Doctor()), preflight.Run(cmd.Context(), site, preflight.Smoke(site))
	ask := p.asker()
	var results []preflight.Result
	for _, s := range preflight.Checklist() {
		switch {
		case s.Ask == "":
			results = append(results, s.Decide(doctor, smoke))
		case slices.Contains(confirmed, s.Name):
			results = append(results, s.Answered("yes"))
		default:
			results = append(results, s.Answered(ask(s)))
		}
	}
	tellInstance(cmd.Context(), site, "checklist", results, time.Since(begun))
	return p.sayChecks("checklist", results)
}

// asker returns what asks a person; where nobody sits there it answers "" to everything.
func (p *program) asker() func(preflight.Step) string {
	in := p.in
	if in == nil {
		if !terminal(os.Stdin) {
			return func(preflight.Step) string { return "" }
		}
		in = os.Stdin
	}
	answers := bufio.NewScanner(io.LimitReader(in, 64<<10))
	return func(s preflight.Step) string {
		p.progress("\n%s\n  %s (%s)\n  %s [y/n]", s.Claim, s.Do, count(s.Minutes, "minute"), s.Ask)
		if !answers.Scan() {
			return ""
		}
		return strings.TrimSpace(answers.Text())
	}
}

// checklistPage is the list as a page of the documentation.
func checklistPage() string {
	var b strings.Builder
	b.WriteString("# The half hour before a demo\n\nWritten by `sallyport checklist --page`; do not edit. `sallyport checklist` goes through it: what a check can see is looked\nat, the rest is asked, and the result is kept in the history.\n\n| # | step | what must be so | why | who decides | min |\n|---|---|---|---|---|---|\n")
	for i, s := range preflight.Checklist() {
		who := "you. " + s.Do + " *" + s.Ask + "*"
		if s.Ask == "" {
			var checks []string
			for _, n := range s.Doctor {
				checks = append(checks, "doctor `"+n+"`")
			}
			for _, n := range s.Smoke {
				checks = append(checks, "smoke `"+n+"`")
			}
			who = strings.Join(checks, ", ")
		}
		fmt.Fprintf(&b, "| %d | `%s` | %s | %s | %s | %d |\n", i+1, s.Name, s.Claim, s.Why, who, s.Minutes)
	}
	return b.String()
}
