package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"filippo.io/age"

	"sallyport/config"
	"sallyport/gateway"
)

// TestMain is also the stand-in for cloudflared and for an app that the gateway runs: the test binary executed again.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "tunnel" {
		os.Exit(standInTunnel(os.Args[2:]))
	}
	if len(os.Args) > 2 && os.Args[1] == "stand-in-app" {
		os.Exit(standInServes(os.Args[2], func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "shop") }))
	}
	os.Exit(m.Run())
}

// standInTunnel answers as cloudflared's metrics server does; its rules stand in the file config.json beside the token, and a
// file refuse there makes it end as one whose token the edge refuses.
func standInTunnel(args []string) int {
	flags := map[string]string{}
	for i := 0; i+1 < len(args); i++ {
		flags[args[i]] = args[i+1]
	}
	dir := filepath.Dir(flags["--token-file"])
	if text, err := os.ReadFile(flags["--token-file"]); err != nil || strings.Contains(tokenText(string(text)), "refused") {
		fmt.Fprintln(os.Stderr, `{"level":"error","error":"Provided Tunnel token is not valid.","message":"Provided Tunnel token is not valid."}`)
		return 255
	}
	return standInServes(flags["--metrics"], func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/ready":
			fmt.Fprint(w, `{"status":200,"readyConnections":4,"connectorId":"00000000-0000-4000-8000-000000000001"}`)
		case "/config":
			text, _ := os.ReadFile(filepath.Join(dir, "config.json"))
			_, _ = w.Write(text)
		default:
			fmt.Fprint(w, `{"connections":[{"isConnected":true,"protocol":1,"edgeAddress":"198.41.200.1"}]}`)
		}
	})
}

func tokenText(token string) string {
	raw, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(token))
	return string(raw)
}

// tunnelToken is one of the stand-in's tunnel; a secret with "refused" in it is refused.
func tunnelToken(secret string) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, `{"a":"account","t":"11111111-2222-4333-8444-555555555555","s":%q}`, secret))
}

// standInServes serves addr until it is asked to end.
func standInServes(addr string, handler http.HandlerFunc) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	server := &http.Server{Addr: addr, Handler: handler}
	go func() {
		<-ctx.Done()
		_ = server.Shutdown(context.Background())
	}()
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		return 1
	}
	return 0
}

// supervised is a running instance that runs its app and its tunnel, behind a stand-in for Cloudflare.
type supervised struct {
	*operated
	dir, http, admin string
	identity         string // file with the operator's key
}

func supervise(t *testing.T) *supervised {
	t.Helper()
	s := &supervised{operated: &operated{t: t, ended: make(chan int, 1)}, dir: t.TempDir(), http: free(t), admin: free(t)}
	s.file = filepath.Join(s.dir, "sallyport.yaml")
	edge := httptest.NewServer(http.HandlerFunc(s.edge))
	t.Cleanup(edge.Close)
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	s.identity = filepath.Join(s.dir, "operator.key")
	app := free(t)
	hook := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(hook.Close)
	for name, text := range map[string]string{
		"operator.key": "# created for a test\n# public key: " + key.Recipient().String() + "\n" + key.String() + "\n",
		"token":        tunnelToken("a secret"),
		"hook":         hook.URL,
		"config.json":  s.rules(s.http, 7),
		"sallyport.yaml": fmt.Sprintf(`version: 1
public_url: %s
http: {listen: %s, upstream: "http://%s"}
app: {run: [%s, stand-in-app, "%s"], state: app, check: 1s}
tunnel:
  run: {binary: %s, token_file: token, grace: 2s}
  state: tunnel
  watch: {process: 1s, public_url: 1s}
  backup: {dir: backups, every: "0", recipient: %s}
admin: {listen: %s}
history: {path: history.db}
alerts: {webhook: {url_file: hook}, queue: alerts.queue}
smoke: {requests: [{get: /, contains: shop}]}
`, edge.URL, s.http, app, os.Args[0], app, os.Args[0], key.Recipient(), s.admin),
	} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.begin()
	return s
}

// rules is cloudflared's /config with one rule that leads to addr.
func (s *supervised) rules(addr string, version int) string {
	return fmt.Sprintf(`{"version":%d,"config":{"ingress":[{"hostname":"127.0.0.1","service":"http://%s"},{"service":"http_status:404"}]}}`, version, addr)
}

// edge hands requests to the HTTP door as our own connector does.
func (s *supervised) edge(w http.ResponseWriter, r *http.Request) {
	key, err := os.ReadFile(filepath.Join(s.dir, "tunnel", "door.key"))
	if err != nil {
		http.Error(w, "error code: 1033", 530)
		return
	}
	r.Header.Set("Cf-Ray", "x")
	r.Header.Set("Cf-Connecting-Ip", "192.0.2.7")
	r.Header.Set("Cf-Warp-Tag-Door", strings.TrimSpace(string(key)))
	httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: s.http}).ServeHTTP(w, r)
}

// begin runs the instance until the test ends. The edge's name resolves to something, as it would with a network.
func (s *supervised) begin() {
	s.t.Helper()
	load := func() (config.Config, error) { return config.Load(config.Sources{File: s.file}) }
	cfg, err := load()
	if err != nil {
		s.t.Fatal(err)
	}
	g, err := gateway.New(cfg, gateway.Parts{
		Version: "test", Reload: load, Environ: os.Environ(),
		Lookup: func(context.Context, string) ([]string, error) { return []string{"198.41.192.1"}, nil },
	})
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(s.t.Context()))
	s.cancel = cancel
	go func() {
		code := codeGood
		if err := g.Run(ctx); err != nil {
			s.t.Logf("the instance: %v", err)
			code = codeFailed
		}
		s.ended <- code
	}()
	s.t.Cleanup(s.halt)
	s.eventually("the tunnel is up", func() bool {
		_, text := s.call("tunnel", "status")
		_, app := s.call("app", "status")
		return strings.Contains(text, "reached") && strings.Contains(text, "up ") && strings.Contains(app, "up ")
	})
}

// halt ends the instance and waits for it.
func (s *supervised) halt() {
	if s.cancel == nil {
		return
	}
	s.cancel(errTerminated)
	s.cancel = nil
	if code := <-s.ended; code != codeGood {
		s.t.Errorf("the instance ended with %d, want 0", code)
	}
}

func (s *supervised) eventually(what string, claim func() bool) {
	s.t.Helper()
	for until := time.Now().Add(30 * time.Second); !claim(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(until) {
			_, text := s.call("tunnel", "status")
			s.t.Fatalf("not within 30 s: %s\n%s", what, text)
		}
	}
}
