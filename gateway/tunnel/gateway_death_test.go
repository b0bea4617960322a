//go:build linux

package tunnel

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startGateway runs a gateway in a process of its own and returns it with the child's number.
func startGateway(t *testing.T, r *rig) (*exec.Cmd, int) {
	t.Helper()
	before := len(r.starts())
	cmd := exec.Command(os.Args[0], "stand-in-gateway", r.dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	eventually(t, 20*time.Second, "the gateway has a child", func() bool { return len(r.starts()) > before }, func() string { return "" })
	starts := r.starts()
	return cmd, connectorPID(t, starts[len(starts)-1]["connector"])
}

// connectorPID reads the process number that the stand-in puts into its connector id.
func connectorPID(t *testing.T, id string) int {
	t.Helper()
	pid, err := strconv.Atoi(strings.TrimLeft(id[strings.LastIndexByte(id, '-')+1:], "0"))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func TestCheck10KilledGatewayLeavesNoChild(t *testing.T) {
	r := newRig(t)
	cmd, child := startGateway(t, r)
	if gone(child) {
		t.Fatalf("child %d is not there before the kill", child)
	}
	kill(t, cmd.Process.Pid, syscall.SIGKILL)
	_ = cmd.Wait() // killed, as wanted
	eventually(t, 5*time.Second, "the child is gone", func() bool { return ended(child) }, func() string { return strconv.Itoa(child) })
}

// ended reports that pid is gone or a zombie: the init of a container may not reap.
func ended(pid int) bool {
	fields, err := procStat(pid)
	return err != nil || fields[0] == "Z"
}

func TestCheck10ForeignProcessIsNeverSignalled(t *testing.T) {
	r := newRig(t)
	stranger := exec.Command("sleep", "60")
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stranger.Wait() }()
	defer func() { _ = stranger.Process.Kill() }()
	real, err := identify(stranger.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*identity){
		"start time":     func(id *identity) { id.Started = "1" },
		"boot":           func(id *identity) { id.Boot = "00000000-0000-0000-0000-000000000000" },
		"executable":     func(id *identity) { id.Exe = "/usr/bin/cloudflared" },
		"all but number": func(id *identity) { *id = identity{PID: id.PID} },
	} {
		t.Run(name, func(t *testing.T) {
			recorded := real
			spoil(&recorded)
			if recorded.alive() {
				t.Error("it counts as the recorded process, want a stranger")
			}
			writeRecord(t, r, record{Process: recorded})
			r.run().up()
			r.halt()
			if ended(stranger.Process.Pid) {
				t.Fatal("the stranger was ended")
			}
		})
	}
	if !real.alive() {
		t.Error("the very process does not count as alive")
	}
}

func writeRecord(t *testing.T, r *rig, rec record) {
	t.Helper()
	text, err := json.Marshal(rec)
	if err == nil {
		err = os.MkdirAll(r.set.State, 0o700)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(r.set.State, "state.json"), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestConnectorLeftBehindIsDrainedOnceOursServes(t *testing.T) {
	r := newRig(t)
	left := exec.Command("sleep", "60")
	left.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := left.Start(); err != nil {
		t.Fatal(err)
	}
	ident, err := identify(left.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	go func() { _ = left.Wait(); close(over) }()
	writeRecord(t, r, record{Process: ident})
	r.script(script{Ready: 0})
	r.run()
	r.await("ours runs", func(s Snapshot) bool { return s.PID > 0 })
	if ended(left.Process.Pid) {
		t.Fatal("the old connector was ended before ours served")
	}
	r.script(script{Ready: 4})
	select {
	case <-over:
	case <-time.After(10 * time.Second):
		t.Error("the old connector still runs 10 s after ours was up")
	}
}

func TestCheck10BudgetIsStillSpentAfterAKill(t *testing.T) {
	r := newRig(t)
	one := 1
	r.script(script{Lines: []string{"boom"}, Exit: &one})
	cmd, _ := startGateway(t, r)
	eventually(t, 20*time.Second, "six starts", func() bool { return len(r.starts()) == 6 }, func() string { return strconv.Itoa(len(r.starts())) })
	kill(t, cmd.Process.Pid, syscall.SIGKILL)
	_ = cmd.Wait()
	r.run()
	s := r.await("held", func(s Snapshot) bool { return s.State == Held })
	if s.Cause != CrashLoop || s.Restarts.Used != 5 || len(r.starts()) != 7 {
		t.Errorf("held for %s, %d spent, %d starts, want CRASH_LOOP, 5, 7", s.Cause, s.Restarts.Used, len(r.starts()))
	}
}

func TestPlannedRestartStartsBesideAndSpendsNothing(t *testing.T) {
	r := newRig(t).run()
	old := r.up().PID
	if err := r.sup.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	overlap := false
	s := r.await("another process", func(s Snapshot) bool {
		overlap = overlap || len(r.starts()) == 2 && !ended(old)
		return s.PID != 0 && s.PID != old && s.State == Up
	})
	if !overlap {
		t.Error("the old connector ended before the new one was there")
	}
	eventually(t, 10*time.Second, "old one is gone", func() bool { return gone(old) }, r.describe)
	if s.Restarts.Used != 0 || len(r.incidents()) != 0 {
		t.Errorf("%d spent, told %q, want nothing of both", s.Restarts.Used, r.incidents())
	}
}

func TestSecondGatewayWaitsForTheFolder(t *testing.T) {
	first := newRig(t)
	first.run().up()
	second := newRig(t)
	second.set.State = first.set.State
	second.run()
	second.awaitTold("+STATE_IN_USE")
	if n := len(second.starts()); n != 0 {
		t.Errorf("%d starts while another supervises, want none", n)
	}
	first.halt()
	second.up()
	second.awaitTold("+STATE_IN_USE", "-STATE_IN_USE")
}

func TestObservedTunnelIsOnlyAlertedOf(t *testing.T) {
	r := newRig(t)
	ready := http.StatusOK
	watched := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/ready" {
			w.WriteHeader(ready)
			_, _ = w.Write([]byte(`{"status":200,"readyConnections":4,"connectorId":"abc"}`))
			return
		}
		_, _ = w.Write(rulesJSON(3, "http://127.0.0.1:9"))
	})}
	addr, err := freeAddress("")
	if err != nil {
		t.Fatal(err)
	}
	watched.Addr = addr
	go func() { _ = watched.ListenAndServe() }()
	r.set.Run.TokenFile, r.set.Metrics = "", addr
	r.opt.PublicURL = ""
	r.run()
	s := r.await("drift", func(s Snapshot) bool { return s.State == Degraded && s.Cause == Drift })
	if s.Mode != "observe" || s.PID != 0 || s.ConnectorID != "abc" {
		t.Errorf("snapshot is %+v, want an observed one", s)
	}
	_ = watched.Close()
	r.await("hung", func(Snapshot) bool { return slices.Contains(r.incidents(), "+HUNG") })
	if len(r.starts()) != 0 {
		t.Error("something was started, want nothing")
	}
	if _, err := os.Stat(r.set.State); !os.IsNotExist(err) {
		t.Errorf("a state folder was made (%v), want none for a watched tunnel", err)
	}
}

func TestNothingIsLeftAfterManyRestarts(t *testing.T) {
	r := newRig(t).run()
	r.up()
	files := openFiles(t)
	for range 5 {
		old := r.up().PID
		kill(t, old, syscall.SIGKILL)
		r.await("another process", func(s Snapshot) bool { return s.PID != 0 && s.PID != old })
	}
	r.up()
	eventually(t, 5*time.Second, "as many open files as before", func() bool { return openFiles(t) <= files+2 }, func() string { return strconv.Itoa(openFiles(t)) })
}

func openFiles(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}
