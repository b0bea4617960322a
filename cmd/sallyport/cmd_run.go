package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"sallyport/config"
	"sallyport/gateway"
)

func (p *program) runCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "run", Short: "Open both doors and serve until told to stop", Args: cobra.NoArgs,
		Example: "  sallyport run --config sallyport.yaml\n  sallyport run --app http://127.0.0.1:3000 --database-url-file secrets/database_url",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if p.settingsFile() == "" && !cmd.Flags().Changed("app") && len(p.set) == 0 {
				return ends(codeUsage, "there is no settings file; give --config FILE or --app URL, or make a file with: sallyport init")
			}
			return p.serve(cmd)
		},
	}
	p.addSettingFlags(cmd)
	return cmd
}

// serve runs the gateway until the command's context ends.
func (p *program) serve(cmd *cobra.Command) error {
	secrets := &secretFiles{}
	defer secrets.Close() //nolint:errcheck // nothing of theirs outlives the process
	ready := func() (config.Config, error) {
		cfg, err := p.load(cmd)
		if err == nil {
			err = cfg.Materialize(secrets.keep)
		}
		return cfg, err
	}
	cfg, err := ready()
	if err != nil {
		return asUsage(err)
	}
	if err := readableSecrets(cfg); err != nil {
		return ends(codeUsage, "%w", err)
	}
	logs := openLogs(cfg.Log, p.errOut)
	defer logs.file.Close() //nolint:errcheck // the log is the place where this would be said
	g, err := gateway.New(cfg, gateway.Parts{
		Log: logs.logger, AccessLog: logs.access, Version: version, Reload: ready, Environ: p.environ,
		OnListen: func(a gateway.Addresses) { p.sayAddresses(cfg, a) },
	})
	if err != nil {
		return ends(codeUsage, "%w", err)
	}
	forget := reloadOnHangup(logs.logger, g)
	defer forget()
	if err := g.Run(cmd.Context()); err != nil {
		return ends(codeFailed, "%w", err)
	}
	return p.stopped(cmd.Context())
}

// stopped ends the command as its signal asks: a drained SIGTERM is good.
func (p *program) stopped(ctx context.Context) error {
	if context.Cause(ctx) == errInterrupted {
		return &ending{code: codeInterrupted}
	}
	return nil
}

// asUsage gives an error of the settings its exit code; mistakes have it already.
func asUsage(err error) error {
	if config.AsMistakes(err) != nil {
		return err
	}
	return ends(codeUsage, "%w", err)
}

// sayAddresses tells a person where the doors are, on errOut: it is no answer.
func (p *program) sayAddresses(cfg config.Config, a gateway.Addresses) {
	p.progress("sallyport %s", version)
	p.progress("  HTTP door      http://%s -> %s", a.HTTP, cfg.HTTP.App.URL)
	if a.Database != "" {
		p.progress("  database door  %s (point DATABASE_URL here)", a.Database)
	}
	p.progress("  admin          http://%s/", a.Admin)
	if cfg.Environment == "development" {
		p.progress("  development: HSTS and CSP are relaxed; do not show this to the world")
	}
}

// reloadOnHangup makes SIGHUP reload g, until the returned function is called.
func reloadOnHangup(log *slog.Logger, g *gateway.Gateway) (forget func()) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range hangup {
			if _, err := g.Reload(); err != nil {
				log.Warn("settings refused, the old ones serve on", "error", err)
			}
		}
	}()
	return func() {
		signal.Stop(hangup)
		close(hangup)
		<-done
	}
}
