package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// appStanding is what is shown of GET /api/hardening/app.
type appStanding struct {
	Status string `json:"status"`
	App    struct {
		Mode  string `json:"mode"`
		State string `json:"state"`
		Cause string `json:"cause"`
		// Since is "" where the mode is off.
		Since     string     `json:"since"`
		PID       int        `json:"pid"`
		Restarts  restarts   `json:"restarts"`
		Incidents []incident `json:"incidents"`
	} `json:"app"`
	Changes []change `json:"changes"`
}

func (p *program) appCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "app", Short: "See and steer the app, where app.run lets the gateway keep it alive", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		p.appStatusCommand(),
		p.orderCommand("app", "restart", "Stop the app with grace and start it again; costs nothing of its budget"),
		p.orderCommand("app", "hold", "Stop the app until it is released"),
		p.orderCommand("app", "release", "End a hold, whatever it is for, and start the app"),
	)
	return cmd
}

func (p *program) appStatusCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "status", Short: "Show how the app's process is; exit 1 where something is wrong with it", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var a appStanding
			if err := p.get(cmd, "/api/hardening/app", &a); err != nil {
				return err
			}
			if a.App.Mode == "off" {
				return ends(codeFailed, "the app is not run by this gateway; set app.run")
			}
			err := p.answerOr("app-status", a, func() { p.sayApp(a) })
			if err == nil && len(a.App.Incidents) > 0 {
				return failed()
			}
			return err
		},
	}
	p.addAdminFlag(cmd)
	return cmd
}

func (p *program) sayApp(a appStanding) {
	p.table([][]string{
		{"state", strings.TrimSpace(a.App.State + " " + a.App.Cause), "since " + localText(a.App.Since)},
		{"process", fmt.Sprintf("pid %d", a.App.PID), fmt.Sprintf("%d of %d restarts in the last hour", a.App.Restarts.Used, a.App.Restarts.Budget)},
	})
	for _, i := range a.App.Incidents {
		p.say("%s %s since %s: %s", strings.ToUpper(i.Severity), i.Cause, local(i.Since), oneLine(i.Summary, 300))
	}
}
