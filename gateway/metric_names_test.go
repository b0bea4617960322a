package gateway

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"sallyport/config"
)

// family is one metric as /metrics shows it: its labels, each with the values seen.
type family map[string][]string

var (
	sample    = regexp.MustCompile(`(?m)^(sallyport_[a-z0-9_]+)(?:\{(.*)\})? `)
	labelPair = regexp.MustCompile(`([a-z_]+)="([^"]*)"`)
	selector  = regexp.MustCompile(`(sallyport_[a-z0-9_]+)(?:\{([^}]*)\})?`)
	matcher   = regexp.MustCompile(`([a-z_]+)\s*(=~|=)\s*"([^"]*)"`)
	grouping  = regexp.MustCompile(`\bby \(([^)]*)\)`)
)

// families are the metrics that a gateway with every part has. Only the certificate's end is added: it is known once the public URL was
// reached over TLS.
func families(t *testing.T) map[string]family {
	t.Helper()
	r := startSharedRedis(t)
	h, _, _ := both(t, r.shared, func(c *config.Config) { c.Tunnel.Metrics = "127.0.0.1:1" })
	h.together(1)
	h.search("192.0.2.1", "apple")
	all := map[string]family{"sallyport_tunnel_certificate_expiry_timestamp_seconds": {}}
	for _, m := range sample.FindAllStringSubmatch(h.get("admin", "/metrics").body, -1) {
		f := all[m[1]]
		if f == nil {
			f = family{}
			all[m[1]] = f
		}
		for _, l := range labelPair.FindAllStringSubmatch(m[2], -1) {
			f[l[1]] = append(f[l[1]], l[2])
		}
	}
	return all
}

// expressions are all PromQL texts of the rules and dashboards, with where they stand.
func expressions(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	var rules struct {
		Groups []struct {
			Rules []struct{ Record, Alert, Expr string }
		}
	}
	text, err := os.ReadFile("../deploy/prometheus/rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &rules); err != nil {
		t.Fatal(err)
	}
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			all["rule "+r.Record+r.Alert] = r.Expr
		}
	}
	boards, err := filepath.Glob("../deploy/grafana/dashboards/*.json")
	if err != nil || len(boards) != 2 {
		t.Fatalf("dashboards: got %v, %v, want two", boards, err)
	}
	for _, file := range boards {
		for where, expr := range boardExpressions(t, file) {
			all[where] = expr
		}
	}
	return all
}

func boardExpressions(t *testing.T, file string) map[string]string {
	t.Helper()
	type source struct{ Type, UID string }
	var board struct {
		UID         string
		Annotations struct{ List []struct{ Name, Expr string } }
		Templating  struct {
			List []struct{ Name, Definition string }
		}
		Panels []struct {
			Title      string
			Type       string
			Datasource source
			Targets    []struct {
				Expr       string
				Datasource source
			}
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	provisioned, err := os.ReadFile("../deploy/grafana/provisioning/datasources/sallyport.yaml")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, a := range board.Annotations.List {
		all[filepath.Base(file)+": "+a.Name] = a.Expr
	}
	for _, v := range board.Templating.List {
		all[filepath.Base(file)+": "+v.Name] = v.Definition
	}
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			if !strings.Contains(string(provisioned), "uid: "+target.Datasource.UID+",") || target.Datasource.UID == "" {
				t.Errorf("%s: %s asks data source %q, which is not provisioned", file, p.Title, target.Datasource.UID)
			}
			if target.Datasource.Type == "prometheus" {
				all[filepath.Base(file)+": "+p.Title+": "+target.Expr] = target.Expr
			}
		}
	}
	return all
}

// lacks reports that f has no such label.
func (f family) lacks(label string) bool { _, has := f[label]; return !has }

// scraped are labels that Prometheus adds.
var scraped = []string{"instance", "job", "le"}

func TestRulesAndDashboardsAskForMetricsThatThereAre(t *testing.T) {
	known := families(t)
	asked := 0
	for where, expr := range expressions(t) {
		for _, m := range selector.FindAllStringSubmatch(expr, -1) {
			asked++
			f, found := known[m[1]]
			if !found {
				t.Errorf("%s asks for %s, which the gateway has not", where, m[1])
				continue
			}
			checkMatchers(t, where, m[1], f, m[2])
		}
		checkGroupings(t, where, expr, known)
	}
	if asked < 80 {
		t.Errorf("%d metrics are asked for, want the more than 80 of rules and dashboards", asked)
	}
}

// checkMatchers wants every label that is asked for, with the values that there are; kinds of events come as they happen.
func checkMatchers(t *testing.T, where, name string, f family, text string) {
	t.Helper()
	for _, l := range matcher.FindAllStringSubmatch(text, -1) {
		switch {
		case slices.Contains(scraped, l[1]):
		case f.lacks(l[1]):
			t.Errorf("%s asks for label %s of %s, which has %v", where, l[1], name, f)
		case l[1] != "kind":
			for value := range strings.SplitSeq(l[3], "|") {
				if !slices.Contains(f[l[1]], value) {
					t.Errorf("%s asks for %s=%q of %s, which has %q", where, l[1], value, name, f[l[1]])
				}
			}
		}
	}
}

// checkGroupings wants the labels of "by" at some metric of the expression.
func checkGroupings(t *testing.T, where, expr string, known map[string]family) {
	t.Helper()
	for _, g := range grouping.FindAllStringSubmatch(expr, -1) {
		for label := range strings.SplitSeq(g[1], ",") {
			label = strings.TrimSpace(label)
			has := slices.Contains(scraped, label) || strings.Contains(expr, "sallyport:")
			for _, m := range selector.FindAllStringSubmatch(expr, -1) {
				has = has || !known[m[1]].lacks(label)
			}
			if !has {
				t.Errorf("%s groups by %s, which none of its metrics has", where, label)
			}
		}
	}
}
