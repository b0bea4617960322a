package main

import (
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

// cspSuggestion is GET /api/hardening/csp: what browsers reported, and the policy that would let pages do it.
type cspSuggestion struct {
	Violations []violation `json:"violations"`
	Dropped    int64       `json:"dropped"`
	Suggestion struct {
		Policy   string   `json:"policy"`
		Added    []string `json:"added"`
		Doubtful []string `json:"doubtful"`
		Advice   []string `json:"advice"`
	} `json:"suggestion"`
}

// violation is one way in which pages broke the policy, however often.
type violation struct {
	Directive string `json:"directive"`
	Blocked   string `json:"blocked"`
	Page      string `json:"page"`
	Enforced  bool   `json:"enforced"`
	Count     int64  `json:"count"`
	Several   bool   `json:"several"`
}

func (p *program) cspCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "csp", Short: "Work on the content security policy", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	suggest := &cobra.Command{
		Use: "suggest", Short: "Propose a policy from what browsers reported, as settings to paste", Args: cobra.NoArgs,
		Example: "  sallyport csp suggest              # the reported policy with what several clients needed\n  sallyport csp suggest --all        # with what a single client needed too: before others see the site\n  sallyport csp suggest --enforce    # the same as the enforced one",
	}
	all := suggest.Flags().Bool("all", false, "believe a single client too, as nobody else has seen the pages yet")
	enforce := suggest.Flags().Bool("enforce", false, "write it as http.csp.policy, which browsers enforce, and not as http.csp.report_only")
	suggest.RunE = func(cmd *cobra.Command, _ []string) error {
		var s cspSuggestion
		path := "/api/hardening/csp"
		if *all {
			path += "?all=1"
		}
		if err := p.get(cmd, path, &s); err != nil {
			return err
		}
		if p.json {
			return p.answer("csp", s)
		}
		p.saySuggestion(s, *enforce)
		return nil
	}
	p.addAdminFlag(suggest)
	cmd.AddCommand(suggest)
	return cmd
}

// saySuggestion writes settings that can be pasted; what a person must know stands in their comments.
func (p *program) saySuggestion(s cspSuggestion, enforce bool) {
	p.say("# Proposed %s from %s of policy violations. Reports can be forged: add what you know.", time.Now().UTC().Format(time.DateOnly), count(len(s.Violations), "kind"))
	for _, v := range s.Violations[:min(len(s.Violations), 20)] {
		who := "one client"
		if v.Several {
			who = "several clients"
		}
		p.say("#   reported %d times by %s: %s %s on %s", v.Count, who, oneLine(v.Directive, 40), oneLine(v.Blocked, 120), oneLine(v.Page, 120))
	}
	if s.Dropped > 0 {
		p.say("# %d further reports found no room (http.csp.reports_max).", s.Dropped)
	}
	for _, part := range []struct {
		word string
		list []string
	}{{"added", s.Suggestion.Added}, {"left out, one client only (--all takes it)", s.Suggestion.Doubtful}, {"mend", s.Suggestion.Advice}} {
		for _, line := range part.list {
			p.say("# %s: %s", part.word, oneLine(line, 300))
		}
	}
	key := "report_only"
	if enforce {
		key = "policy"
	}
	p.say("http:\n  csp:\n    %s: %s", key, strconv.Quote(s.Suggestion.Policy))
}
