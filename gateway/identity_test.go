package gateway

import (
	"strings"
	"testing"

	"sallyport/config"
)

func TestHealthTellsThatClientsShareABudget(t *testing.T) {
	public := func(c *config.Config) { c.PublicURL = "https://shop.example.com" }
	distrusting := func(c *config.Config) { c.HTTP.Door.ClientIP.Trust = []string{"203.0.113.0/24"} }
	for _, c := range []struct {
		name    string
		changes []func(*config.Config)
		headers []string
		status  string
		reason  string
	}{
		{"a connector without the header", []func(*config.Config){public}, nil, degraded, "6 of 6 requests of trusted peers came without CF-Connecting-IP"},
		{"a header that is no address", nil, []string{"CF-Connecting-IP", "<script>"}, degraded, "no address"},
		{"a connector that is not trusted", []func(*config.Config){public, distrusting}, []string{"CF-Connecting-IP", "192.0.2.1"}, degraded, "outside http.client_ip.trust"},
		{"no public name", nil, nil, healthy, "share one budget"},
		{"named clients", []func(*config.Config){public}, []string{"CF-Connecting-IP", "192.0.2.1"}, healthy, "told apart"},
	} {
		h := open(t, hello, c.changes...)
		for range namingLeast + 1 {
			h.get("http", "/", c.headers...)
		}
		var a healthAnswer
		h.get("admin", "/api/hardening/health").json(t, &a)
		if got := a.Checks["clientIdentity"]; got.Status != c.status || !strings.Contains(got.Reason, c.reason) {
			t.Errorf("%s: got %+v, want %s and %q", c.name, got, c.status, c.reason)
		}
		for range namingMinutes {
			h.naming.turn(namesOf(h.visitors))
		}
		if got := h.checkIdentity(); got.Status != healthy {
			t.Errorf("%s, ten minutes later: got %+v, want it forgotten", c.name, got)
		}
	}
}
