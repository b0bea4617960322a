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
		Logging  struct{ Options map[string]string }
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

// reaches reports whether two services have a network in common.
func (c compose) reaches(one, other string) bool {
	return slices.ContainsFunc(c.on(one), func(network string) bool { return slices.Contains(c.on(other), network) })
}

func TestComposeLeavesNoWayPastTheDoors(t *testing.T) {
	c := readCompose(t)
	for _, beside := range []struct{ gateway, app, connector string }{{"gateway", "app", "cloudflared"}, {"gateway2", "app2", "cloudflared2"}} {
		for service := range c.Services {
			if service != beside.gateway && service != beside.app && c.reaches(service, beside.app) {
				t.Errorf("%s reaches %s past %s", service, beside.app, beside.gateway)
			}
			if service != beside.gateway && service != beside.connector && c.reaches(service, beside.connector) {
				t.Errorf("%s reaches %s, want %s alone", beside.connector, service, beside.gateway)
			}
		}
	}
	for service := range c.Services {
		for _, inside := range []string{"postgres", "redis"} {
			if service != inside && !strings.HasPrefix(service, "gateway") && c.reaches(service, inside) {
				t.Errorf("%s reaches %s, want the gateways alone", service, inside)
			}
		}
	}
	if !c.Networks["data"].Internal || !c.Networks["share"].Internal {
		t.Errorf("networks data and share have a way out: %+v", c.Networks)
	}
}

func TestComposeServicesComeBackAndKeepToThemselves(t *testing.T) {
	c := readCompose(t)
	for name, s := range c.Services {
		for _, port := range s.Ports {
			if !strings.HasPrefix(port, "127.0.0.1:") {
				t.Errorf("%s publishes %s, want it bound to 127.0.0.1", name, port)
			}
		}
		if s.Restart != "unless-stopped" || !slices.Contains(s.Profiles, "full-stack") || s.Logging.Options["max-size"] == "" {
			t.Errorf("%s: restart %q, profiles %v, logging %v, want a restart policy, profile full-stack and a bound on its log", name, s.Restart, s.Profiles, s.Logging.Options)
		}
		for _, secret := range s.Secrets {
			if c.Secrets[secret].File == "" {
				t.Errorf("%s uses secret %s, which is no file", name, secret)
			}
		}
	}
}

func TestDeployedSettingsAreUnderstood(t *testing.T) {
	for _, file := range []string{"../../deploy/sallyport.yaml", "../../deploy/kubernetes/sallyport.yaml"} {
		var out, errOut bytes.Buffer
		run(t.Context(), []string{"check", "--config", file}, &out, &errOut)
		for line := range strings.Lines(errOut.String()) {
			// Those files exist in containers only; the last line counts them.
			if !strings.Contains(line, "/run/secrets/") && !strings.HasSuffix(line, " in the settings, nothing was changed\n") {
				t.Errorf("check of %s says: %s", file, line)
			}
		}
	}
}

// The texts tell people to keep secrets in a folder of this name beside compose.yaml and beside the settings.
func TestSecretsStayOutOfCommitsAndBuilds(t *testing.T) {
	for file, want := range map[string][]string{"../../.gitignore": {"secrets/", ".env"}, "../../.dockerignore": {"**/secrets", "**/.env", "**/*.db*", "deploy", "dist"}} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range want {
			if !slices.Contains(strings.Split(string(text), "\n"), line) {
				t.Errorf("%s lacks %s", file, line)
			}
		}
	}
}
