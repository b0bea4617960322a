package gateway

import (
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/config"
)

// sharedRedis is a private redis-server on a Unix socket.
type sharedRedis struct {
	socket string
	cmd    *exec.Cmd
}

// start starts the server; it answers a moment later.
func (r *sharedRedis) start(t *testing.T) {
	t.Helper()
	r.cmd = exec.Command("redis-server", "--port", "0", "--unixsocket", r.socket, "--save", "", "--appendonly", "no", "--dir", filepath.Dir(r.socket))
	if err := r.cmd.Start(); err != nil {
		t.Fatalf("start redis-server (it must be in PATH): %v", err)
	}
}

func (r *sharedRedis) stop() {
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
}

func startSharedRedis(t *testing.T) *sharedRedis {
	t.Helper()
	r := &sharedRedis{socket: filepath.Join(t.TempDir(), "s")}
	r.start(t)
	t.Cleanup(r.stop)
	return r
}

// shared lets a gateway count in r.
func (r *sharedRedis) shared(c *config.Config) {
	c.HTTP.Door.RateLimit.Store, c.HTTP.Door.RateLimit.Redis.Address = "redis", r.socket
	c.HTTP.Door.RateLimit.Redis.Timeout = 5 * time.Second // a loaded machine is no ill store
}

// together waits until h exchanges with n replicas, itself among them.
func (h *house) together(n int) {
	h.t.Helper()
	eventually(h.t, "the replicas know each other", func() bool {
		a := h.replicas.answer()
		return a.Enabled && !a.Apart && len(a.Members) == n
	})
}

func TestReplicasShareBudgetsHoldsAndStatements(t *testing.T) {
	r := startSharedRedis(t)
	one, _, _ := both(t, r.shared, func(c *config.Config) { c.HTTP.Door.RateLimit.Requests, c.HTTP.Door.RateLimit.Per = 50, 24*time.Hour })
	other, _, _ := both(t, r.shared, func(c *config.Config) { c.HTTP.Door.RateLimit.Requests, c.HTTP.Door.RateLimit.Per = 50, 24*time.Hour })
	one.together(2)
	other.together(2)

	admitted := 0
	var mu sync.Mutex // guards admitted
	var visitors sync.WaitGroup
	for _, h := range []*house{one, other} {
		visitors.Go(func() {
			for range 40 {
				a, err := h.try("http", http.MethodGet, "/search?q=apple", nil, "CF-Connecting-IP", "192.0.2.1")
				mu.Lock()
				if err == nil && a.status == http.StatusOK {
					admitted++
				}
				mu.Unlock()
			}
		})
	}
	visitors.Wait()
	if admitted != 50 {
		t.Errorf("80 requests over two replicas: %d were admitted, want the one budget of 50", admitted)
	}

	// The structure was learned by now, at either replica from the other too.
	eventually(t, "both know the app's statement", func() bool {
		return one.database.guard.Model().Len() > 0 && other.database.guard.Model().Len() > 0
	})
	for range 2 {
		if got := one.search("198.51.100.7", "x' or 'a'='a"); strings.TrimSpace(got.body) != "42501" {
			t.Fatalf("attack: got %d %s, want it refused", got.status, got.body)
		}
	}
	eventually(t, "the client is held where it attacked", func() bool { return len(one.visitors.Holds.List()) == 1 })
	began := time.Now()
	eventually(t, "the client is held at the other replica", func() bool { return len(other.visitors.Holds.List()) == 1 })
	t.Logf("held at the other replica after %s", time.Since(began).Round(time.Millisecond))
	if got := other.search("198.51.100.7", "apple").status; got != http.StatusForbidden {
		t.Errorf("the held client's next request at the other replica: got %d, want 403", got)
	}
	if got := one.do("admin", http.MethodPost, "/api/hardening/security/release?client=198.51.100.7", nil); got.status != http.StatusOK {
		t.Fatalf("release: got %d", got.status)
	}
	eventually(t, "the client is free at the other replica", func() bool { return len(other.visitors.Holds.List()) == 0 })
	if got := other.search("198.51.100.7", "apple").status; got == http.StatusForbidden {
		t.Error("the client is refused at the other replica after its release")
	}
}

func TestReplicaLearnsFromAnother(t *testing.T) {
	r := startSharedRedis(t)
	one, _, _ := both(t, r.shared, func(c *config.Config) { c.HTTP.Door.RateLimit.Requests = 0 })
	for _, q := range []string{"apple", "pear", "melon"} {
		one.search("192.0.2.1", q)
	}
	late, _, _ := both(t, r.shared, func(c *config.Config) { c.HTTP.Door.RateLimit.Requests = 0 })
	eventually(t, "the late replica knows what the first learned", func() bool { return late.database.guard.Model().Len() == one.database.guard.Model().Len() })
	// Its first request ever is an attack, which it can only tell from the app's own statement by what it was told.
	if got := late.search("198.51.100.7", "x' or 'a'='a"); strings.TrimSpace(got.body) != "42501" {
		t.Errorf("attack: got %d %s, want it refused", got.status, got.body)
	}
}

func TestReplicasApartSaySoAndObeyOnStoreError(t *testing.T) {
	r := startSharedRedis(t)
	lenient := open(t, hello, r.shared)
	strict := open(t, hello, r.shared, func(c *config.Config) { c.HTTP.Door.RateLimit.OnStoreError, c.HTTP.Door.RateLimit.Requests = "deny", 0 })
	lenient.together(2)
	strict.together(2)
	lenient.visitors.Holds.Hold("198.51.100.7", time.Now().Add(time.Hour), "x")
	eventually(t, "both hold the client", func() bool { return len(strict.visitors.Holds.List()) == 1 })
	r.stop()
	for name, h := range map[string]*house{"lenient": lenient, "strict": strict} {
		eventually(t, name+" notices", func() bool { return h.replicas.answer().Apart && strings.Contains(h.kinds(), "replicas-apart") })
		if body := h.get("admin", "/api/hardening/health").body; !strings.Contains(body, "Nothing was heard of the other replicas") {
			t.Errorf("%s: health says %s", name, body)
		}
		if got := h.get("http", "/", "CF-Connecting-IP", "198.51.100.7").status; got != http.StatusForbidden {
			t.Errorf("%s: the held client got %d while apart, want 403", name, got)
		}
	}
	if got := lenient.get("http", "/", "CF-Connecting-IP", "192.0.2.1").status; got != http.StatusOK {
		t.Errorf("allow: a stranger got %d while apart, want 200", got)
	}
	if got := strict.get("http", "/", "CF-Connecting-IP", "192.0.2.1").status; got != http.StatusServiceUnavailable {
		t.Errorf("deny: a stranger got %d while apart, want 503", got)
	}
	r.start(t) // empty: what the replicas knew is told anew
	lenient.together(2)
	eventually(t, "it is said that they are joined", func() bool { return strings.Contains(lenient.kinds(), "replicas-joined") })
	late := open(t, hello, r.shared)
	eventually(t, "a late replica holds the client", func() bool { return len(late.visitors.Holds.List()) == 1 })
	if got := strict.get("http", "/", "CF-Connecting-IP", "192.0.2.1").status; got != http.StatusOK {
		t.Errorf("deny: a stranger got %d with the store back, want 200", got)
	}
}

func TestOneAloneSharesNothing(t *testing.T) {
	h := open(t, hello)
	var s securityAnswer
	h.get("admin", "/api/hardening/security").json(t, &s)
	if s.Replicas.Enabled || s.Replicas.Members == nil || strings.Contains(h.get("admin", "/metrics").body, "sallyport_replicas") {
		t.Errorf("replicas: got %+v, want them off", s.Replicas)
	}
}
