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

func TestPgDumpAndPgbenchWork(t *testing.T) {
	for _, kind := range doorKinds[:3] {
		t.Run(kind.name, func(t *testing.T) {
			const name = "clients"
			_, _ = try(direct(t), "drop database if exists "+name)
			ask(t, direct(t), "create database "+name)
			defer func() { ask(t, direct(t), "drop database "+name+" with (force)") }()
			d := open(t, func(s *setup) {
				s.upstream, s.settings.Pool.Wait = server.URL(name), 30*time.Second
				kind.change(s)
			})
			url := strings.Replace(d.url(""), "/postgres?", "/"+name+"?", 1)
			benchRuns(t, d, name)
			dumpsAndRestores(t, url)
			if m := d.guard.Snapshot().Metrics; m.BlockedQueries != 0 {
				t.Errorf("%d honest queries were blocked, want 0", m.BlockedQueries)
			}
			_ = d.close()
		})
	}
}

// benchRuns fills the database by pgbench, in both ways that it has, and has clients query it in each protocol.
func benchRuns(t *testing.T, d *doorway, database string) {
	t.Helper()
	host, port, _ := net.SplitHostPort(d.addr)
	pgbench := func(args ...string) string {
		return program(t, "pgbench", append(args, "-h", host, "-p", port, "-U", "app", database)...)
	}
	clients := min(8, d.Settings.Pool.Max)
	if d.Settings.Pool.Mode == ModeTransaction {
		clients = 8
	}
	pgbench("-i", "-I", "dtGvpf", "-q", "--partitions=3") // rows made on the server
	pgbench("-i", "-s", "1", "-q")                        // rows by COPY
	for _, protocol := range []string{"simple", "extended", "prepared"} {
		for _, script := range []string{"tpcb-like", "select-only"} {
			out := pgbench("-n", "-M", protocol, "-b", script, "-c", strconv.Itoa(clients), "-t", "50")
			if want := strconv.Itoa(clients * 50); !strings.Contains(out, "processed: "+want+"/"+want) || !strings.Contains(out, "failed transactions: 0 ") {
				t.Errorf("pgbench -M %s -b %s says\n%s", protocol, script, out)
			}
		}
	}
}

// dumpsAndRestores has pg_dump write the database in both of its forms, restores it from each, and compares.
func dumpsAndRestores(t *testing.T, url string) {
	t.Helper()
	program(t, "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", "testdata/schema.sql", url)
	custom, plain := filepath.Join(t.TempDir(), "custom"), filepath.Join(t.TempDir(), "plain")
	program(t, "pg_dump", "-Fc", "-f", custom, url)
	program(t, "pg_dump", "--clean", "--if-exists", "--inserts", "--rows-per-insert=500", "-f", plain, url)
	before := dumped(t, url)
	if got := program(t, "psql", "-X", "-At", "-c", "show search_path", url); got != "\"$user\", public\n" {
		t.Errorf("after pg_dump, another client has search_path %q", got)
	}
	for what, restore := range map[string][]string{
		"pg_restore":      {"pg_restore", "--exit-on-error", "--clean", "-d", url, custom},
		"psql -1 of dump": {"psql", "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-f", plain, url},
	} {
		program(t, restore[0], restore[1:]...)
		if at, got, want := firstDifference(dumped(t, url), before); at > 0 {
			t.Errorf("after %s, line %d of a dump is %q, want %q", what, at, got, want)
		}
	}
}

// dumped is what pg_dump writes, without what it makes up anew for each dump.
func dumped(t *testing.T, url string) string {
	t.Helper()
	return nonce.ReplaceAllString(program(t, "pg_dump", url), "")
}
