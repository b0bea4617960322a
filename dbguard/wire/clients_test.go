package wire

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// nonce is what newer pg_dumps make up for each dump.
var nonce = regexp.MustCompile(`(?m)^\\(un)?restrict .*$`)

// clientProgram finds a PostgreSQL client program in PATH or where Debian keeps them.
func clientProgram(t *testing.T, name string) string {
	t.Helper()
	if p, err := exec.LookPath(name); err == nil {
		return p
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if len(found) == 0 {
		t.Fatalf("%s is not on this machine: install postgresql-client and postgresql-contrib", name)
	}
	return found[len(found)-1]
}

// program runs a client program and returns what it printed.
func program(t *testing.T, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, clientProgram(t, name), args...)
	cmd.Env = append(os.Environ(), "PGPASSWORD="+appPassword)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

func TestRealClientsWithPoolsOfOneAndTen(t *testing.T) {
	for _, size := range []int{1, 10} {
		t.Run(strconv.Itoa(size), func(t *testing.T) {
			d := open(t, func(s *setup) {
				s.settings.Pool.Max = size
				s.settings.Pool.Wait = 30 * time.Second
				s.upstream = server.URL("clients")
			})
			_, _ = try(direct(t), "drop database if exists clients")
			ask(t, direct(t), "create database clients")
			url := strings.Replace(d.url(""), "/postgres", "/clients", 1)
			host, port, _ := net.SplitHostPort(d.addr)
			pgbench := func(args ...string) string {
				return program(t, "pgbench", append(args, "-h", host, "-p", port, "-U", "app", "clients")...)
			}
			pgbench("-i", "-s", "1", "-q")
			for _, protocol := range []string{"simple", "extended", "prepared"} {
				out := pgbench("-n", "-M", protocol, "-c", "8", "-t", "50")
				if !strings.Contains(out, "processed: 400/400") || !strings.Contains(out, "failed transactions: 0 ") {
					t.Errorf("pgbench -M %s says\n%s", protocol, out)
				}
			}
			dump := filepath.Join(t.TempDir(), "dump")
			program(t, "pg_dump", "-Fc", "-f", dump, url)
			before := nonce.ReplaceAllString(program(t, "pg_dump", url), "")
			if got := program(t, "psql", "-X", "-At", "-c", "show search_path", url); got != "\"$user\", public\n" {
				t.Errorf("after pg_dump, another client has search_path %q", got)
			}
			program(t, "pg_restore", "--clean", "-d", url, dump)
			if after := nonce.ReplaceAllString(program(t, "pg_dump", url), ""); after != before {
				t.Errorf("pg_dump after pg_restore has %d bytes and differs from the %d before", len(after), len(before))
			}
			out := program(t, "psql", "-X", "-At", "-c", "begin", "-c", "select 1", "-c", "commit", "-c", `\d`, "-c", `\copy (select generate_series(1,3)) to stdout`, url)
			if !strings.Contains(out, "BEGIN\n1\nCOMMIT\n") || !strings.HasSuffix(out, "1\n2\n3\n") {
				t.Errorf("psql says\n%s", out)
			}
			_ = d.close()
			ask(t, direct(t), "drop database clients")
		})
	}
}
