package gateway

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/config"
)

// startRedis runs a private redis-server on socket and returns what ends it.
func startRedis(t *testing.T, socket string) (stop func()) {
	t.Helper()
	cmd := exec.Command("redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no", "--dir", filepath.Dir(socket))
	if err := cmd.Start(); err != nil {
		t.Fatalf("start redis-server (it must be in PATH): %v", err)
	}
	stop = sync.OnceFunc(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	t.Cleanup(stop)
	eventually(t, "redis accepts", func() bool {
		c, err := net.Dial("unix", socket)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	return stop
}

// phone is an alert channel: it keeps the cause and state of each message.
type phone struct {
	mu    sync.Mutex // guards rings
	rings []string
}

func (p *phone) open(t *testing.T) func(*config.Config) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var m struct{ Cause, State string }
		body, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(body, &m); err != nil {
			t.Errorf("alert: %v in %s", err, body)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.rings = append(p.rings, m.Cause+" "+m.State)
	}))
	t.Cleanup(s.Close)
	file := secret(t, s.URL)
	return func(c *config.Config) { c.Alerts.Webhook.URLFile = file }
}

func (p *phone) all() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.rings)
}

func TestRedisStopped(t *testing.T) {
	for mode, want := range map[string]int{"allow": http.StatusOK, "deny": http.StatusServiceUnavailable} {
		t.Run(mode, func(t *testing.T) { redisStopped(t, mode, want) })
	}
}

// redisStopped stops Redis under load: requests must go on as on_store_error says, and people must be told once.
func redisStopped(t *testing.T, mode string, want int) {
	socket := filepath.Join(t.TempDir(), "s")
	stop := startRedis(t, socket)
	told := &phone{}
	h := open(t, hello, told.open(t), func(c *config.Config) {
		r := &c.HTTP.Door.RateLimit
		r.Store, r.Redis.Address, r.OnStoreError, r.Requests, r.Redis.Timeout = "redis", socket, mode, 1_000_000, 5*time.Second
	})
	var down, up atomic.Bool
	var done sync.WaitGroup
	var mu sync.Mutex // guards after
	after := map[int]int{}
	for range 4 {
		done.Go(func() {
			for !up.Load() {
				stopped := down.Load()
				got := h.get("http", "/")
				if !stopped && got.status != 200 && got.status != want {
					t.Errorf("%s: got %d, want 200 or %d", mode, got.status, want)
				}
				if stopped {
					mu.Lock()
					after[got.status]++
					mu.Unlock()
				}
			}
		})
	}
	eventually(t, "budgets are counted in Redis", func() bool { return h.get("http", "/").header.Get("X-RateLimit-Remaining") != "" })
	stop()
	down.Store(true)
	eventually(t, "200 requests without Redis", func() bool { mu.Lock(); defer mu.Unlock(); return after[want] >= 200 })
	eventually(t, "people are told", func() bool { return len(told.all()) > 0 })
	// What replicas share is lost with the same Redis, a little later: that is no second fault.
	eventually(t, "the replicas to be apart", func() bool { return strings.Contains(h.kinds(), "replicas-apart") })
	up.Store(true)
	done.Wait()
	for status, n := range after {
		if status != want {
			t.Errorf("%s: %d requests were answered %d without Redis, want %d", mode, n, status, want)
		}
	}
	if n := strings.Count(h.kinds(), "rate-limit-store-down"); n != 1 {
		t.Errorf("%s: %d events that the store is down, want one", mode, n)
	}
	startRedis(t, socket)
	eventually(t, "the store is found again, and people are told", func() bool { h.get("http", "/"); return len(told.all()) == 2 })
	if got := told.all(); !slices.Equal(got, []string{"REDIS_DOWN open", "REDIS_DOWN resolved"}) {
		t.Errorf("%s: people were told %q, want one alert and its end", mode, got)
	}
	t.Logf("%s: %d requests without Redis, all answered %d; one event, one alert and its end", mode, after[want], want)
}
