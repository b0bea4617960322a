package preflight

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// checkSecrets reads every secret that the settings name.
func checkSecrets(_ context.Context, site Site) Result {
	refs := site.Config.Secrets()
	if len(refs) == 0 {
		return ok("the settings name no secret")
	}
	var bad []string
	for _, s := range refs {
		if _, err := site.Config.Secret(s.Source); err != nil {
			bad = append(bad, fmt.Sprintf("%s: %v", s.Key, err))
		}
	}
	if len(bad) > 0 {
		return fail("write the secret there, readable by the user that runs sallyport", "%d of %d secrets cannot be read", len(bad), len(refs)).with(bad...)
	}
	return ok("all %d secrets can be read", len(refs))
}

// checkPermissions looks who else may read the files of secrets.
func checkPermissions(_ context.Context, site Site) Result {
	var open, group []string
	for _, s := range site.Config.Secrets() {
		st, err := os.Stat(s.Source)
		if err != nil || !hasOwners || underSecretsMount(s.Source) {
			continue // a variable, or a mount that only this container sees
		}
		switch mode := st.Mode().Perm(); {
		case mode&0o007 != 0:
			open = append(open, fmt.Sprintf("%s (%s) has mode %04o", s.Source, s.Key, mode))
		case mode&0o020 != 0:
			group = append(group, fmt.Sprintf("%s (%s) has mode %04o", s.Source, s.Key, mode))
		}
	}
	if len(open) > 0 {
		return fail("chmod 600 "+strings.Join(paths(open), " "), "everybody on this machine can read %d of the secrets", len(open)).with(open...)
	}
	if len(group) > 0 {
		return warn("chmod g-w "+strings.Join(paths(group), " "), "a group can write %d of the secrets", len(group)).with(group...)
	}
	return ok("secrets are readable by their owner only")
}

func paths(lines []string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i], _, _ = strings.Cut(l, " (")
	}
	return out
}

// underSecretsMount reports a path below /run/secrets, where Docker and Kubernetes mount secrets world-readable for one container.
func underSecretsMount(path string) bool {
	return strings.HasPrefix(filepath.ToSlash(path), "/run/secrets/") || strings.HasPrefix(filepath.ToSlash(path), "/var/run/secrets/")
}
