package main

import (
	"os"
	"time"

	"github.com/spf13/cobra"

	"sallyport/config"
	"sallyport/gateway/preflight"
)

func (p *program) smokeCommand() *cobra.Command {
	var junit string
	cmd := &cobra.Command{
		Use: "smoke", Short: "Send real requests through the public URL; exit 1 where the app is not ready to be shown", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			site, err := p.site(cmd)
			if err != nil {
				return err
			}
			p.progress("asking %s ...", asked(site.Config))
			begun := time.Now()
			results := preflight.Run(cmd.Context(), site, preflight.Smoke(site))
			tellInstance(cmd.Context(), site, "smoke", results, time.Since(begun))
			if junit != "" {
				if err := writeJUnit(junit, results); err != nil {
					return ends(codeUsage, "%w", err)
				}
			}
			return p.sayChecks("smoke", results)
		},
	}
	cmd.Flags().StringVar(&junit, "junit", "", "file to write the results to as JUnit XML")
	p.addSettingFlags(cmd)
	return cmd
}

// asked is where smoke sends its requests, in words.
func asked(c config.Config) string {
	if c.PublicURL == "" {
		return "the HTTP door at " + c.HTTP.Listen + ", since public_url is not set"
	}
	return c.PublicURL
}

func writeJUnit(path string, results []preflight.Result) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	err = preflight.JUnit(f, "smoke", results)
	if closing := f.Close(); err == nil {
		err = closing
	}
	return err
}
