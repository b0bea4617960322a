package localpg

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
)

// usualPlaces are the folders where packages put the server's binaries apart from PATH.
var usualPlaces = []string{
	"/usr/lib/postgresql/*/bin",
	"/usr/pgsql-*/bin",
	"/usr/lib64/pgsql/bin",
	"/usr/local/pgsql/bin",
	"/opt/homebrew/opt/postgresql*/bin",
	"/usr/local/opt/postgresql*/bin",
	"/Applications/Postgres.app/Contents/Versions/*/bin",
	`C:\Program Files\PostgreSQL\*\bin`,
}

// packages names the command that brings the binaries, by operating system.
var packages = map[string]string{
	"linux":   "install the server with: apt-get install postgresql (Debian, Ubuntu) or dnf install postgresql-server (Fedora, RHEL)",
	"darwin":  "install the server with: brew install postgresql",
	"windows": "install the server with: winget install PostgreSQL.PostgreSQL.17",
}

var versionInPath = regexp.MustCompile(`\d+`)

// binaries is the folder that holds initdb and postgres: that in PATH, else the newest version in the usual places.
func binaries() (string, error) {
	if initdb, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(initdb); err == nil && complete(filepath.Dir(real)) {
			return filepath.Dir(real), nil
		}
	}
	if dirs := installed(usualPlaces); len(dirs) > 0 {
		return dirs[0], nil
	}
	return "", noBinaries(runtime.GOOS)
}

// noBinaries is the error that says how to get them on goos.
func noBinaries(goos string) error {
	return fmt.Errorf("%w: initdb and postgres are neither in PATH nor in the usual places; %s", ErrNoBinaries, howToGet(goos))
}

// HowToGet tells in half a sentence how to bring PostgreSQL's server binaries to this machine.
func HowToGet() string { return howToGet(runtime.GOOS) }

func howToGet(goos string) string {
	if how := packages[goos]; how != "" {
		return how
	}
	return "install PostgreSQL's server package"
}

// installed returns the folders matching patterns that hold a whole server, newest version first.
func installed(patterns []string) []string {
	var dirs []string
	for _, p := range patterns {
		matches, _ := filepath.Glob(p) // the only error is a bad pattern, and the table has none
		dirs = append(dirs, slices.DeleteFunc(matches, func(d string) bool { return !complete(d) })...)
	}
	slices.SortStableFunc(dirs, func(a, b string) int { return majorVersion(b) - majorVersion(a) })
	return dirs
}

// majorVersion is the last number in the folder's path, 0 where it has none.
func majorVersion(dir string) int {
	found := versionInPath.FindAllString(dir, -1)
	if len(found) == 0 {
		return 0
	}
	n, _ := strconv.Atoi(found[len(found)-1]) // digits only; too many of them are no version either
	return n
}

func complete(dir string) bool {
	for _, name := range []string{"initdb", "postgres"} {
		if _, err := exec.LookPath(binary(dir, name)); err != nil {
			return false
		}
	}
	return true
}

// binary is the path of a program in dir with the suffix that this system wants.
func binary(dir, name string) string {
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(dir, name)
}
