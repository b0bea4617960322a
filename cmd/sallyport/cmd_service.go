package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"sallyport/config"
)

// serviceName is what systemd and the Windows service manager know us by.
const serviceName = "sallyport"

// services is the machine's service manager. Its errors have their exit codes.
type services interface {
	// install makes program a service that runs with cfg and starts with the machine. It tells where it wrote that.
	install(ctx context.Context, program string, cfg config.Config) (where string, err error)
	uninstall(ctx context.Context) error
	start(ctx context.Context) error
	stop(ctx context.Context) error
}

func (p *program) serviceCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "service", Short: "Run as a service of this machine: systemd or Windows", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.installService(),
		p.serviceAction("uninstall", "Stop the service and remove it; settings and history stay", "removed", services.uninstall),
		p.serviceAction("start", "Start the service and wait until its doors accept", "started", services.start),
		p.serviceAction("stop", "Stop the service and wait until it has drained", "stopped", services.stop))
	return cmd
}

// installService writes what the service manager needs; with --print it only shows it.
func (p *program) installService() *cobra.Command {
	var show bool
	cmd := &cobra.Command{
		Use: "install", Short: "Make this program a service that starts with the machine", Args: cobra.NoArgs,
		Example: "  sallyport service install --config /etc/sallyport/sallyport.yaml\n  sallyport service start",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, program, err := p.installed(cmd)
			if err != nil {
				return err
			}
			if show {
				return p.showUnit(program, cfg)
			}
			where, err := machineServices().install(cmd.Context(), program, cfg)
			if err != nil {
				return err
			}
			return p.sayService("installed", where, "next: sallyport service start")
		},
	}
	cmd.Flags().BoolVar(&show, "print", false, "only print the systemd unit")
	p.addSettingFlags(cmd)
	return cmd
}

// installed is what a service would run: the checked settings of a file, and this program by its absolute path.
func (p *program) installed(cmd *cobra.Command) (config.Config, string, error) {
	cfg, err := p.load(cmd)
	if err != nil {
		return cfg, "", err
	}
	if cfg.File() == "" {
		return cfg, "", ends(codeUsage, "a service needs a settings file; make one with: sallyport init")
	}
	for _, f := range settingFlags {
		if cmd.Flags().Changed(f.name) {
			return cfg, "", ends(codeUsage, "--%s would be forgotten at the next start; write %s into %s", f.name, f.key, cfg.File())
		}
	}
	self, err := os.Executable()
	if err == nil {
		self, err = filepath.EvalSymlinks(self)
	}
	if err != nil {
		return cfg, "", ends(codeFailed, "the path of this program: %w", err)
	}
	return cfg, self, nil
}

// unitOf is the systemd unit that runs program with cfg.
func unitOf(program string, cfg config.Config) (unit, error) {
	settings, err := filepath.Abs(cfg.File())
	if err != nil {
		return unit{}, ends(codeUsage, "the path of the settings: %w", err)
	}
	credentials, err := credentialsOf(cfg)
	if err != nil {
		return unit{}, ends(codeUsage, "%w", err)
	}
	return unit{program, settings, credentials, cfg.App.Enabled()}, nil
}

func (p *program) showUnit(program string, cfg config.Config) error {
	u, err := unitOf(program, cfg)
	if err != nil {
		return err
	}
	fmt.Fprint(p.out, u.text())
	return nil
}

// serviceAction is a command that asks the service manager one thing.
func (p *program) serviceAction(name, short, done string, do func(services, context.Context) error) *cobra.Command {
	return &cobra.Command{Use: name, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		if err := do(machineServices(), cmd.Context()); err != nil {
			return err
		}
		return p.sayService(done, "", "")
	}}
}

func (p *program) sayService(done, where, next string) error {
	if p.json {
		return p.answer("service", struct {
			Service string `json:"service"`
			Done    string `json:"done"`
			Where   string `json:"where,omitempty"`
		}{serviceName, done, where})
	}
	if where != "" {
		p.say("%s %s: %s", serviceName, done, where)
	} else {
		p.say("%s %s", serviceName, done)
	}
	if next != "" {
		p.say("%s", next)
	}
	return nil
}

// errNoServices is why there is nothing to install with.
var errNoServices = errors.New("no systemd runs on this machine; start it with: sallyport run")
