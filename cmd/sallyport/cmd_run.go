package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync"
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
			return asService(cmd.Context(), p, func(ctx context.Context, up func()) error {
				cmd.SetContext(ctx)
				return p.serve(cmd, up)
			})
		},
	}
	p.addSettingFlags(cmd)
	return cmd
}

// serve runs the gateway until the command's context ends; up is called once the doors accept.
func (p *program) serve(cmd *cobra.Command, up func()) error {
	secrets := &secretFiles{}
	defer secrets.Close() //nolint:errcheck // nothing of theirs outlives the process
	ready := func() (config.Config, error) {
		cfg, err := p.load(cmd)
		if err == nil {
			err = cfg.Materialize(secrets.keep)
		}
		return cfg, err
	}
	cfg, err := p.load(cmd)
	if err == nil {
		err = cfg.CheckSecrets()
	}
	if err == nil {
		err = cfg.Materialize(secrets.keep)
	}
	if err != nil {
		return asUsage(err)
	}
	overseer, err := newOverseer(p.environ)
	if err != nil {
		return ends(codeUsage, "%w", err)
	}
	defer overseer.close()
	logs := openLogs(cfg.Log, p.errOut)
	defer logs.file.Close() //nolint:errcheck // the log is the place where this would be said
	serving := make(chan struct{})
	g, err := gateway.New(cfg, gateway.Parts{
		Log: logs.logger, AccessLog: logs.access, Version: version, Reload: ready, Environ: p.environ,
		OnReload: func(cfg config.Config) { logs.level.Set(level(cfg.Log.Level)) },
		OnListen: func(a gateway.Addresses) { p.sayAddresses(cfg, a) },
		OnServe:  func() { overseer.tell("READY=1"); close(serving); up() },
	})
	if err != nil {
		return ends(codeUsage, "%w", err)
	}
	forget := reloadOnHangup(logs.logger, g, overseer)
	defer forget()
	ctx, end := context.WithCancel(cmd.Context())
	var beside sync.WaitGroup
	beside.Go(func() {
		select { // the watchdog counts from READY=1 on
		case <-serving:
		case <-ctx.Done():
		}
		overseer.feed(ctx, g.Ticks, logs.logger)
	})
	beside.Go(func() { settle(ctx, logs.logger) })
	err = g.Run(cmd.Context())
	end()
	beside.Wait()
	if err != nil {
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

// reloadOnHangup makes SIGHUP reload g, until the returned function is called; o is told of it.
func reloadOnHangup(log *slog.Logger, g *gateway.Gateway, o *overseer) (forget func()) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range hangup {
			o.reloading()
			done, err := g.Reload()
			outcome := fmt.Sprintf("STATUS=settings generation %d serves", done.Generation)
			if err != nil {
				log.Warn("settings refused, the old ones serve on", "error", err)
				outcome += "; newer ones were refused, see the log"
			}
			o.tell("READY=1", outcome)
		}
	}()
	return func() {
		signal.Stop(hangup)
		close(hangup)
		<-done
	}
}
