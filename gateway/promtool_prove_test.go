//go:build prove

package gateway

import (
	"os/exec"
	"strings"
	"testing"

	"sallyport/config"
)

func TestProvePromtoolAcceptsMetricsAndRules(t *testing.T) {
	r := startSharedRedis(t)
	h, _, _ := both(t, r.shared, func(c *config.Config) { c.Tunnel.Metrics = "127.0.0.1:1" })
	h.together(1)
	h.search("192.0.2.1", "apple")
	for _, args := range []string{"check metrics", "check rules rules.yml", "test rules rules_test.yml", "check config --syntax-only prometheus.yml"} {
		cmd := exec.Command("promtool", strings.Fields(args)...)
		cmd.Dir = "../deploy/prometheus"
		if args == "check metrics" {
			cmd.Stdin = strings.NewReader(h.get("admin", "/metrics").body)
		}
		if said, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", args, err, said)
		} else {
			t.Logf("promtool %s: %s", args, said)
		}
	}
}
