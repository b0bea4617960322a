package wire

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestConsoleShowsThePoolToAdmins(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "p"), "plain")
	d := open(t, func(s *setup) {
		s.settings.Users = append(s.settings.Users, User{Name: "plain", PasswordFile: filepath.Join(dir, "p")})
	})
	c := d.connect(t, "application_name=holder")
	ask(t, c, "begin; create temp table held(a int)")
	console := strings.Replace(d.url(""), "/postgres", "/sallyport", 1)
	out := program(t, "psql", "-X", "-At", "-c", "SHOW POOLS", "-c", "show clients;", "-c", "show servers", "-c", "show stats", "-c", "show blocked", "-c", "show help", console)
	for _, want := range []string{"postgres|transaction|10|1|0|0|1|app at 127.0.0.1:", "|app|postgres|holder|active|", "|active|", "SHOW HELP|this list", "begin; create temp table held"} {
		if !strings.Contains(out, want) {
			t.Errorf("the console does not say %q, but\n%s", want, out)
		}
	}
	ask(t, c, "rollback")
	a := connect(t, console)
	fails(t, a, "show secrets", "42601")
	fails(t, a, "select 1", "42601")
	if _, err := tryConnect(strings.Replace(console, "app:correct%20horse", "plain:plain", 1)); codeOf(err) != "42501" {
		t.Errorf("a user who is no admin gets %v, want 42501", err)
	}
	if got := d.guard.Snapshot().Metrics.Pool.Max; got != 10 {
		t.Errorf("the guard sees a pool of %d, want 10", got)
	}
}
