package gateway

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"sallyport/config"
	"sallyport/gateway/tunnel"
)

// standInApp is an app: it answers with its process number and the variable SHOP, and says goodbye when it is asked to end.
func standInApp(addr string) int {
	fmt.Println("app says hello")
	l, err := net.Listen("tcp", addr)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "%d %s %s", os.Getpid(), os.Getenv("SHOP"), os.Getenv("PAST_THE_DOOR"))
	})}
	go func() {
		<-ctx.Done()
		_ = server.Shutdown(context.Background())
	}()
	_ = server.Serve(l)
	fmt.Println("app says goodbye")
	return 0
}

// ownApp makes the gateway run the stand-in; dir is the app's state folder.
func ownApp(t *testing.T, dir string) func(*config.Config) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return func(c *config.Config) {
		c.HTTP.App.URL = "http://" + addr
		c.App.Run, c.App.State, c.App.Env = []string{os.Args[0], "stand-in-app", addr}, dir, []string{"SHOP=apples"}
	}
}

// appRuns waits until the app that the gateway runs serves, and returns how it stands.
func (h *house) appRuns(but int) appPart {
	h.t.Helper()
	var a appAnswer
	eventually(h.t, "the app's process serves", func() bool {
		h.get("admin", "/api/hardening/app").json(h.t, &a)
		return a.App.State == tunnel.Up && a.App.PID != 0 && a.App.PID != but
	})
	return a.App
}

func TestAppIsRunRestartedToldAndStoppedInOrder(t *testing.T) {
	dir := t.TempDir()
	h := openWith(t, hello, Parts{Environ: append(os.Environ(), "SALLYPORT_LOG_LEVEL=info")}, ownApp(t, dir))
	first := h.appRuns(0)
	if got := h.get("http", "/").body; got != fmt.Sprintf("%d apples ", first.PID) {
		t.Errorf("the app answers %q, want its own process and its variable", got)
	}
	endProcess(t, first.PID)
	second := h.appRuns(first.PID)
	if second.Restarts.Used != 1 {
		t.Errorf("%d restarts were spent, want 1", second.Restarts.Used)
	}
	eventually(t, "the crash is in the journal", func() bool { return strings.Contains(h.kinds(), "app-crash") })
	eventually(t, "people are told of the crash", func() bool { return strings.Contains(h.get("admin", "/api/hardening/alerts").body, "APP_CRASH") })
	if got := h.do("admin", "POST", "/api/hardening/app/restart", nil); got.status != http.StatusOK {
		t.Fatalf("restart: got %d %s", got.status, got.body)
	}
	third := h.appRuns(second.PID)
	if third.Restarts.Used != 1 || !strings.Contains(h.kinds(), "app-restart-ordered") {
		t.Errorf("after a wished restart %d are spent and the journal holds %s; want 1 and the order", third.Restarts.Used, h.kinds())
	}
	if got := h.get("admin", "/metrics").body; !strings.Contains(got, "sallyport_app_process_up 1") {
		t.Error("Prometheus is not told that the app's process is up")
	}
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	if p, err := os.FindProcess(third.PID); err == nil && p.Signal(syscall.Signal(0)) == nil {
		t.Errorf("process %d of the app still runs", third.PID)
	}
	log, err := os.ReadFile(filepath.Join(dir, "app.log"))
	if err != nil || strings.Count(string(log), "app says hello") != 3 || strings.Count(string(log), "app says goodbye") != 2 {
		t.Errorf("the app's log holds %q (%v), want three hellos and two goodbyes", log, err)
	}
}

// endProcess ends a process of the test at once.
func endProcess(t *testing.T, pid int) {
	t.Helper()
	p, err := os.FindProcess(pid)
	if err == nil {
		err = p.Kill()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestAppGetsNoSecretOfOurs(t *testing.T) {
	got := forApp([]string{"PATH=/bin", "SALLYPORT_HTTP_LISTEN=x", "DATABASE_URL=secret", "CREDENTIALS_DIRECTORY=/c", "SHOP=1"}, []string{"DATABASE_URL"})
	if want := []string{"PATH=/bin", "SHOP=1"}; !slices.Equal(got, want) {
		t.Errorf("the app gets %q, want %q", got, want)
	}
}

func TestNothingIsToldToWhatNobodyRuns(t *testing.T) {
	h := open(t, hello)
	for _, path := range []string{"app/restart", "app/hold", "tunnel/restart", "tunnel/probe", "tunnel/backup"} {
		got := h.do("admin", "POST", "/api/hardening/"+path, nil)
		if got.status != http.StatusConflict {
			t.Errorf("%s: got %d %s, want 409", path, got.status, got.body)
		}
		wantProblem(t, got)
	}
}

func TestTunnelWaitsForTheApp(t *testing.T) {
	h := openWith(t, hello, Parts{Environ: os.Environ()}, ownApp(t, t.TempDir()))
	var state tunnel.Phase
	if err := h.afterApp(t.Context(), func(context.Context) error { state = h.appRun.Snapshot().State; return nil }); err != nil || state != tunnel.Up {
		t.Errorf("the tunnel began while the app was %q (%v), want up", state, err)
	}
}
