package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sallyport/gateway/preflight"
	"sallyport/gateway/tunnel"
)

// backups returns the backups that the settings describe, worked on as files.
func (p *program) backups(cmd *cobra.Command) (*tunnel.Backup, error) {
	cfg, err := p.load(cmd)
	if err != nil {
		return nil, err
	}
	b := tunnel.NewBackup(cfg.Tunnel, time.Now)
	if b == nil {
		return nil, ends(codeUsage, "no backups are made here; set tunnel.run, tunnel.backup.dir and tunnel.backup.recipient")
	}
	return b, nil
}

func (p *program) backupCommand() *cobra.Command {
	var list bool
	cmd := &cobra.Command{
		Use: "backup", Short: "Back up the tunnel's secrets now, encrypted and verified; works without a running instance too", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := p.backups(cmd)
			switch {
			case err != nil:
				return err
			case list:
				return p.sayBackups(b)
			}
			state, err := p.backUp(cmd, b)
			if err != nil {
				return err
			}
			return p.answerOr("tunnel-backup", state, func() { p.say("%s holds the tunnel's secrets; %d kept", state.File, state.Kept) })
		},
	}
	cmd.Flags().BoolVar(&list, "list", false, "only list the backups, newest first")
	p.addAdminFlag(cmd)
	return cmd
}

// backUp lets the running instance make a backup, which then knows of it, or makes it here where none runs.
func (p *program) backUp(cmd *cobra.Command, b *tunnel.Backup) (backupState, error) {
	var done struct {
		Backup backupState `json:"backup"`
	}
	err := p.post(cmd, "/api/hardening/tunnel/backup", nil, probeWait, &done)
	if !errors.Is(err, preflight.ErrAbsent) {
		return done.Backup, err
	}
	s, err := b.Make()
	if err != nil {
		return backupState{}, ends(codeFailed, "%w", err)
	}
	return backupState{Last: s.Last, File: s.File, Kept: s.Kept}, nil
}

func (p *program) sayBackups(b *tunnel.Backup) error {
	names, err := newestFirst(b)
	if err != nil {
		return ends(codeFailed, "%w", err)
	}
	return p.answerOr("tunnel-backups", struct {
		Files []string `json:"files"`
	}{names}, func() {
		for _, name := range names {
			p.say("%s", name)
		}
		if len(names) == 0 {
			p.say("there is no backup yet")
		}
	})
}

func newestFirst(b *tunnel.Backup) ([]string, error) {
	names, err := b.List()
	out := make([]string, 0, len(names))
	for i := len(names) - 1; i >= 0; i-- {
		out = append(out, names[i])
	}
	return out, err
}

// chosen is the file that args name, made absolute, or the newest backup.
func chosen(b *tunnel.Backup, args []string) (string, error) {
	if len(args) == 1 {
		file, err := filepath.Abs(args[0])
		if err != nil {
			return "", ends(codeUsage, "%w", err)
		}
		return file, nil
	}
	names, err := newestFirst(b)
	if err == nil && len(names) == 0 {
		err = errors.New("there is no backup yet; make one with: sallyport tunnel backup")
	}
	if err != nil {
		return "", ends(codeUsage, "%w", err)
	}
	return names[0], nil
}

// identity reads the operator's secret key from the file of --identity, "-" for standard input. Comments are skipped.
func identity(cmd *cobra.Command, file string) (string, error) {
	text, err := readIdentity(cmd, file)
	if err != nil {
		return "", ends(codeUsage, "--identity: %w", err)
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			return line, nil
		}
	}
	return "", ends(codeUsage, "--identity: %s holds no key, want a line AGE-SECRET-KEY-1...", file)
}

// maxIdentity bounds a key file, bytes.
const maxIdentity = 64 << 10

func readIdentity(cmd *cobra.Command, file string) (string, error) {
	if file == "" {
		return "", errors.New("name the file with the operator's age key (AGE-SECRET-KEY-1...), or - for standard input")
	}
	r := cmd.InOrStdin()
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return "", err
		}
		defer f.Close() //nolint:errcheck // only read
		r = f
	}
	text, err := io.ReadAll(io.LimitReader(r, maxIdentity))
	return string(text), err
}

// held is what a backup holds, as it is shown.
type held struct {
	File     string    `json:"file"`
	TunnelID string    `json:"tunnelId"`
	MadeAt   time.Time `json:"madeAt"`
	Files    []string  `json:"files"`
}

func (p *program) verifyCommand() *cobra.Command {
	var key string
	cmd := &cobra.Command{
		Use: "verify [FILE]", Short: "Open a backup, the newest by default, and check all that is in it; writes nothing", Args: cobra.MaximumNArgs(1),
		Example: "  sallyport tunnel verify --identity operator.key",
		RunE: func(cmd *cobra.Command, args []string) error {
			b, file, secret, err := p.backupToOpen(cmd, args, key)
			if err != nil {
				return err
			}
			m, err := b.Verify(file, secret)
			if err != nil {
				return ends(codeFailed, "%w", err)
			}
			return p.sayHeld("tunnel-verify", "is whole", file, m)
		},
	}
	cmd.Flags().StringVar(&key, "identity", "", "file with the operator's age key; - reads it from standard input")
	return cmd
}

// backupToOpen is the backup that args name and the secret key, read from the file key, that opens it.
func (p *program) backupToOpen(cmd *cobra.Command, args []string, key string) (b *tunnel.Backup, file, secret string, err error) {
	if b, err = p.backups(cmd); err != nil {
		return nil, "", "", err
	}
	if file, err = chosen(b, args); err != nil {
		return nil, "", "", err
	}
	secret, err = identity(cmd, key)
	return b, file, secret, err
}

func (p *program) sayHeld(name, claim, file string, m tunnel.Manifest) error {
	h := held{File: file, TunnelID: m.TunnelID, MadeAt: m.MadeAt, Files: m.Files()}
	return p.answerOr(name, h, func() {
		p.say("%s %s: tunnel %s, made %s, %s", h.File, claim, h.TunnelID, local(h.MadeAt), strings.Join(h.Files, ", "))
	})
}

func (p *program) restoreCommand() *cobra.Command {
	var key, want string
	cmd := &cobra.Command{
		Use: "restore [FILE]", Short: "Put a backup, the newest by default, in place and connect with it, or leave everything as it was", Args: cobra.MaximumNArgs(1),
		Long: "Restore puts the tunnel's secrets of a backup in place. A running instance then has to register a connection\n" +
			"with them; if it does not, the previous secrets are put back. Without one the files are put in place and kept\n" +
			"beside their previous ones (*.previous).",
		RunE: func(cmd *cobra.Command, args []string) error {
			b, file, secret, err := p.backupToOpen(cmd, args, key)
			if err != nil {
				return err
			}
			return p.restore(cmd, b, file, secret, want)
		},
	}
	cmd.Flags().StringVar(&key, "identity", "", "file with the operator's age key; - reads it from standard input")
	cmd.Flags().StringVar(&want, "tunnel", "", "the tunnel's id, where the present secrets cannot tell it")
	p.addAdminFlag(cmd)
	return cmd
}

// restore lets the running instance restore, or does it here where none runs.
func (p *program) restore(cmd *cobra.Command, b *tunnel.Backup, file, secret, want string) error {
	i, err := p.instance(cmd)
	if err != nil {
		return err
	}
	i.Wait = restoreWait
	p.progress("restoring %s ...", file)
	r, err := i.Ask(cmd.Context(), http.MethodPost, "/api/hardening/tunnel/restore", map[string]string{"file": file, "identity": secret, "tunnel": want})
	switch {
	case errors.Is(err, preflight.ErrAbsent):
		m, err := b.Restore(cmd.Context(), file, secret, want, func(context.Context) error { return nil })
		if err != nil {
			return ends(codeFailed, "%w", err)
		}
		return p.sayHeld("tunnel-restore", "is in place; no instance runs, so nothing has connected with it yet", file, m)
	case err != nil:
		return coded(err)
	}
	var done struct{ Backup tunnel.Manifest }
	if err := r.Decode(&done); err != nil {
		return coded(fmt.Errorf("%w", err))
	}
	return p.sayHeld("tunnel-restore", "is in place, and a connection is registered with it", file, done.Backup)
}
