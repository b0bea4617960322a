package localpg

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/goleak"
)

// helperEnv makes this test binary start a server, print its folder and wait to be killed.
const helperEnv = "LOCALPG_TEST_HELPER"

func TestMain(m *testing.M) {
	if os.Getenv(helperEnv) != "" {
		s, err := Start(context.Background(), Options{})
		if err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		fmt.Println("started", s.cluster.dir)
		select {}
	}
	os.Exit(m.Run())
}

// room gives temporary folders of a test a parent that the server's account may enter, and returns it.
func room(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "localpg-test-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	t.Setenv("TMPDIR", dir)
	return dir
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// until polls claim for at most a minute.
func until(t *testing.T, what string, claim func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !claim(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

func run(t *testing.T, url, sql string) {
	t.Helper()
	ctx := within(t, time.Minute)
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// ask1 is the one text that sql answers.
func ask1(t *testing.T, url, sql string) string {
	t.Helper()
	ctx := within(t, time.Minute)
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	var answer string
	if err := conn.QueryRow(ctx, sql).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return answer
}

func TestStartedServerAnswersOnlyToItsPassword(t *testing.T) {
	dir := room(t)
	before := goleak.IgnoreCurrent()
	s, err := Start(within(t, time.Minute), Options{Settings: map[string]string{"work_mem": "5MB", "application_name": "it's"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Stop() }()
	if got := ask1(t, s.URL("postgres"), "select current_setting('work_mem')||current_setting('server_version')"); !strings.HasPrefix(got, "5MB"+s.Version) {
		t.Errorf("work_mem and version: got %q, want prefix %q", got, "5MB"+s.Version)
	}
	_, err = pgx.Connect(within(t, time.Minute), strings.Replace(s.URL("postgres"), s.Password, "wrong", 1))
	var refused *pgconn.PgError
	if !errors.As(err, &refused) || refused.Code != "28P01" {
		t.Errorf("wrong password: got %v, want 28P01", err)
	}
	for range 2 {
		if err := s.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	}
	nothingLeft(t, dir)
	goleak.VerifyNone(t, before)
}

func TestKilledServerRestartsOnTheSamePortWithEveryAnsweredCommit(t *testing.T) {
	dir := room(t)
	s, err := Start(within(t, time.Minute), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Stop() }()
	run(t, s.URL("postgres"), "create table kept(n int)")
	port := s.Port
	for _, end := range []func(){s.Kill, s.Shutdown, func() {}} {
		ask1(t, s.URL("postgres"), "insert into kept values (1) returning 'in'")
		end()
		if err := s.Restart(within(t, time.Minute)); err != nil {
			t.Fatalf("restart: %v", err)
		}
	}
	if got := ask1(t, s.URL("postgres"), "select count(*)::text from kept"); got != "3" || s.Port != port {
		t.Errorf("after three restarts: got %s rows on port %d, want 3 on %d", got, s.Port, port)
	}
	s.Kill()
	if err := s.Stop(); err != nil {
		t.Errorf("stop after kill: %v", err)
	}
	if err := s.Restart(within(t, time.Minute)); err == nil {
		t.Error("restart after stop: got nil, want an error")
	}
	nothingLeft(t, dir)
}

func TestStartLeavesNothingWhenItsContextEndsAtAnyMoment(t *testing.T) {
	dir := room(t)
	for _, after := range []time.Duration{0, 5, 100, 300, 500, 700, 900, 1100} {
		ctx, cancel := context.WithTimeout(context.Background(), after*time.Millisecond)
		s, err := Start(ctx, Options{})
		if err == nil {
			err = s.Stop()
		} else if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("ended after %d ms: got %v, want deadline exceeded", after, err)
		}
		cancel()
		nothingLeft(t, dir)
	}
}

func TestStartSaysWhyTheServerLeft(t *testing.T) {
	dir := room(t)
	_, err := Start(within(t, time.Minute), Options{Settings: map[string]string{"work_mem": "nonsense"}})
	if err == nil || !strings.Contains(err.Error(), "work_mem") {
		t.Errorf("bad setting: got %v, want an error naming work_mem", err)
	}
	nothingLeft(t, dir)
}

func TestRestartWaitsForItsPort(t *testing.T) {
	room(t)
	s, err := Start(within(t, time.Minute), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Stop() }()
	s.Shutdown()
	l, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", s.Port))
	if err != nil {
		t.Fatal(err)
	}
	cluster := s.cluster
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	restarted := make(chan error, 1)
	go func() { restarted <- s.Restart(ctx) }()
	until(t, "the server's complaint about its port", func() bool { return strings.Contains(cluster.said(), "could not bind") })
	cancel()
	if err := <-restarted; err == nil {
		t.Error("restart on a taken port: got nil, want an error")
	}
	_ = l.Close()
	if err := s.Restart(within(t, time.Minute)); err != nil {
		t.Errorf("restart on the free port: %v", err)
	}
}

func TestServerDiesWithTheProcessThatStartedIt(t *testing.T) {
	if runtime.GOOS != "linux" {
		return // only Linux can promise it
	}
	dir := room(t)
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), helperEnv+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "started ") {
		t.Fatalf("helper said %q, %v; want started", line, err)
	}
	if left := processesIn(dir); len(left) == 0 {
		t.Error("no server process found beside the running helper; the check below would prove nothing")
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	until(t, "server gone with its parent", func() bool { return len(processesIn(dir)) == 0 })
}

// nothingLeft checks that neither a folder nor a process of a cluster in dir remains.
func nothingLeft(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 0 {
		t.Errorf("folders left: %v, %v; want none", left, err)
	}
	until(t, "no process of a cluster left", func() bool { return len(processesIn(dir)) == 0 })
}

// processesIn lists the processes whose command line or working folder lies in dir.
func processesIn(dir string) []string {
	var found []string
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, l := range lines {
		text, _ := os.ReadFile(l)
		cwd, _ := os.Readlink(filepath.Join(filepath.Dir(l), "cwd"))
		if strings.Contains(string(text), dir) || strings.HasPrefix(cwd, dir) {
			found = append(found, filepath.Base(filepath.Dir(l))+" "+strings.ReplaceAll(string(text), "\x00", " "))
		}
	}
	return found
}
