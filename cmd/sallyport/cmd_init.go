package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"sallyport/config"
)

func (p *program) initCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use: "init", Short: "Write a first settings file from flags and the app's .env; overwrites nothing", Args: cobra.NoArgs,
		Example: "  sallyport init --app http://127.0.0.1:3000 --public-url https://shop.example.com",
		RunE: func(cmd *cobra.Command, _ []string) error {
			file := filepath.Join(dir, "sallyport.yaml")
			if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
				return ends(codeUsage, "%s is there already; nothing was written", file)
			}
			start := firstSettings{app: flagText(cmd, "app", "http://127.0.0.1:3000"), public: flagText(cmd, "public-url", ""),
				listen: flagText(cmd, "listen", "127.0.0.1:8080"), admin: flagText(cmd, "admin", "127.0.0.1:9901"), databaseFile: flagText(cmd, "database-url-file", "")}
			return p.writeFirst(dir, file, start)
		},
	}
	cmd.Flags().StringVar(&dir, "dir", ".", "folder to write to; its .env is looked at")
	p.addSettingFlags(cmd)
	return cmd
}

func flagText(cmd *cobra.Command, name, otherwise string) string {
	if f := cmd.Flags().Lookup(name); f != nil && f.Changed {
		return f.Value.String()
	}
	return otherwise
}

// firstSettings is what a first file says.
type firstSettings struct{ app, public, listen, admin, databaseFile, envFile string }

// writeFirst writes the file and, from the app's .env, the secret with the database's URL.
func (p *program) writeFirst(dir, file string, s firstSettings) error {
	if env := filepath.Join(dir, ".env"); s.databaseFile == "" {
		if raw := databaseURLIn(env); raw != "" {
			s.databaseFile, s.envFile = "secrets/database_url", ".env"
			secret := filepath.Join(dir, s.databaseFile)
			switch err := writeSecret(secret, raw); {
			case errors.Is(err, fs.ErrExist):
				p.progress("%s is there already and stays as it is; DATABASE_URL of %s was not looked at", secret, env)
			case err != nil:
				return ends(codeUsage, "%w", err)
			default:
				p.progress("took DATABASE_URL of %s into %s (mode 600)", env, secret)
			}
		} else {
			p.progress("no database door: %s has no DATABASE_URL that is a URL; --database-url-file names a file that holds it", env)
		}
	}
	if err := os.WriteFile(file, []byte(s.yaml()), 0o644); err != nil {
		return ends(codeUsage, "%w", err)
	}
	if _, err := config.Load(config.Sources{File: file}); err != nil {
		return errors.Join(err, os.Remove(file))
	}
	if p.json {
		return p.answer("init", struct {
			File string `json:"file"`
		}{file})
	}
	p.say("wrote %s. Next:", file)
	p.say("  sallyport doctor --config %s", file)
	p.say("  sallyport run --config %s", file)
	p.say("  point cloudflared's service at http://%s", s.listen)
	if s.databaseFile != "" {
		p.say("  change host and port of the app's DATABASE_URL to 127.0.0.1:6432")
	}
	return nil
}

func (s firstSettings) yaml() string {
	var b strings.Builder
	b.WriteString("# Every key with its default: sallyport config print --effective\nversion: 1\n")
	if s.public != "" {
		fmt.Fprintf(&b, "public_url: %s\n", s.public)
	}
	fmt.Fprintf(&b, "http:\n  listen: %s    # cloudflared points here and nowhere else\n  upstream: %s\n", s.listen, s.app)
	if s.databaseFile != "" {
		fmt.Fprintf(&b, "database:\n  listen: 127.0.0.1:6432    # the app's DATABASE_URL points here\n  upstream_file: %s\n", s.databaseFile)
	}
	fmt.Fprintf(&b, "admin:\n  listen: %s\n", s.admin)
	if s.envFile != "" {
		fmt.Fprintf(&b, "drift:\n  files: [%s]\n", s.envFile)
	}
	b.WriteString("smoke:\n  requests:\n    - {get: /, status: 200}\n")
	return b.String()
}

// databaseURLIn returns DATABASE_URL of an .env file, with a word on TLS where it has none and the database is on this machine;
// "" where there is none.
func databaseURLIn(env string) string {
	text, err := os.ReadFile(env)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		value, ok := strings.CutPrefix(strings.TrimPrefix(strings.TrimSpace(line), "export "), "DATABASE_URL=")
		if !ok {
			continue
		}
		u, err := url.Parse(strings.Trim(value, `"'`))
		if err != nil || u.Host == "" {
			return ""
		}
		query := u.Query()
		if query.Get("sslmode") == "" && (u.Hostname() == "127.0.0.1" || u.Hostname() == "::1" || u.Hostname() == "localhost") {
			query.Set("sslmode", "disable")
			u.RawQuery = query.Encode()
		}
		return u.String()
	}
	return ""
}

func writeSecret(path, secret string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(secret + "\n")
	return errors.Join(err, f.Close())
}
