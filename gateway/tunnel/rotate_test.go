package tunnel

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLogRotatesBySizeAndKeepsTheNewest(t *testing.T) {
	dir := t.TempDir()
	r := &rotating{name: filepath.Join(dir, "app.log"), size: 30, keep: 2}
	for _, line := range []string{"first 789012345\n", "second 89012345\n", "third 789012345\n", "fourth 89012345\n"} {
		if _, err := r.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"app.log": "fourth", "app.log.1": "third", "app.log.2": "second"} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !strings.HasPrefix(string(got), want) || strings.Count(string(got), "\n") != 1 {
			t.Errorf("%s holds %q (%v), want one line that begins with %q", name, got, err, want)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "app.log.3")); !os.IsNotExist(err) {
		t.Errorf("app.log.3 is there (%v), want two old files kept", err)
	}
}

func TestLogGoesOnWhereItEnded(t *testing.T) {
	r := &rotating{name: filepath.Join(t.TempDir(), "app.log"), size: 100, keep: 1}
	for range 2 {
		if _, err := r.Write([]byte("line\n")); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(r.name)
	if err != nil || string(got) != "line\nline\n" {
		t.Errorf("log holds %q (%v), want both lines", got, err)
	}
}
