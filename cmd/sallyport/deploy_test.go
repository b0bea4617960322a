package main

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// compose is what the claims are about.
type compose struct {
	Services map[string]struct {
		Profiles []string
		Networks any
		Ports    []string
		Restart  string
		Secrets  []string
	}
	Networks map[string]struct{ Internal bool }
	Secrets  map[string]struct{ File string }
}

func readCompose(t *testing.T) compose {
	t.Helper()
	text, err := os.ReadFile("../../deploy/compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var c compose
	if err := yaml.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// on returns the networks of a service.
func (c compose) on(service string) []string {
	var names []string
	switch n := c.Services[service].Networks.(type) {
	case []any:
		for _, name := range n {
			names = append(names, name.(string))
		}
	case map[string]any:
		for name := range n {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func TestComposeLeavesNoWayPastTheDoors(t *testing.T) {
	c := readCompose(t)
	for service, want := range map[string][]string{"cloudflared": {"edge"}, "gateway": {"app", "data", "edge"}, "app": {"app"}, "postgres": {"data"}} {
		if got := c.on(service); !slices.Equal(got, want) {
			t.Errorf("%s is on networks %v, want %v", service, got, want)
		}
	}
	if !c.Networks["data"].Internal {
		t.Error("network data is not internal")
	}
	for name, s := range c.Services {
		for _, port := range s.Ports {
			if !strings.HasPrefix(port, "127.0.0.1:") {
				t.Errorf("%s publishes %s, want it bound to 127.0.0.1", name, port)
			}
		}
		if s.Restart == "" || !slices.Contains(s.Profiles, "minimal") {
			t.Errorf("%s: restart %q, profiles %v, want a restart policy and profile minimal", name, s.Restart, s.Profiles)
		}
		for _, secret := range s.Secrets {
			if c.Secrets[secret].File == "" {
				t.Errorf("%s uses secret %s, which is no file", name, secret)
			}
		}
	}
}

func TestComposeSettingsAreUnderstood(t *testing.T) {
	var out, errOut bytes.Buffer
	run(t.Context(), []string{"check", "--config", "../../deploy/sallyport.yaml"}, &out, &errOut)
	for line := range strings.Lines(errOut.String()) {
		if !strings.Contains(line, "/run/secrets/") { // those files exist in containers only
			t.Errorf("check says: %s", line)
		}
	}
}
