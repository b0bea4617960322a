package main

import (
	"github.com/spf13/cobra"

	"sallyport/config"
)

func (p *program) configCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Show the settings or their schema", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(p.configPrintCommand(), p.configSchemaCommand())
	return cmd
}

func (p *program) configPrintCommand() *cobra.Command {
	var effective bool
	cmd := &cobra.Command{
		Use: "print", Short: "Print the settings that were set, secrets hidden", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := p.load(cmd)
			switch {
			case err != nil:
				return err
			case p.json:
				return p.answer("config", struct {
					Settings []config.Value `json:"settings"`
				}{set(cfg, effective)})
			case effective:
				return cfg.Print(p.out, true)
			}
			for _, v := range set(cfg, false) {
				p.say("%-50s # %s", v.Key+": "+v.Value, v.Origin)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&effective, "effective", false, "every setting, defaults included, with its origin")
	p.addSettingFlags(cmd)
	return cmd
}

// set returns the settings that somebody set, or all of them.
func set(cfg config.Config, all bool) []config.Value {
	kept := []config.Value{}
	for _, v := range cfg.Explain() {
		if all || v.Origin != "default" {
			kept = append(kept, v)
		}
	}
	return kept
}

func (p *program) configSchemaCommand() *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of the settings file, for editors", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := p.out.Write(config.Schema())
			return err
		},
	}
}
