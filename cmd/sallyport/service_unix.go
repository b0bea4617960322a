//go:build !windows

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"sallyport/config"
)

// unitFolder is where an administrator's units lie (systemd.unit(5)).
const unitFolder = "/etc/systemd/system"

// asService runs serve; systemd's services are processes like any other.
func asService(ctx context.Context, _ *program, serve func(ctx context.Context, up func()) error) error {
	return serve(ctx, func() {})
}

func machineServices() services { return systemd{unitFolder, hidden} }

// systemd keeps units in folder; the unit lets the service see nothing in the hidden folders.
type systemd struct {
	folder string
	hidden []string
}

func (s systemd) file() string { return filepath.Join(s.folder, serviceName+".service") }

// install writes the unit, readable for all: it holds no secret.
func (s systemd) install(ctx context.Context, program string, cfg config.Config) (string, error) {
	u, err := unitOf(program, cfg)
	if err != nil {
		return "", err
	}
	if unseen := inside(s.hidden, u.program, u.settings, cfg.App.Dir); unseen != "" {
		return "", ends(codeUsage, "the service could not see %s, since it gets no view of home and temporary folders; move it (programs to /usr/local/bin, settings to /etc/sallyport)", unseen)
	}
	if err := os.WriteFile(s.file(), []byte(u.text()), 0o644); err != nil {
		return "", ends(codeFailed, "%w", err)
	}
	if err := s.ctl(ctx, "daemon-reload"); errors.Is(err, errNoServices) {
		return "", errors.Join(err, os.Remove(s.file()))
	} else if err != nil {
		return "", err
	}
	return s.file(), s.ctl(ctx, "enable", serviceName)
}

func (s systemd) uninstall(ctx context.Context) error {
	if _, err := os.Stat(s.file()); err != nil {
		return ends(codeUsage, "there is no service to remove: %w", err)
	}
	if err := s.ctl(ctx, "disable", "--now", serviceName); err != nil {
		return err
	}
	if err := os.Remove(s.file()); err != nil {
		return ends(codeFailed, "%w", err)
	}
	return s.ctl(ctx, "daemon-reload")
}

func (s systemd) start(ctx context.Context) error { return s.ctl(ctx, "start", serviceName) }
func (s systemd) stop(ctx context.Context) error  { return s.ctl(ctx, "stop", serviceName) }

// ctl runs systemctl and returns what it says where it fails.
func (s systemd) ctl(ctx context.Context, args ...string) error {
	said, err := exec.CommandContext(ctx, "systemctl", args...).CombinedOutput()
	switch {
	case err == nil:
		return nil
	case errors.Is(err, exec.ErrNotFound), bytes.Contains(said, []byte("not been booted with systemd")):
		return ends(codeFailed, "%w", errNoServices)
	}
	return ends(codeFailed, "systemctl %s: %w; see journalctl -u %s -n 20", strings.Join(args, " "), fmt.Errorf("%w: %s", err, strings.TrimSpace(string(said))), serviceName)
}
