package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"sallyport/dbguard/localpg"
	"sallyport/gateway/preflight"
)

// process is one replica as it runs in production: a process of its own, with the app that stands beside it.
type process struct {
	t           *testing.T
	cmd         *exec.Cmd
	http, admin string
	settings    string // path of its file
	pool        atomic.Pointer[pgxpool.Pool]
}

// sidecar starts a replica with an app of its own, which concatenates ?q= into its SQL.
func sidecar(t *testing.T, program, redis, database string) *process {
	t.Helper()
	p := &process{t: t, http: free(t), admin: free(t)}
	app := httptest.NewServer(http.HandlerFunc(p.app))
	t.Cleanup(app.Close)
	door, dir := free(t), t.TempDir()
	for name, text := range map[string]string{"url": database, "app": "secret"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	settings := fmt.Sprintf(`version: 1
http:
  listen: %s
  upstream: %s
  rate_limit: {requests: 30, per: 24h, store: redis, redis: {address: %s, timeout: 5s}}
database: {listen: %s, upstream_file: url, users: [{name: app, password_file: app}]}
admin: {listen: %s}
smoke: {requests: [{get: '/search?q=pg_class', min_queries: 1}]}
`, p.http, app.URL, redis, door, p.admin)
	if err := os.WriteFile(filepath.Join(dir, "sallyport.yaml"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	p.settings = filepath.Join(dir, "sallyport.yaml")
	p.cmd = exec.Command(program, "run", "--config", p.settings)
	var said strings.Builder
	p.cmd.Stderr = &said
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	until(t, "the replica is ready", func() bool { return p.status(p.admin, "/readyz", "") == http.StatusOK })
	pool, err := pgxpool.New(t.Context(), "postgres://app:secret@"+door+"/postgres?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	p.pool.Store(pool)
	return p
}

func (p *process) app(w http.ResponseWriter, r *http.Request) {
	pool := p.pool.Load()
	if pool == nil {
		return
	}
	var n int
	err := pool.QueryRow(r.Context(), "select count(*) from pg_class where relname = '"+r.URL.Query().Get("q")+"'", pgx.QueryExecModeSimpleProtocol).Scan(&n)
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		http.Error(w, refused.Code, http.StatusInternalServerError)
		return
	}
	_, _ = fmt.Fprintln(w, n, err)
}

// kill ends the process as a power cut does.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// status asks path at addr as client and returns the answer's status, 0 where none came.
func (p *process) status(addr, path, client string) int {
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, "http://"+addr+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	if client != "" {
		r.Header.Set("CF-Connecting-IP", client)
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	defer a.Body.Close()
	_, _ = io.Copy(io.Discard, a.Body)
	return a.StatusCode
}

func (p *process) search(client, q string) int {
	return p.status(p.http, "/search?q="+url.QueryEscape(q), client)
}

// holds is how many clients the replica holds off.
func (p *process) holds() int {
	var a struct{ Holds []json.RawMessage }
	r, err := http.Get("http://" + p.admin + "/api/hardening/security")
	if err != nil {
		return -1
	}
	defer r.Body.Close()
	if err := json.NewDecoder(r.Body).Decode(&a); err != nil {
		return -1
	}
	return len(a.Holds)
}

// doctor returns what one check of sallyport doctor says of the replica.
func (p *process) doctor(check string) preflight.Result {
	p.t.Helper()
	var answer checked
	if err := json.Unmarshal([]byte(call(p.t, nil, "doctor", "--json", "--config", p.settings).out), &answer); err != nil {
		p.t.Fatal(err)
	}
	for _, r := range answer.Results {
		if r.Check == check {
			return r
		}
	}
	p.t.Fatalf("doctor has no check %s", check)
	return preflight.Result{}
}

func until(t *testing.T, what string, claim func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !claim(); {
		if time.Now().After(end) {
			t.Fatalf("not within 30 s: %s", what)
		}
		<-time.After(20 * time.Millisecond)
	}
}

func TestReplicaThatIsKilledTakesNothingWithIt(t *testing.T) {
	pg, err := localpg.Start(t.Context(), localpg.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pg.Stop() })
	socket := filepath.Join(t.TempDir(), "s")
	redis := exec.Command("redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no", "--dir", filepath.Dir(socket))
	if err := redis.Start(); err != nil {
		t.Fatalf("start redis-server (it must be in PATH): %v", err)
	}
	t.Cleanup(func() { _ = redis.Process.Kill(); _ = redis.Wait() })
	program := filepath.Join(t.TempDir(), "sallyport")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-tags=nomsgpack", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	one, other := sidecar(t, program, socket, pg.URL("postgres")), sidecar(t, program, socket, pg.URL("postgres"))

	until(t, "the replicas share", func() bool { return strings.HasPrefix(one.doctor("replicas").Found, "2 replicas") })
	if r := one.doctor("doors-meet"); r.Status != preflight.OK {
		t.Errorf("doors-meet: got %+v, want ok", r)
	}
	own := one.pool.Swap(other.pool.Load())
	if r := one.doctor("doors-meet"); r.Status != preflight.Fail || !strings.Contains(r.Found, "own database door") {
		t.Errorf("doors-meet with an app that uses the other's database door: got %+v, want fail", r)
	}
	one.pool.Store(own)

	for i := range 20 {
		if got := one.search("192.0.2.1", "pg_class"); got != http.StatusOK {
			t.Fatalf("visit %d: got %d, want 200", i, got)
		}
	}
	for range 2 {
		if got := one.search("198.51.100.7", "x' or 'a'='a"); got != http.StatusInternalServerError {
			t.Fatalf("attack: got %d, want the app to fail", got)
		}
	}
	until(t, "the other replica holds the attacker", func() bool { return other.holds() == 1 })
	one.kill()

	admitted := 0
	for range 20 {
		switch got := other.search("192.0.2.1", "pg_class"); got {
		case http.StatusOK:
			admitted++
		case http.StatusTooManyRequests:
		default:
			t.Errorf("a visitor of the other replica got %d", got)
		}
	}
	if admitted != 10 {
		t.Errorf("after 20 visits at the dead replica %d of 20 were admitted at the other, want the 10 that were left", admitted)
	}
	if got := other.search("192.0.2.2", "pg_class"); got != http.StatusOK {
		t.Errorf("another visitor got %d, want 200", got)
	}
	late := sidecar(t, program, socket, pg.URL("postgres"))
	until(t, "a replica that comes in its place holds the attacker", func() bool { return late.holds() == 1 })
	for name, p := range map[string]*process{"other": other, "late": late} {
		if got := p.search("198.51.100.7", "pg_class"); got != http.StatusForbidden {
			t.Errorf("%s: the attacker got %d, want 403", name, got)
		}
	}
}
