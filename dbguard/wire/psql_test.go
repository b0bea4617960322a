package wire

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// changing is what differs between two runs of one script: the process that a notification came from, the schema of temporary tables and the time.
var changing = regexp.MustCompile(`lo_import \d+|from server process with PID \d+|pg_temp_\d+|\n.*\(every 0.01s\)\n`)

// psqlScript runs testdata/psql.sql in a database of its own and returns all that psql printed.
func psqlScript(t *testing.T, url func(database string) string) string {
	t.Helper()
	const name = "at_the_prompt"
	ask(t, direct(t), "create database "+name)
	defer func() { ask(t, direct(t), "drop database "+name+" with (force)") }()
	return changing.ReplaceAllString(program(t, "psql", "-X", "-a", "-f", "testdata/psql.sql", url(name)), "")
}

func TestPsqlSeesNoDifference(t *testing.T) {
	want := psqlScript(t, server.URL)
	if n := strings.Count(want, "\n"); n < 1000 {
		t.Fatalf("direct, psql prints %d lines only:\n%s", n, want)
	}
	for _, kind := range doorKinds {
		t.Run(kind.name, func(t *testing.T) {
			var d *doorway
			got := psqlScript(t, func(database string) string {
				d = open(t, func(s *setup) {
					s.upstream, s.settings.Pool.Wait = server.URL(database), 30*time.Second
					kind.change(s)
				})
				return strings.Replace(d.url(""), "/postgres?", "/"+database+"?", 1)
			})
			_ = d.close()
			if at, from, to := firstDifference(got, want); at > 0 {
				t.Errorf("line %d of what it prints: got %q, want %q", at, from, to)
			}
			if m := d.guard.Snapshot().Metrics; m.BlockedQueries != 0 {
				t.Errorf("%d honest queries were blocked, want 0", m.BlockedQueries)
			}
		})
	}
}

// firstDifference returns the number of the first line in which got and want differ, and both lines; 0 where they are equal.
func firstDifference(got, want string) (at int, from, to string) {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		a, b := "", ""
		if i < len(g) {
			a = g[i]
		}
		if i < len(w) {
			b = w[i]
		}
		if a != b {
			return i + 1, a, b
		}
	}
	return 0, "", ""
}
