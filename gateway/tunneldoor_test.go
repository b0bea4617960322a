package gateway

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sallyport/config"
)

// watchedTunnel runs a gateway that only watches a cloudflared, whose key it knows, with require_tunnel as mode says.
func watchedTunnel(t *testing.T, mode string) *house {
	t.Helper()
	metrics := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/ready" {
			fmt.Fprint(w, `{"status":200,"readyConnections":4,"connectorId":"c"}`)
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(metrics.Close)
	return open(t, func(w http.ResponseWriter, r *http.Request) {
		for name := range r.Header {
			if strings.HasPrefix(strings.ToLower(name), "cf-warp-tag-") {
				fmt.Fprint(w, "leaked "+name)
			}
		}
		fmt.Fprint(w, "app")
	}, func(c *config.Config) {
		c.Tunnel.Metrics, c.Tunnel.DoorKey, c.HTTP.RequireTunnel = metrics.Listener.Addr().String(), secret(t, "the door's key"), mode
	})
}

func TestOnlyOurOwnConnectorBringsRequestsWhereThatIsEnforced(t *testing.T) {
	const right, forged = "the door's key", "a guess"
	for _, c := range []struct {
		mode      string
		tags      []string
		status    int
		strangers int64
	}{
		{"enforce", []string{right}, 200, 0},
		{"enforce", nil, 403, 0},
		{"enforce", []string{forged}, 403, 0},
		{"enforce", []string{right, forged}, 403, 0}, // a visitor cannot know the key, and only the last one is the connector's
		{"enforce", []string{forged, right}, 200, 0}, // a visitor sent one, our connector appended its own
		{"report", []string{forged}, 200, 1},
		{"report", nil, 200, 1},
		{"report", []string{right}, 200, 0},
		{"off", []string{forged}, 200, 0},
	} {
		t.Run(fmt.Sprintf("%s %q", c.mode, c.tags), func(t *testing.T) {
			h := watchedTunnel(t, c.mode)
			headers := []string{"Cf-Warp-Tag-Id", "someone", "Cf-Ray", "x"}
			for _, tag := range c.tags {
				headers = append(headers, "Cf-Warp-Tag-Door", tag)
			}
			got := h.get("http", "/", headers...)
			if got.status != c.status || c.status == 200 && got.body != "app" {
				t.Errorf("got %d %q, want %d and no tag at the app", got.status, got.body, c.status)
			}
			if n := h.strangers.Load(); n != c.strangers {
				t.Errorf("%d strangers are counted, want %d", n, c.strangers)
			}
			if c.status == 403 && !strings.Contains(h.kinds(), "not-by-our-tunnel") {
				t.Errorf("the journal holds %s, want the refusal", h.kinds())
			}
			if s := h.tunnel.Snapshot(); s.Mode != "observe" || s.PID != 0 {
				t.Errorf("the tunnel is %+v, want only watched", s)
			}
			for _, order := range []string{"restart", "hold"} {
				if got := h.do("admin", "POST", "/api/hardening/tunnel/"+order, nil); got.status != http.StatusConflict {
					t.Errorf("%s of a watched tunnel: got %d, want 409", order, got.status)
				}
			}
		})
	}
}
