package main

import (
	"github.com/spf13/cobra"

	"sallyport/config"
)

// reloaded is the answer of /-/reload.
type reloaded struct {
	Generation  int             `json:"generation"`
	Changes     []config.Change `json:"changes"`
	NeedRestart []config.Change `json:"needRestart"`
}

func (p *program) reloadCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "reload", Short: "Make the running instance read its settings anew; a bad file changes nothing", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := p.ask(cmd, "POST", "/-/reload", nil)
			if err != nil {
				return err
			}
			var done reloaded
			if err := r.Decode(&done); err != nil {
				return coded(err)
			}
			if p.json {
				return p.answer("reload", done)
			}
			p.say("generation %d serves, %s", done.Generation, count(len(done.Changes), "change"))
			p.sayChanges("  ", done.Changes)
			if len(done.NeedRestart) > 0 {
				p.say("after the next start only:")
				p.sayChanges("  ", done.NeedRestart)
			}
			return nil
		},
	}
	p.addAdminFlag(cmd)
	return cmd
}

func (p *program) sayChanges(before string, changes []config.Change) {
	for _, c := range changes {
		p.say("%s%s: %s -> %s", before, c.Key, c.Old, c.New)
	}
}
