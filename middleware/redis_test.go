package middleware

import (
	"context"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
	limiter "github.com/ulule/limiter/v3"
)

// redisServer is a private redis-server on a Unix socket.
type redisServer struct {
	socket string
	cmd    *exec.Cmd
}

func startRedis(t *testing.T, socket string) *redisServer {
	t.Helper()
	cmd := exec.Command("redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no", "--dir", filepath.Dir(socket))
	if err := cmd.Start(); err != nil {
		t.Fatalf("start redis-server (it must be in PATH): %v", err)
	}
	r := &redisServer{socket: socket, cmd: cmd}
	t.Cleanup(r.stop)
	probe := NewRedisBudgets(Redis{Address: socket, Timeout: 10 * time.Second}, "", nil)
	defer probe.Close()
	eventually(t, "redis answers", func() bool { c := probe.pool.Get(); defer c.Close(); _, err := c.Do("PING"); return err == nil })
	return r
}

// stop kills the server and waits for its end; it may be called twice.
func (r *redisServer) stop() {
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
}

func sharedStore(t *testing.T, socket string) *RedisBudgets {
	t.Helper()
	b := NewRedisBudgets(Redis{Address: socket, Prefix: "t:", Timeout: 10 * time.Second}, "", nil)
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func TestReplicasShareOneBudgetInRedis(t *testing.T) {
	r := startRedis(t, filepath.Join(t.TempDir(), "s"))
	one, other := sharedStore(t, r.socket), sharedStore(t, r.socket)
	var wg sync.WaitGroup
	var a, b int
	wg.Go(func() { a = spend(t, one, "a", 80, hundred) })
	wg.Go(func() { b = spend(t, other, "a", 80, hundred) })
	wg.Wait()
	if a+b != 100 {
		t.Errorf("got %d + %d admitted, want 100 in all", a, b)
	}
	refused, err := one.Get(context.Background(), "a", hundred)
	wait := refused.Reset - time.Now().Unix()
	if err != nil || !refused.Reached || wait < 1 || wait > 10 {
		t.Errorf("got %+v, %v and %d s to wait, want a refusal for at most the 9 s of one request", refused, err, wait)
	}
	if got := spend(t, one, "b", 1, hundred); got != 1 {
		t.Error("another client was refused")
	}
	if answer, err := one.Reset(context.Background(), "a", hundred); err != nil || answer.Remaining != 100 {
		t.Errorf("got %+v, %v after a reset, want a whole budget", answer, err)
	}
	c := one.pool.Get()
	defer c.Close()
	ttl, err := redis.Int64(c.Do("PTTL", "t:default:b"))
	if err != nil || ttl <= 0 || ttl > 9000 {
		t.Errorf("got a key that lives %d ms, %v, want as long as its budget is not whole", ttl, err)
	}
}

func TestResetOfRedisIsTrueWhenWaited(t *testing.T) {
	b := sharedStore(t, startRedis(t, filepath.Join(t.TempDir(), "s")).socket)
	rate := limiter.Rate{Formatted: "fast", Period: 2 * time.Second, Limit: 4}
	var refused limiter.Context
	eventually(t, "the budget is spent", func() bool {
		var err error
		if refused, err = b.Get(context.Background(), "a", rate); err != nil {
			t.Fatal(err)
		}
		return refused.Reached
	})
	// Redis has a clock of its own: this is the one wait that no clock of ours can shorten.
	time.Sleep(time.Until(time.Unix(refused.Reset, 0)))
	if got := spend(t, b, "a", 1, rate); got != 1 {
		t.Error("refused after waiting as told")
	}
}

func TestRedisStoppedInMidFlight(t *testing.T) {
	for mode, want := range map[string]int{"allow": http.StatusOK, "deny": http.StatusServiceUnavailable} {
		socket := filepath.Join(t.TempDir(), "s")
		r := startRedis(t, socket)
		c := newClock()
		store := NewRedisBudgets(Redis{Address: socket, Timeout: 10 * time.Second}, "", c.now)
		t.Cleanup(func() { _ = store.Close() })
		s := Defaults()
		s.RateLimit.OnStoreError = mode
		var mu sync.Mutex
		var told []error
		e := engine(t, s, Parts{State: NewState(nil), Store: store, OnStore: func(err error) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, err)
		}}, ok)
		if got := call(e, http.MethodGet, "/"); got.StatusCode != http.StatusOK || got.Header.Get("X-RateLimit-Remaining") != "99" {
			t.Fatalf("%s: got %d with %q left, want 200 with 99", mode, got.StatusCode, got.Header.Get("X-RateLimit-Remaining"))
		}
		r.stop()
		began := time.Now()
		for i := range 50 {
			if got := call(e, http.MethodGet, "/").StatusCode; got != want {
				t.Errorf("%s: request %d without Redis: got %d, want %d", mode, i, got, want)
			}
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("%s: 50 requests without Redis took %s, want no waiting for it", mode, took)
		}
		startRedis(t, socket)
		c.pass(2 * restFor)
		if got := call(e, http.MethodGet, "/").StatusCode; got != http.StatusOK {
			t.Errorf("%s: got %d with Redis back, want 200", mode, got)
		}
		if len(told) != 2 || told[0] == nil || told[1] != nil {
			t.Errorf("%s: told %v, want one failure and one recovery", mode, told)
		}
	}
}

func TestClientThatLeftDoesNotMakeTheStoreIll(t *testing.T) {
	b := sharedStore(t, startRedis(t, filepath.Join(t.TempDir(), "s")).socket)
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := b.Get(gone, "a", hundred); err == nil {
		t.Fatal("a request that is over was answered")
	}
	if got := spend(t, b, "a", 1, hundred); got != 1 {
		t.Error("the next request was refused")
	}
}

func TestRedisKeysKeepPoliciesApart(t *testing.T) {
	b := sharedStore(t, startRedis(t, filepath.Join(t.TempDir(), "s")).socket)
	for i := range 3 {
		rate := limiter.Rate{Formatted: "p" + strconv.Itoa(i), Period: time.Minute, Limit: 2}
		if got := spend(t, b, "a", 5, rate); got != 2 {
			t.Errorf("policy %d: got %d admitted, want 2", i, got)
		}
	}
}
