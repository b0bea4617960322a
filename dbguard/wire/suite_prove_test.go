//go:build prove

package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/dbguard/localpg"
)

// madeUp are the numbers of temporary folders, which some tests have in their names.
var madeUp = regexp.MustCompile(`[0-9]{5,}`)

// The driver's own test-suite tells a door in session mode from PostgreSQL as little as a program could.
func TestProvePgxSuiteInSessionModeIsAsDirect(t *testing.T) {
	pg, err := localpg.Start(t.Context(), localpg.Options{Settings: map[string]string{"max_connections": "200"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pg.Stop() })
	dir := pgxSources(t)
	direct := runSuite(t, dir, newSuiteDatabase(t, pg))
	url := newSuiteDatabase(t, pg)
	d := open(t, func(s *setup) {
		sessionMode(s)
		s.upstream, s.settings.Pool.Max, s.settings.Pool.Wait = url, 150, 30*time.Second
		s.settings.Users[0].Name = "postgres"
	})
	through := strings.NewReplacer(pg.Password, "correct%20horse", strings.Split(strings.Split(url, "@")[1], "/")[0], d.addr).Replace(url)
	got := runSuite(t, dir, through)
	t.Logf("direct: %v; through the door: %v", tally(direct), tally(got))
	differs := 0
	for _, name := range slices.Sorted(maps.Keys(direct)) {
		if direct[name] != got[name] {
			differs++
			t.Errorf("%s: %q through the door, %q direct", name, got[name], direct[name])
		}
	}
	if len(direct) < 1000 || len(got) < len(direct) {
		t.Errorf("%d tests ran through the door, %d direct, want more than 1000 and as many", len(got), len(direct))
	}
	m := d.guard.Snapshot().Metrics
	t.Logf("%d tests differ; the door counted %d queries, %d of them failed", differs, m.TotalQueries, m.FailedQueries)
	c, err := tryConnect(strings.Replace(through, "?", "?connect_timeout=5&", 1))
	if err != nil || c == nil {
		t.Errorf("after the suite the door answers %v", err)
	}
}

// pgxSources is a copy of the pgx that we are built with.
func pgxSources(t *testing.T) string {
	t.Helper()
	from := strings.TrimSpace(command(t, ".", nil, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/jackc/pgx/v5"))
	dir := t.TempDir()
	command(t, ".", nil, "cp", "-R", from+"/.", dir)
	command(t, ".", nil, "chmod", "-R", "u+w", dir)
	return dir
}

// newSuiteDatabase makes the database that pgx's CONTRIBUTING.md asks for, anew, and returns how to reach it.
func newSuiteDatabase(t *testing.T, pg *localpg.Server) string {
	t.Helper()
	admin := connect(t, pg.URL("postgres"))
	ask(t, admin, "drop database if exists pgx_test with (force)")
	ask(t, admin, "create database pgx_test")
	c := connect(t, pg.URL("pgx_test"))
	ask(t, c, "create extension hstore; create extension ltree; create domain uint64 as numeric(20,0)")
	return pg.URL("pgx_test")
}

// runSuite returns how each test ended: "pass", "fail" or "skip".
func runSuite(t *testing.T, dir, url string) map[string]string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 9*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "test", "-json", "-count=1", "-p=1", "-parallel=8", "./...")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "PGX_TEST_DATABASE="+url, "GOFLAGS=-mod=mod", "GOWORK=off")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run() // tests that fail are part of the result
	ended := map[string]string{}
	said := map[string]string{}
	for line := range bytes.Lines(out.Bytes()) {
		var e struct{ Action, Package, Test, Output string }
		if json.Unmarshal(line, &e) != nil || e.Test == "" {
			continue
		}
		name := e.Package + "." + madeUp.ReplaceAllString(e.Test, "#")
		switch e.Action {
		case "pass", "fail", "skip":
			ended[name] = e.Action
		case "output":
			said[name] += e.Output
		}
	}
	if len(ended) == 0 {
		t.Fatalf("the suite did not run: %v\n%s", err, out.Bytes()[:min(out.Len(), 4000)])
	}
	for name, how := range ended {
		if how == "fail" {
			t.Logf("%s failed:\n%s", name, said[name])
		}
	}
	return ended
}

// tally counts how tests ended, for the log.
func tally(ended map[string]string) map[string]int {
	n := map[string]int{}
	for _, how := range ended {
		n[how]++
	}
	return n
}
