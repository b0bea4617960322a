package preflight

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// checkPIDFiles finds PID files that name no living process: a process manager that believes them starts nothing, or kills
// somebody else.
func checkPIDFiles(_ context.Context, site Site) Result {
	var stale, seen []string
	for _, file := range pidFiles(site) {
		raw, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(raw)))
		if err != nil || pid <= 0 {
			stale = append(stale, fmt.Sprintf("%s holds no process number", file))
			continue
		}
		if !alive(pid) {
			stale = append(stale, fmt.Sprintf("%s names pid %d, which does not live", file, pid))
		}
		seen = append(seen, file)
	}
	if len(stale) > 0 {
		return warn("delete the files named above, then restart their process manager", "%d PID files are stale", len(stale)).with(stale...)
	}
	return ok("%d PID files looked at, none stale", len(seen))
}

// pidFiles are those beside the files of drift.files and in the tunnel's folder.
func pidFiles(site Site) []string {
	var all []string
	for _, file := range site.Config.Drift.Files {
		for _, pattern := range []string{"*.pid", "tmp/pids/*.pid", "run/*.pid", ".pm2/pids/*.pid"} {
			found, err := filepath.Glob(filepath.Join(filepath.Dir(file), pattern))
			if err == nil {
				all = append(all, found...)
			}
		}
	}
	return all
}

// checkWrittenPorts compares ports that the app's own files name with the settings.
func checkWrittenPorts(_ context.Context, site Site) Result {
	files := site.Config.Drift.Files
	if len(files) == 0 {
		return skip("drift.files names no file of the app")
	}
	facts, err := writtenFacts(site)
	if err != nil {
		return fail("mend drift.files", "%v", err)
	}
	var off []string
	for _, f := range facts {
		off = append(off, fmt.Sprintf("%s: %s says %s, the settings want %s", f.Source, f.Fact, f.Observed, f.Declared))
	}
	if len(off) > 0 {
		return fail("write the wanted value there and restart the app", "%d values in the app's files differ from the settings", len(off)).with(off...)
	}
	return ok("%d files of the app agree with the settings", len(files))
}

var assignment = regexp.MustCompile(`^\s*(?:export\s+)?([A-Z][A-Z0-9_]*)\s*=\s*["']?([^"'\s#]+)`)

// writtenFacts are the values in the app's files that differ from the settings.
func writtenFacts(site Site) ([]Fact, error) {
	var all []Fact
	for _, file := range site.Config.Drift.Files {
		f, err := os.Open(file)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s does not exist", file)
		}
		if err != nil {
			return nil, err
		}
		lines := bufio.NewScanner(f)
		for n := 1; lines.Scan(); n++ {
			if m := assignment.FindStringSubmatch(lines.Text()); m != nil {
				all = append(all, differs(site, m[1], m[2], fmt.Sprintf("%s:%d", file, n))...)
			}
		}
		if err := errors.Join(lines.Err(), f.Close()); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	return all, nil
}

// differs compares one assignment of an .env file; passwords never get into the fact.
func differs(site Site, name, value, source string) []Fact {
	c := site.Config
	switch {
	case name == "PORT":
		u, err := url.Parse(c.HTTP.App.URL)
		if err != nil {
			return nil
		}
		if want, err := netip.ParseAddrPort(hostPort(u)); err == nil && value != strconv.Itoa(int(want.Port())) {
			return []Fact{{Fact: name, Declared: strconv.Itoa(int(want.Port())), Observed: clip(value, 20), Source: source}}
		}
	case strings.HasSuffix(name, "DATABASE_URL") && c.Database.Enabled():
		u, err := url.Parse(value)
		if err != nil || u.Host == "" {
			return nil
		}
		if got := databaseHost(u); got != c.Database.Listen {
			return []Fact{{Fact: name, Declared: c.Database.Listen, Observed: got, Source: source}}
		}
	}
	return nil
}

func databaseHost(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "5432"
	}
	return hostOf(u.Hostname(), port)
}
