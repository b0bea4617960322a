package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"sallyport/config"
	"sallyport/gateway/preflight"
)

// instance finds the running program by the settings. A file that has become wrong does not hide it: then the address comes
// from environment, flags and defaults.
func (p *program) instance(cmd *cobra.Command) (*preflight.Instance, error) {
	cfg, err := p.load(cmd)
	if config.AsMistakes(err) != nil {
		src, bad := p.sources(cmd)
		if bad != nil {
			return nil, bad
		}
		src.File = ""
		if cfg, bad = config.Load(src); bad != nil {
			return nil, err
		}
		p.progress("sallyport: %s in %s, so the usual admin address is asked", count(len(config.AsMistakes(err)), "mistake"), p.settingsFile())
	} else if err != nil {
		return nil, err
	}
	token, err := cfg.Secret(cfg.Admin.TokenFile)
	if err != nil {
		return nil, ends(codeUsage, "admin token: %w", err)
	}
	return preflight.NewInstance(cfg.Admin.Listen, token), nil
}

// ask sends one request to the running instance; body is nil for none. Its errors have their exit codes.
func (p *program) ask(cmd *cobra.Command, method, path string, body any) (preflight.Reply, error) {
	i, err := p.instance(cmd)
	if err != nil {
		return preflight.Reply{}, err
	}
	r, err := i.Ask(cmd.Context(), method, path, body)
	return r, coded(err)
}

// get asks for path and reads the answer into v.
func (p *program) get(cmd *cobra.Command, path string, v any) error {
	r, err := p.ask(cmd, "GET", path, nil)
	if err != nil {
		return err
	}
	return coded(r.Decode(v))
}

// coded gives an instance's silence its exit code.
func coded(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, preflight.ErrAbsent):
		return ends(codeAbsent, "%w", err)
	case errors.Is(err, preflight.ErrLate), errors.Is(err, context.DeadlineExceeded):
		return ends(codeLate, "%w", err)
	case errors.Is(err, preflight.ErrRefused):
		return ends(codeUsage, "%w", err)
	}
	return ends(codeFailed, "%w", err)
}

// isAbsent reports that no instance runs.
func isAbsent(err error) bool { return errors.Is(err, preflight.ErrAbsent) }
