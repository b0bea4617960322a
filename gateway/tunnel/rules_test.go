package tunnel

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestRulesAreJudgedAsCloudflaredReadsThem(t *testing.T) {
	x := expectation{host: "shop.example.com", door: "127.0.0.1:8080", upstream: "127.0.0.1:3000"}
	for name, c := range map[string]struct {
		ingress  string
		squatted bool
		want     Cause
		says     string
	}{
		"right":               {`[{"hostname":"shop.example.com","service":"http://127.0.0.1:8080"},{"service":"http_status:404"}]`, false, "", ""},
		"wildcard":            {`[{"hostname":"*.example.com","service":"http://127.0.0.1:8080"}]`, false, "", ""},
		"catch-all":           {`[{"service":"http://127.0.0.1:8080"}]`, false, "", ""},
		"another host first":  {`[{"hostname":"ssh.example.com","service":"ssh://127.0.0.1:22"},{"hostname":"shop.example.com","service":"http://127.0.0.1:8080"}]`, false, "", ""},
		"path rule first":     {`[{"hostname":"shop.example.com","path":"^/static","service":"http://127.0.0.1:9000"},{"hostname":"shop.example.com","service":"http://127.0.0.1:8080"}]`, false, "", ""},
		"localhost":           {`[{"hostname":"shop.example.com","service":"http://localhost:8080"}]`, false, Bypass, "write http://127.0.0.1:8080"},
		"localhost, squatted": {`[{"hostname":"shop.example.com","service":"http://localhost:8080"}]`, true, Bypass, "another process answers on [::1]:8080"},
		"app itself":          {`[{"hostname":"shop.example.com","service":"http://127.0.0.1:3000"}]`, false, Bypass, "past the HTTP door"},
		"app by localhost":    {`[{"hostname":"shop.example.com","service":"http://localhost:3000"}]`, false, Bypass, "past the HTTP door"},
		"app under a path":    {`[{"hostname":"shop.example.com","path":"^/api","service":"http://127.0.0.1:3000"},{"service":"http://127.0.0.1:8080"}]`, false, Bypass, "rule 1"},
		"other port":          {`[{"hostname":"shop.example.com","service":"http://127.0.0.1:8081"}]`, false, Drift, "127.0.0.1:8081"},
		"404":                 {`[{"service":"http_status:404"}]`, false, Drift, "does not lead"},
		"no rule":             {`[{"hostname":"ssh.example.com","service":"ssh://127.0.0.1:22"}]`, false, Drift, "no rule of version 3 serves shop.example.com"},
		"empty":               {`[]`, false, Drift, "no rule"},
		"not a URL":           {`[{"service":"http://[::1"}]`, false, Drift, "does not lead"},
	} {
		t.Run(name, func(t *testing.T) {
			var e effective
			if err := json.Unmarshal([]byte(`{"version":3,"config":{"ingress":`+c.ingress+`}}`), &e); err != nil {
				t.Fatal(err)
			}
			got := x.judgeRules(e, 0, c.squatted)
			if got.cause != c.want || !strings.Contains(got.summary, c.says) {
				t.Errorf("got %q (%s), want %q saying %q", got.cause, got.summary, c.want, c.says)
			}
		})
	}
}
