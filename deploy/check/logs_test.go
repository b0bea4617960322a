package check

import (
	"bytes"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/prometheus/alertmanager/config"
	"go.yaml.in/yaml/v3"
)

func TestProveAlertmanagerTakesItsSettings(t *testing.T) {
	c, err := config.LoadFile("../prometheus/alertmanager.yml")
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Receivers) != 1 || len(c.Receivers[0].WebhookConfigs) != 1 {
		t.Fatalf("receivers: got %+v, want one with one webhook", c.Receivers)
	}
	secrets := project(t, "monitoring").Services["alertmanager"].Secrets
	file := c.Receivers[0].WebhookConfigs[0].URLFile
	if len(secrets) != 1 || file != "/run/secrets/"+secrets[0].Source {
		t.Errorf("alerts go to the URL in %s, the container has the secrets %+v", file, secrets)
	}
}

// loki are the settings of Loki that ours use, by the names and types of its reference
// (https://grafana.com/docs/loki/v3.5.x/configure/); an unknown one is an error, as it is there.
type loki struct {
	AuthEnabled bool `yaml:"auth_enabled"`
	Server      struct {
		HTTPListenPort int `yaml:"http_listen_port"`
		GRPCListenPort int `yaml:"grpc_listen_port"`
	}
	Common struct {
		InstanceAddr      string `yaml:"instance_addr"`
		PathPrefix        string `yaml:"path_prefix"`
		ReplicationFactor int    `yaml:"replication_factor"`
		Ring              struct{ Kvstore struct{ Store string } }
		Storage           struct {
			Filesystem struct {
				ChunksDirectory string `yaml:"chunks_directory"`
				RulesDirectory  string `yaml:"rules_directory"`
			}
		}
	}
	SchemaConfig struct {
		Configs []struct {
			From, Store, Schema string
			ObjectStore         string `yaml:"object_store"`
			Index               struct{ Prefix, Period string }
		}
	} `yaml:"schema_config"`
	LimitsConfig struct {
		RetentionPeriod string `yaml:"retention_period"`
	} `yaml:"limits_config"`
	Compactor struct {
		WorkingDirectory   string `yaml:"working_directory"`
		RetentionEnabled   bool   `yaml:"retention_enabled"`
		DeleteRequestStore string `yaml:"delete_request_store"`
	}
	Analytics struct {
		ReportingEnabled bool `yaml:"reporting_enabled"`
	}
}

func readLoki(t *testing.T) loki {
	t.Helper()
	text, err := os.ReadFile("../loki/loki.yml")
	if err != nil {
		t.Fatal(err)
	}
	var l loki
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&l); err != nil {
		t.Fatal(err)
	}
	return l
}

// Loki refuses retention without a store for delete requests, an index whose period is not a day, and writes nowhere but in its volume.
func TestProveLokiKeepsItsLinesInItsVolume(t *testing.T) {
	l := readLoki(t)
	if l.Compactor.RetentionEnabled && l.Compactor.DeleteRequestStore == "" {
		t.Error("retention is enabled without compactor.delete_request_store")
	}
	for _, c := range l.SchemaConfig.Configs {
		if c.Store != "tsdb" || c.Schema != "v13" || c.ObjectStore != "filesystem" || c.Index.Period != "24h" {
			t.Errorf("schema: got %+v, want tsdb v13 in files with an index a day", c)
		}
	}
	var volumes []string
	for _, v := range project(t, "full-stack").Services["loki"].Volumes {
		volumes = append(volumes, v.Target)
	}
	f := l.Common.Storage.Filesystem
	for _, dir := range []string{l.Common.PathPrefix, f.ChunksDirectory, f.RulesDirectory, l.Compactor.WorkingDirectory} {
		if !slices.ContainsFunc(volumes, func(v string) bool { return dir == v || len(dir) > len(v) && dir[:len(v)+1] == v+"/" }) {
			t.Errorf("Loki writes to %s, which is none of its volumes %v", dir, volumes)
		}
	}
}

// TestProveLogsReachLoki follows a line from the gateway's file to Loki: each place is named in another file.
func TestProveLogsReachLoki(t *testing.T) {
	text, err := os.ReadFile("../loki/config.alloy")
	if err != nil {
		t.Fatal(err)
	}
	find := func(pattern string) string {
		m := regexp.MustCompile(pattern).FindSubmatch(text)
		if m == nil {
			t.Fatalf("config.alloy has nothing like %s", pattern)
		}
		return string(m[1])
	}
	to, err := url.Parse(find(`url\s*=\s*"([^"]*)"`))
	if err != nil {
		t.Fatal(err)
	}
	p := project(t, "full-stack", "GATEWAY_LOG=/var/log/sallyport/")
	if _, there := p.Services[to.Hostname()]; !there || to.Port() != strconv.Itoa(readLoki(t).Server.HTTPListenPort) || to.Path != "/loki/api/v1/push" {
		t.Errorf("lines are pushed to %s, where Loki does not listen", to)
	}
	if path := find(`__path__ = "([^"]*)"`); path != "/var/log/sallyport/*.log" {
		t.Errorf("lines are read from %s, want where the gateways write them", path)
	}
	component := regexp.MustCompile(`(?m)^([a-z_.]+) "(\w+)" \{`)
	var declared []string
	for _, m := range component.FindAllSubmatch(text, -1) {
		declared = append(declared, string(m[1])+"."+string(m[2]))
	}
	for _, m := range regexp.MustCompile(`\b((?:local|loki)\.[a-z_.]+?\.\w+)\.(?:targets|receiver)\b`).FindAllSubmatch(text, -1) {
		if !slices.Contains(declared, string(m[1])) {
			t.Errorf("config.alloy refers to %s, it declares %v", m[1], declared)
		}
	}
}
