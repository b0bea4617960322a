package preflight

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"sallyport/config"
)

// TestMain lets the test binary be another process that listens: it answers every request until its input ends.
func TestMain(m *testing.M) {
	if at := os.Getenv("SALLYPORT_TEST_LISTEN"); at != "" {
		l, err := net.Listen("tcp", at)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(l.Addr())
		go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, at) })) //nolint:errcheck // ends with the process
		io.Copy(io.Discard, os.Stdin)                                                                            //nolint:errcheck // until the parent ends
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// other starts a process that listens on at, and returns its address, its pid and what ends it.
func other(t *testing.T, at string) (addr netip.AddrPort, pid int, end func()) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "SALLYPORT_TEST_LISTEN="+at)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	end = func() {
		if !ended {
			ended = true
			stdin.Close()
			cmd.Wait() //nolint:errcheck // it was told to end
		}
	}
	t.Cleanup(end)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	addr, err = netip.ParseAddrPort(strings.TrimSpace(line))
	if err != nil {
		t.Fatalf("the other process says %q", line)
	}
	return addr, cmd.Process.Pid, end
}

// site is a deployment whose app is at app and whose own ports are free.
func site(t *testing.T, app netip.AddrPort, more ...config.Flag) Site {
	t.Helper()
	flags := append([]config.Flag{
		{Name: "--app", Key: "http.upstream", Value: "http://" + app.String()},
		{Name: "--listen", Key: "http.listen", Value: freeAddr(t)},
		{Name: "--admin", Key: "admin.listen", Value: freeAddr(t)},
	}, more...)
	cfg, err := config.Load(config.Sources{Flags: flags})
	if err != nil {
		t.Fatal(err)
	}
	return Site{Config: cfg, Instance: NewInstance(cfg.Admin.Listen, ""), Self: "sallyport"}
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func named(t *testing.T, results []Result, name string) Result {
	t.Helper()
	for _, r := range results {
		if r.Check == name {
			return r
		}
	}
	t.Fatalf("no result of %s in %v", name, results)
	return Result{}
}

func TestDoctorFindsTheSplitPortAndNothingElse(t *testing.T) {
	four, pid4, _ := other(t, "127.0.0.1:0")
	six, pid6, end6 := other(t, "[::1]:"+strconv.Itoa(int(four.Port())))
	s := site(t, four)
	begun := time.Now()
	results := Run(t.Context(), s, Doctor())
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("doctor took %s, want less than 5s", took)
	}
	var failed []Result
	for _, r := range results {
		if r.Status == Fail {
			failed = append(failed, r)
		}
	}
	if len(failed) != 1 || failed[0].Check != "split-port" {
		t.Fatalf("failed checks are %+v, want exactly split-port", failed)
	}
	for _, pid := range []int{pid4, pid6} {
		if !strings.Contains(failed[0].Found, "pid "+strconv.Itoa(pid)) {
			t.Errorf("%q does not name pid %d", failed[0].Found, pid)
		}
	}
	if want := "kill " + strconv.Itoa(pid6); !strings.HasPrefix(failed[0].Fix, want) {
		t.Errorf("fix is %q, want it to begin with %q: the settings mean %s, not %s", failed[0].Fix, want, four, six)
	}
	end6()
	if got := Run(t.Context(), s, Doctor()); Worst(got) == Fail {
		t.Errorf("with one listener ended doctor still fails: %+v", got)
	}
}

func TestDoctorNamesTheWrongOwner(t *testing.T) {
	app, _, _ := other(t, "127.0.0.1:0")
	stale, pid, _ := other(t, "127.0.0.1:0")
	s := site(t, app, config.Flag{Name: "--listen", Key: "http.listen", Value: stale.String()})
	s.Self = "elsewhere"
	r := checkOwners(t.Context(), s)
	if r.Status != Fail || !strings.Contains(r.Found, "pid "+strconv.Itoa(pid)) || r.Fix != "kill "+strconv.Itoa(pid) {
		t.Errorf("got %+v, want a fail that names pid %d", r, pid)
	}
}

func TestAppCheckTellsAbsentFromMute(t *testing.T) {
	s := site(t, netip.MustParseAddrPort(freeAddr(t)))
	if r := checkApp(t.Context(), s); r.Status != Fail || !strings.Contains(r.Found, "nobody listens") {
		t.Errorf("an absent app gives %+v", r)
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if r := checkApp(ctx, site(t, netip.MustParseAddrPort(l.Addr().String()))); r.Status != Warn {
		t.Errorf("a mute app gives %+v, want a warning", r)
	}
}

func TestDependantsOfAFailedCheckAreSkipped(t *testing.T) {
	never := func(context.Context, Site) Result { t.Error("ran in spite of its need"); return ok("") }
	got := Run(t.Context(), Site{}, []Check{
		{Name: "first", Run: func(context.Context, Site) Result { return fail("mend it", "broken") }},
		{Name: "second", Needs: []string{"first"}, Run: never},
		{Name: "third", Needs: []string{"second"}, Run: never},
		{Name: "loud", Run: func(context.Context, Site) Result { panic("boom") }},
	})
	if got[1].Status != Skip || got[1].Found != "needs first" || got[2].Status != Skip || got[3].Status != Fail {
		t.Errorf("got %+v", got)
	}
}

func TestEveryNeedStandsBeforeItsCheck(t *testing.T) {
	for list, checks := range map[string][]Check{"doctor": Doctor()} {
		seen := map[string]bool{}
		for _, c := range checks {
			for _, need := range c.Needs {
				if !seen[need] {
					t.Errorf("%s: %s needs %s, which does not stand before it", list, c.Name, need)
				}
			}
			if seen[c.Name] {
				t.Errorf("%s: %s stands twice", list, c.Name)
			}
			seen[c.Name] = true
		}
	}
}

func TestOpenSecretsAndStalePIDFilesAreFound(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	token := write("token", "hunter2horse", 0o644)
	env := write(".env", "PORT=4000\nDATABASE_URL=postgres://u:hunter2@127.0.0.1:5432/x\n", 0o600)
	write("app.pid", "999999999\n", 0o644)
	s := site(t, netip.MustParseAddrPort("127.0.0.1:3000"),
		config.Flag{Name: "--set", Key: "admin.token_file", Value: token}, config.Flag{Name: "--set", Key: "drift.files", Value: env},
		config.Flag{Name: "--set", Key: "database.upstream_env", Value: "DB"})
	if r := checkPermissions(t.Context(), s); r.Status != Fail || r.Fix != "chmod 600 "+token {
		t.Errorf("a secret that all can read gives %+v", r)
	}
	if r := checkPIDFiles(t.Context(), s); r.Status != Warn || len(r.Evidence) != 1 {
		t.Errorf("a stale PID file gives %+v", r)
	}
	r := checkWrittenPorts(t.Context(), s)
	if r.Status != Fail || len(r.Evidence) != 2 || strings.Contains(fmt.Sprint(r), "hunter2") {
		t.Errorf("two wrong values give %+v", r)
	}
	facts, err := Drift(t.Context(), s)
	if err != nil || len(facts) != 2 || facts[1].Declared != "127.0.0.1:6432" || facts[1].Observed != "127.0.0.1:5432" || facts[1].Source != env+":2" {
		t.Errorf("drift is %+v, %v", facts, err)
	}
}

func TestTunnelRuleMustBeTheLiteralDoor(t *testing.T) {
	service := ""
	cloudflared := httpServer(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"version":7,"config":{"ingress":[{"hostname":"shop.example.com","service":%q},{"service":"http_status:404"}]}}`, service)
	})
	s := site(t, netip.MustParseAddrPort("127.0.0.1:3000"),
		config.Flag{Name: "--set", Key: "tunnel.metrics", Value: cloudflared}, config.Flag{Name: "--set", Key: "public_url", Value: "https://shop.example.com"})
	door := s.Config.HTTP.Listen
	_, port, err := net.SplitHostPort(door)
	if err != nil {
		t.Fatal(err)
	}
	for given, want := range map[string]Status{"http://" + door: OK, "http://localhost:" + port: Fail, "http://127.0.0.1:1": Fail, "http_status:404": Fail} {
		service = given
		if r := checkTunnelRule(t.Context(), s); r.Status != want || want == Fail && r.Fix != "write service: http://"+door {
			t.Errorf("a rule to %s gives %+v, want %s", given, r, want)
		}
	}
}

// httpServer serves h on a free port of loopback and returns its address.
func httpServer(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h}
	done := make(chan struct{})
	go func() { defer close(done); s.Serve(l) }() //nolint:errcheck // ends with Close
	t.Cleanup(func() { s.Close(); <-done })
	return l.Addr().String()
}
