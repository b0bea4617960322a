package check

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// project loads compose.yaml as docker compose does, with one profile.
func project(t *testing.T, profile string, env ...string) *types.Project {
	t.Helper()
	o, err := cli.NewProjectOptions([]string{"../compose.yaml"}, cli.WithProfiles([]string{profile}), cli.WithEnv(append(env, "APP_IMAGE=shop:1")), cli.WithInterpolation(true))
	if err != nil {
		t.Fatal(err)
	}
	p, err := o.LoadProject(context.Background())
	if err != nil {
		t.Fatalf("profile %s: %v", profile, err)
	}
	return p
}

func TestProveComposeIsUnderstoodInEveryProfile(t *testing.T) {
	for profile, want := range map[string]string{
		"minimal":    "app cloudflared gateway postgres",
		"monitoring": "alertmanager app cloudflared gateway grafana postgres prometheus",
		"full-stack": "alertmanager alloy app app2 cloudflared cloudflared2 gateway gateway2 grafana loki postgres prometheus redis",
	} {
		p := project(t, profile)
		names := p.ServiceNames()
		slices.Sort(names)
		if got := strings.Join(names, " "); got != want {
			t.Errorf("profile %s runs %s, want %s", profile, got, want)
		}
		for _, s := range p.Services {
			checkService(t, profile, s)
		}
	}
}

// checkService wants what every service must have.
func checkService(t *testing.T, profile string, s types.ServiceConfig) {
	t.Helper()
	if s.Restart != "unless-stopped" || s.Logging == nil || s.Logging.Options["max-size"] == "" || s.Logging.Options["max-file"] == "" {
		t.Errorf("%s: %s has restart %q and logging %+v, want both set", profile, s.Name, s.Restart, s.Logging)
	}
	for _, port := range s.Ports {
		if port.HostIP != "127.0.0.1" {
			t.Errorf("%s: %s publishes %s on %q, want 127.0.0.1", profile, s.Name, port.Published, port.HostIP)
		}
	}
	for _, v := range s.Volumes {
		if v.Type != types.VolumeTypeBind {
			continue
		}
		if _, err := os.Stat(v.Source); err != nil {
			t.Errorf("%s: %s mounts %s: %v", profile, s.Name, filepath.Base(v.Source), err)
		}
	}
	for name, value := range s.Environment {
		if value != nil && (strings.Contains(strings.ToLower(name), "password") || strings.Contains(name, "SECRET")) && !strings.HasPrefix(*value, "/run/secrets/") {
			t.Errorf("%s: %s has %s in its environment, want a secret's file", profile, s.Name, name)
		}
	}
	ours := !slices.Contains([]string{"app", "app2", "postgres"}, s.Name)
	if ours && (!s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Contains(s.SecurityOpt, "no-new-privileges:true")) {
		t.Errorf("%s: %s is not locked down: read_only %v, cap_drop %v, %v", profile, s.Name, s.ReadOnly, s.CapDrop, s.SecurityOpt)
	}
}

func TestProveComposeNetworksLeaveNoWayPastTheDoors(t *testing.T) {
	p := project(t, "full-stack")
	gateways := []string{"gateway", "gateway2"}
	share := func(a, b string) (common []string) {
		for n := range p.Services[a].Networks {
			if _, both := p.Services[b].Networks[n]; both {
				common = append(common, n)
			}
		}
		return common
	}
	for _, inside := range []string{"postgres", "redis"} {
		for _, s := range p.ServiceNames() {
			if s != inside && !slices.Contains(gateways, s) && len(share(s, inside)) > 0 {
				t.Errorf("%s reaches %s on %v, want only the gateways to", s, inside, share(s, inside))
			}
		}
		for n := range p.Services[inside].Networks {
			if !p.Networks[n].Internal {
				t.Errorf("%s is on %s, which has a way out", inside, n)
			}
		}
	}
	for i, app := range []string{"app", "app2"} {
		for _, s := range p.ServiceNames() {
			if s != app && s != gateways[i] && len(share(s, app)) > 0 {
				t.Errorf("%s reaches %s on %v, want only %s to", s, app, share(s, app), gateways[i])
			}
		}
	}
	for i, connector := range []string{"cloudflared", "cloudflared2"} {
		for _, s := range p.ServiceNames() {
			if s != connector && s != gateways[i] && len(share(s, connector)) > 0 {
				t.Errorf("%s reaches %s on %v, want only %s to", connector, s, share(s, connector), gateways[i])
			}
		}
	}
}

func TestProveComposeSwitchesTheStore(t *testing.T) {
	off, on := project(t, "minimal"), project(t, "full-stack", "STORE=redis", "GATEWAY_LOG=/var/log/sallyport/")
	for _, c := range []struct {
		p                     *types.Project
		service, store, where string
	}{{off, "gateway", "memory", ""}, {on, "gateway", "redis", "/var/log/sallyport/gateway.log"}, {on, "gateway2", "redis", "/var/log/sallyport/gateway2.log"}} {
		env := c.p.Services[c.service].Environment
		if store, file := *env["SALLYPORT_HTTP_RATE_LIMIT_STORE"], *env["SALLYPORT_LOG_FILE"]; store != c.store || file != c.where {
			t.Errorf("%s gets store %q and log %q, want %q and %q", c.service, store, file, c.store, c.where)
		}
	}
}

// Docker stops what depends on others before them: first nobody is brought any more, then the app ends, then the door that it needs.
func TestProveComposeStopsFromTheOutside(t *testing.T) {
	p := project(t, "full-stack")
	for _, way := range [][]string{{"cloudflared", "app", "gateway", "postgres"}, {"cloudflared2", "app2", "gateway2", "postgres"}} {
		for i, outer := range way[:len(way)-1] {
			if _, after := p.Services[outer].DependsOn[way[i+1]]; !after {
				t.Errorf("%s may end after %s: it depends on %v", way[i+1], outer, p.Services[outer].DependsOn)
			}
		}
		if s := p.Services[way[0]]; s.StopGracePeriod == nil || time.Duration(*s.StopGracePeriod) <= 30*time.Second {
			t.Errorf("%s is killed after %v, want more than its own 30s", s.Name, s.StopGracePeriod)
		}
	}
}
