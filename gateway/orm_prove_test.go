//go:build prove

package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/dbguard"
)

// orms are apps that do everything through an ORM and listen at $LISTEN.
var orms = []struct {
	name  string
	start func(t *testing.T) *exec.Cmd
}{
	{"GORM", func(t *testing.T) *exec.Cmd { return gormApp(t, "PREPARE=yes") }},
	{"GORM with values in the text", func(t *testing.T) *exec.Cmd { return gormApp(t, "PREPARE=no") }},
	{"SQLAlchemy", func(*testing.T) *exec.Cmd {
		return exec.Command("/usr/bin/python3", filepath.Join("testdata", "orm", "sqlalchemy_app.py")) // Debian's own, which sees Debian's packages
	}},
	{"Prisma", prismaApp},
}

// prismaApp gets the packages that the lock file of the database door's clients names and has Prisma make its client of their schema.
func prismaApp(t *testing.T) *exec.Cmd {
	t.Helper()
	dir := t.TempDir()
	for _, from := range []string{filepath.Join("..", "dbguard", "wire", "testdata", "clients"), filepath.Join("testdata", "orm")} {
		files, err := filepath.Glob(filepath.Join(from, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if text, err := os.ReadFile(file); err == nil { // a folder is none of its files
				if err := os.WriteFile(filepath.Join(dir, filepath.Base(file)), text, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	engine, err := exec.LookPath("true") // the native schema engine is not needed, and not downloaded where it seems to be there
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"}, {filepath.Join("node_modules", ".bin", "prisma"), "generate"}} {
		cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "PRISMA_SCHEMA_ENGINE_BINARY="+engine, "CHECKPOINT_DISABLE=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	cmd := exec.Command("node", "prisma_app.mjs")
	cmd.Dir = dir
	return cmd
}

func gormApp(t *testing.T, env string) *exec.Cmd {
	t.Helper()
	file := filepath.Join(t.TempDir(), "gormapp")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", file, ".")
	build.Dir = filepath.Join("testdata", "orm", "gorm")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command(file)
	cmd.Env = []string{env}
	return cmd
}

// TestProveORMsAreNeverRefused lets apps on ORMs serve visitors whose words look like SQL, both doors enforcing.
func TestProveORMsAreNeverRefused(t *testing.T) {
	for _, orm := range orms {
		t.Run(orm.name, func(t *testing.T) { proveORM(t, orm.start(t)) })
	}
}

func proveORM(t *testing.T, cmd *exec.Cmd) {
	pg := startPostgres(t, "")
	listen := freePort(t)
	app := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: listen})
	h := open(t, app.ServeHTTP, guarding(t, pg, "its-own"))
	var statements atomic.Int64
	var mu sync.Mutex
	var refused []string
	h.database.guard.Observe(func(r dbguard.Report) {
		statements.Add(1)
		if blocked := (*dbguard.BlockedError)(nil); errors.As(r.Err, &blocked) {
			mu.Lock()
			defer mu.Unlock()
			refused = append(refused, fmt.Sprint(blocked.Rules, " ", r.Verdict.Skeleton))
		}
	})
	var said bytes.Buffer
	cmd.Env = append(append(os.Environ(), cmd.Env...), "LISTEN="+listen, "DATABASE_URL="+h.url("app", "its-own", "postgres"))
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	waitForApp(t, listen, ended, &said)
	h.database.guard.Warm() // what rests on learned statements refuses from the first request on
	requests := h.visitAll(t)
	mu.Lock()
	defer mu.Unlock()
	w := h.database.window.Snapshot()
	t.Logf("%d requests, %d statements, %d refused; structures known %d, asked about %d, crossings reported %d", requests, statements.Load(), len(refused), h.database.guard.Model().Len(), w.Asked, w.Crossings)
	if t.Failed() {
		t.Logf("the app says: %s", said.String())
	}
	if len(refused) > 0 {
		t.Errorf("statements refused: got %d, want 0:\n%s", len(refused), strings.Join(refused, "\n"))
	}
}

// waitForApp returns once something listens at addr: an app that migrates first.
func waitForApp(t *testing.T, addr string, ended chan error, said *bytes.Buffer) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial("tcp", addr); err == nil {
			_ = conn.Close()
			return
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("the app ended: %v\n%s", err, said)
		default:
		}
	}
	t.Fatal("the app does not listen within two minutes")
}

// visitAll sends every word to every path, from eight visitors at once, and returns how many requests that were.
func (h *house) visitAll(t *testing.T) int {
	t.Helper()
	type visit struct{ path, value string }
	var all []visit
	for n, value := range append(visitorsWords, visitorsWords...) {
		for _, path := range []string{"/create", "/upsert", "/bulk", "/find", "/first", "/group", "/update", "/raw", "/find", "/delete"} {
			all = append(all, visit{path, value})
		}
		all = append(all, visit{"/sort", []string{"name", "price desc", "id"}[n%3]}, visit{"/in", "1,2,3,40"[:2*(n%3)+1]})
	}
	visits := make(chan visit)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for v := range visits {
				a, err := h.sendWords(i, v.path, v.value)
				if err != nil || a.status != http.StatusOK && !strings.Contains(a.body, "23505") && !strings.Contains(a.body, "UniqueViolation") {
					t.Errorf("%s with %q: got %d %s, %v", v.path, v.value, a.status, a.body, err)
				}
			}
		})
	}
	for _, v := range all {
		visits <- v
	}
	close(visits)
	wg.Wait()
	return len(all)
}

// sendWords sends value as query, form or JSON in turn.
func (h *house) sendWords(n int, path, value string) (answer, error) {
	client := fmt.Sprintf("192.0.2.%d", n+1)
	switch n % 3 {
	case 0:
		return h.try("http", http.MethodPost, path, strings.NewReader(url.Values{"v": {value}}.Encode()), "Content-Type", "application/x-www-form-urlencoded", "CF-Connecting-IP", client)
	case 1:
		text, _ := json.Marshal(map[string]string{"V": value})
		return h.try("http", http.MethodPost, path, bytes.NewReader(text), "Content-Type", "application/json", "CF-Connecting-IP", client)
	}
	return h.try("http", http.MethodGet, path+"?v="+url.QueryEscape(value), nil, "CF-Connecting-IP", client)
}

func freePort(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(nil)
	defer s.Close()
	return s.Listener.Addr().String()
}
