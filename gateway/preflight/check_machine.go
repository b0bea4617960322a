package preflight

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// checkFrozen finds a settings file that was replaced on the host while the container keeps the old one mounted: such a file
// has no name any more.
func checkFrozen(_ context.Context, site Site) Result {
	file := site.Config.File()
	switch {
	case file == "":
		return skip("there is no settings file")
	case links(file) == 0:
		return fail("mount the folder in place of the file, or restart the container",
			"%s was replaced outside, and this container still sees the old one", file).with("its link count is 0: a mounted file keeps its inode when an editor saves a new one")
	}
	return ok("%s is the file that is edited", file)
}

// checkEnvironment warns where the relaxed setting would be shown to the world.
func checkEnvironment(_ context.Context, site Site) Result {
	c := site.Config
	if c.Environment == "development" && c.PublicURL != "" {
		return warn("set environment: production", "environment is development, and %s is public: HSTS and CSP are relaxed", c.PublicURL)
	}
	return ok("environment is %s", c.Environment)
}

// checkClock asks the kernel whether a time server keeps the clock.
func checkClock(_ context.Context, site Site) Result {
	year := site.now().Year()
	if year < 2025 {
		return fail("timedatectl set-ntp true", "the clock says %s", site.now().UTC().Format(time.RFC3339))
	}
	synced, known := clockSynced()
	switch {
	case !known:
		return ok("the clock says %s; this system does not tell whether it is kept", site.now().UTC().Format(time.RFC3339))
	case !synced:
		return warn("timedatectl set-ntp true", "no time server keeps the clock; tokens and certificates depend on it")
	}
	return ok("a time server keeps the clock")
}

const (
	// leastSpace and lowSpace are free bytes below which a disk fails and warns.
	leastSpace, lowSpace = 100 << 20, 1 << 30
	// fewFiles is how many open files are too few for both doors under load: two per request, two per database session.
	fewFiles = 4096
)

// checkDisk looks at the file systems that are written to.
func checkDisk(_ context.Context, site Site) Result {
	var low, evidence []string
	worst := OK
	for _, dir := range writtenFolders(site) {
		free, _, err := space(dir)
		switch {
		case err != nil:
			return fail("make the folder, writable by the user that runs sallyport", "%s cannot be looked at: %v", dir, err)
		case free < leastSpace:
			worst, low = Fail, append(low, dir)
		case free < lowSpace && worst == OK:
			worst, low = Warn, append(low, dir)
		}
		evidence = append(evidence, fmt.Sprintf("%s has %d MB free", dir, free/1e6))
	}
	if worst != OK {
		return Result{Status: worst, Found: fmt.Sprintf("little space is left at %s", low[0]), Fix: "make room, or point history.path and log.file elsewhere"}.with(evidence...)
	}
	return ok("there is room to write").with(evidence...)
}

// writtenFolders are the nearest existing folders of what is written, without repetition.
func writtenFolders(site Site) []string {
	c := site.Config
	var all []string
	for _, path := range []string{c.History.Path, c.Log.File, c.Alerts.Queue, c.Tunnel.Backup.Dir} {
		if path == "" {
			continue
		}
		dir := existing(filepath.Dir(path))
		if !slices.Contains(all, dir) {
			all = append(all, dir)
		}
	}
	return all
}

// existing is dir or the nearest folder above that exists.
func existing(dir string) string {
	for {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) || filepath.Dir(dir) == dir {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

// checkOpenFiles looks at the limit of open files.
func checkOpenFiles(context.Context, Site) Result {
	n := openFiles()
	switch {
	case n == 0:
		return skip("this system has no such limit")
	case n < fewFiles:
		return warn("set LimitNOFILE=65536 in the unit, or ulimit -n 65536", "at most %d files may be open; under load both doors need more", n)
	}
	return ok("%d files may be open", n)
}
