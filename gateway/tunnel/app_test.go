//go:build linux

package tunnel

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// appRig is a supervised stand-in app.
type appRig struct {
	*rig
	set AppSettings
}

func newAppRig(t *testing.T, words ...string) *appRig {
	t.Helper()
	r := &appRig{rig: &rig{t: t, dir: t.TempDir(), ended: make(chan error, 1)}, set: AppDefaults()}
	addr, err := freeAddress("")
	if err != nil {
		t.Fatal(err)
	}
	r.set.Run = append([]string{os.Args[0], "stand-in-app"}, words...)
	if len(words) == 1 && words[0] != "fail" {
		r.set.Run = append(r.set.Run, addr)
	}
	r.set.State, r.set.Grace = filepath.Join(r.dir, "state"), 2*time.Second
	r.opt = Options{Upstream: addr, OnIncident: r.hear, Environ: os.Environ()}
	return r
}

func (r *appRig) start() *appRig {
	r.sup = NewApp(r.set, r.opt)
	r.sup.pace = quick()
	ctx, cancel := context.WithCancel(context.Background())
	r.stop = cancel
	go func() { r.ended <- r.sup.Run(ctx) }()
	r.t.Cleanup(r.halt)
	return r
}

func (r *appRig) serving() Snapshot {
	r.t.Helper()
	return r.await("the app serves", func(s Snapshot) bool { return s.State == Up && s.PID > 0 })
}

func TestAppDefaultsAreValidAndOff(t *testing.T) {
	s := AppDefaults()
	if errs := s.Validate(); len(errs) > 0 || s.Enabled() {
		t.Errorf("defaults are enabled %v with mistakes %v, want off and none", s.Enabled(), errs)
	}
	s.Run, s.Env, s.Grace, s.Start, s.Check, s.PerHour, s.State, s.LogSize, s.LogKeep = []string{""}, []string{"x"}, -1, 0, 0, 0, "", 0, -1
	if errs := s.Validate(); len(errs) != 9 {
		t.Errorf("%d mistakes %v, want 9", len(errs), errs)
	}
}

func TestAppIsStartedStartedAgainAndStopped(t *testing.T) {
	r := newAppRig(t, "serve").start()
	first := r.serving()
	kill(t, first.PID, syscall.SIGKILL)
	r.await("another process", func(s Snapshot) bool { return s.PID != 0 && s.PID != first.PID && s.State == Up })
	r.awaitTold("+CRASH", "-CRASH")
	if got := r.toldOf(Crash).Summary; !strings.Contains(got, "the app ended with signal 9") {
		t.Errorf("incident says %q, want the app and the signal", got)
	}
	second := r.serving()
	if err := r.sup.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	third := r.await("restarted", func(s Snapshot) bool { return s.PID != 0 && s.PID != second.PID && s.State == Up })
	if third.Restarts.Used != 1 {
		t.Errorf("%d restarts spent, want 1: a wish is free", third.Restarts.Used)
	}
	r.halt()
	if !gone(third.PID) {
		t.Errorf("process %d still runs", third.PID)
	}
	log, err := os.ReadFile(filepath.Join(r.set.State, "app.log"))
	if err != nil || strings.Count(string(log), "app says hello") != 3 || strings.Count(string(log), "app says goodbye") != 2 {
		t.Errorf("log holds %q (%v), want three hellos and two goodbyes", log, err)
	}
}

func TestAppThatCannotStartIsHeldWithItsLastWords(t *testing.T) {
	r := newAppRig(t, "fail").start()
	s := r.await("held", func(s Snapshot) bool { return s.State == Held })
	if s.Cause != CrashLoop || s.Restarts.Used != 5 {
		t.Errorf("held for %s after %d restarts, want CRASH_LOOP after 5", s.Cause, s.Restarts.Used)
	}
	if got := r.toldOf(Crash).Summary; !strings.Contains(got, "exit code 3: cannot read settings") {
		t.Errorf("incident says %q, want the code and the last line", got)
	}
}

func TestAppThatIsNotThereIsTold(t *testing.T) {
	r := newAppRig(t)
	r.set.Run = []string{"/no/such/program"}
	r.start()
	r.awaitTold("+BINARY")
}

func TestAppGetsItsVariables(t *testing.T) {
	a := &app{set: AppDefaults(), opt: Options{Environ: []string{"PATH=/bin", "SECRET=x"}}}
	if got := a.environment(); len(got) != 2 {
		t.Errorf("environment is %q, want the gateway's", got)
	}
	a.set.WithoutEnv = true
	if got := a.environment(); len(got) != 1 || got[0] != "PATH=/bin" {
		t.Errorf("environment is %q, want the allowed part", got)
	}
}

func TestStaleAppAndItsChildrenAreEndedBeforeOursStarts(t *testing.T) {
	r := newAppRig(t, "serve")
	leader := exec.Command("sh", "-c", "sleep 60 & echo $!; wait")
	leader.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := leader.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := leader.Start(); err != nil {
		t.Fatal(err)
	}
	text := make([]byte, 20)
	n, err := out.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	member, err := strconv.Atoi(strings.TrimSpace(string(text[:n])))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, "the member has become itself", func() bool {
		m := groupMembers(leader.Process.Pid)
		return len(m) == 1 && strings.HasSuffix(m[0].Exe, "sleep")
	}, func() string { return "" })
	members := groupMembers(leader.Process.Pid)
	if err := leader.Process.Kill(); err != nil { // as the system does when a gateway is killed: only the leader dies
		t.Fatal(err)
	}
	_ = leader.Wait()
	stranger := exec.Command("sleep", "60")
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stranger.Wait() }()
	defer func() { _ = stranger.Process.Kill() }()
	other := members[0]
	other.PID, other.Started = stranger.Process.Pid, "1" // the number was another process's when it was recorded
	r.rig.set.State = r.set.State
	writeRecord(t, r.rig, record{Members: append(members, other)})
	r.start().serving()
	if !ended(member) {
		t.Errorf("stale process %d still runs", member)
	}
	if ended(stranger.Process.Pid) {
		t.Error("a stranger was ended")
	}
}

func TestAppThatLosesItsPortIsRestarted(t *testing.T) {
	r := newAppRig(t, "serve")
	squatter, err := net.Listen("tcp", r.opt.Upstream)
	if err != nil {
		t.Fatal(err)
	}
	r.start()
	r.await("it fails", func(Snapshot) bool { return len(r.incidents()) > 0 })
	if got := r.toldOf(Crash).Summary; !strings.Contains(got, "address already in use") {
		t.Errorf("incident says %q, want the reason in the app's own words", got)
	}
	squatter.Close()
	r.serving()
}
