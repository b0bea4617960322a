//go:build prove

package wire

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// realClients are programs below testdata/clients, which print what they saw.
var realClients = []struct{ name, interpreter, script string }{
	{"node-postgres", "node", "node_postgres.mjs"},
	{"Prisma", "node", "prisma.mjs"},
	{"psycopg2", "/usr/bin/python3", "psycopg2_client.py"}, // Debian's own, which sees Debian's packages
	{"asyncpg", "/usr/bin/python3", "asyncpg_client.py"},
}

func TestProveNodeAndPythonClientsSeeNoDifference(t *testing.T) {
	dir := installClients(t)
	for _, c := range realClients {
		began := time.Now()
		want := runClient(t, dir, server.URL(freshDatabase(t)), c.interpreter, c.script)
		t.Logf("%s: %d lines, direct in %s", c.name, strings.Count(want, "\n"), time.Since(began).Round(time.Millisecond))
		if !strings.Contains(strings.ToLower(want), "\nend true\n") {
			t.Fatalf("%s does not come to its end, but says\n%s", c.name, want)
		}
		for _, kind := range doorKinds {
			t.Run(c.name+"/"+kind.name, func(t *testing.T) {
				database := freshDatabase(t)
				d := open(t, func(s *setup) {
					s.upstream, s.settings.Pool.Wait = server.URL(database), 30*time.Second
					kind.change(s)
				})
				began := time.Now()
				url := strings.TrimSuffix(strings.Replace(d.url(""), "/postgres?", "/"+database+"?", 1), "&")
				got := runClient(t, dir, url, c.interpreter, c.script, "SERVERS="+strconv.Itoa(d.Settings.Pool.Max))
				took := time.Since(began)
				if got != want {
					t.Errorf("it says\n%s\ndirect it says\n%s", got, want)
				}
				m := d.guard.Snapshot().Metrics
				t.Logf("%d queries, %d failed, %d blocked, in %s", m.TotalQueries, m.FailedQueries, m.BlockedQueries, took.Round(time.Millisecond))
				if m.BlockedQueries != 0 {
					t.Errorf("%d honest queries were blocked, want 0", m.BlockedQueries)
				}
			})
		}
	}
}

// freshDatabase makes a database that goes when the test has ended.
func freshDatabase(t *testing.T) string {
	t.Helper()
	const name = "real_clients"
	admin := direct(t)
	ask(t, admin, "drop database if exists "+name+" with (force)")
	ask(t, admin, "create database "+name)
	return name
}

// installClients copies the programs to a folder of the test's own, gets the packages that their lock file names, and has Prisma
// make its client.
func installClients(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "clients"))); err != nil {
		t.Fatal(err)
	}
	command(t, dir, nil, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	engine, err := exec.LookPath("true") // the native schema engine is not needed, and not downloaded where it seems to be there
	if err != nil {
		t.Fatal(err)
	}
	command(t, dir, []string{"PRISMA_SCHEMA_ENGINE_BINARY=" + engine, "CHECKPOINT_DISABLE=1"}, filepath.Join("node_modules", ".bin", "prisma"), "generate")
	return dir
}

func runClient(t *testing.T, dir, url, interpreter, script string, env ...string) string {
	t.Helper()
	return command(t, dir, append(env, "DATABASE_URL="+url), interpreter, script)
}

// command runs a program in dir and returns what it printed.
func command(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}
