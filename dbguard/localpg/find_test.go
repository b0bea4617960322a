package localpg

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestInstalledPrefersTheNewestCompleteVersion(t *testing.T) {
	root := t.TempDir()
	for dir, names := range map[string][]string{
		"postgresql/9/bin":  {"initdb", "postgres"},
		"postgresql/17/bin": {"initdb", "postgres"},
		"postgresql/18/bin": {"initdb"}, // no server
	} {
		for _, n := range names {
			program := filepath.Join(root, dir, n)
			if err := os.MkdirAll(filepath.Dir(program), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(binary(filepath.Dir(program), n), nil, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	got := installed([]string{filepath.Join(root, "postgresql/*/bin")})
	want := []string{filepath.Join(root, "postgresql/17/bin"), filepath.Join(root, "postgresql/9/bin")}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestMissingBinariesSayHowToGetThem(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	dirs := installed([]string{filepath.Join(t.TempDir(), "*/bin")})
	if len(dirs) != 0 {
		t.Fatalf("installed in an empty folder: got %v, want none", dirs)
	}
	if err := noBinaries("linux"); !errors.Is(err, ErrNoBinaries) {
		t.Errorf("got %v, want ErrNoBinaries", err)
	}
}
