package main

import (
	"maps"
	"slices"

	"github.com/spf13/cobra"
)

func (p *program) alertsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "alerts", Short: "Test who is told when something is wrong", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(p.alertsTestCommand())
	return cmd
}

func (p *program) alertsTestCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "test", Short: "Send a test message on every channel; exit 1 where one did not take it", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p.progress("sending a test message on every channel ...")
			r, err := p.ask(cmd, "POST", "/api/hardening/alerts/test", nil)
			if err != nil {
				return err
			}
			var done struct {
				Channels map[string]string `json:"channels"`
			}
			if err := r.Decode(&done); err != nil {
				return coded(err)
			}
			return p.sayChannels(done.Channels)
		},
	}
	p.addAdminFlag(cmd)
	return cmd
}

// sayChannels shows each channel; its text is "" where it took the message.
func (p *program) sayChannels(channels map[string]string) error {
	if p.json {
		if err := p.answer("alerts-test", struct {
			Channels map[string]string `json:"channels"`
		}{channels}); err != nil {
			return err
		}
	}
	bad := false
	for _, name := range slices.Sorted(maps.Keys(channels)) {
		bad = bad || channels[name] != ""
		switch {
		case p.json:
		case channels[name] == "":
			p.say("ok    %s took the message", name)
		default:
			p.say("fail  %s: %s", name, oneLine(channels[name], 300))
		}
	}
	if bad {
		return failed()
	}
	return nil
}

func (p *program) muteCommand() *cobra.Command {
	var time, why string
	cmd := &cobra.Command{
		Use: "mute CAUSE", Short: "Keep alerts of a cause quiet for a while; CAUSE * means all, --for 0s ends it", Args: cobra.ExactArgs(1),
		Example: "  sallyport mute APP_DOWN --for 1h --why 'deploying'",
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := p.ask(cmd, "POST", "/api/hardening/alerts/mute", map[string]string{"cause": args[0], "for": time, "why": why})
			if err != nil {
				return err
			}
			var done map[string]any
			if err := r.Decode(&done); err != nil {
				return coded(err)
			}
			if p.json {
				return p.answer("mute", done)
			}
			p.say("alerts of %s are quiet for %s", oneLine(args[0], 80), oneLine(time, 20))
			return nil
		},
	}
	cmd.Flags().StringVar(&time, "for", "1h", "how long, at most 24h")
	cmd.Flags().StringVar(&why, "why", "", "the reason, shown beside the mute")
	p.addAdminFlag(cmd)
	return cmd
}
