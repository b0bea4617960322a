package main

import (
	"github.com/spf13/cobra"

	"sallyport/config"
)

func (p *program) checkCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "check", Short: "Check the settings and that their secrets can be read; starts nothing", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := p.load(cmd)
			if err != nil {
				return err
			}
			if err := cfg.CheckSecrets(); err != nil {
				return err
			}
			if p.json {
				return p.answer("check", struct {
					OK   bool   `json:"ok"`
					File string `json:"file"`
				}{true, cfg.File()})
			}
			p.say("%s: good. HTTP door %s -> %s; %s; admin %s", named(cfg), cfg.HTTP.Listen, cfg.HTTP.App.URL, databaseLine(cfg), cfg.Admin.Listen)
			return nil
		},
	}
	p.addSettingFlags(cmd)
	return cmd
}

func named(cfg config.Config) string {
	if cfg.File() == "" {
		return "settings"
	}
	return cfg.File()
}

func databaseLine(cfg config.Config) string {
	if !cfg.Database.Enabled() {
		return "no database door"
	}
	return "database door " + cfg.Database.Listen
}
