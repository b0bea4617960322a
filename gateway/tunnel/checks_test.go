//go:build linux

package tunnel

import (
	"crypto/sha256"
	"encoding/hex"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestCheck1ComesUp(t *testing.T) {
	r := newRig(t).run()
	began := time.Now()
	s := r.up()
	t.Logf("up and reached after %s", time.Since(began))
	if s.ReadyConnections != 4 || s.ConnectorID == "" || s.Protocol != "quic" || !s.Rules.OK || s.Rules.Version != 7 {
		t.Errorf("snapshot is %+v, want 4 connections, a connector, quic and rules of version 7", s)
	}
	start := r.starts()[0]
	if start["proxy"] != "" || !strings.HasPrefix(start["tag"], "door=") || strings.Contains(start["tag"], "stray") {
		t.Errorf("child's environment has proxy %q and tag %q, want no proxy and the door key", start["proxy"], start["tag"])
	}
	r.halt()
	if !gone(s.PID) {
		t.Errorf("child %d still runs after Run returned", s.PID)
	}
}

func TestCheck2KilledChildIsStartedAgain(t *testing.T) {
	r := newRig(t).run()
	old := r.up().PID
	began := time.Now()
	kill(t, old, syscall.SIGKILL)
	r.await("another process", func(s Snapshot) bool { return s.PID != 0 && s.PID != old })
	t.Logf("new process after %s", time.Since(began))
	r.awaitTold("+CRASH", "-CRASH")
	if s := r.up(); s.Restarts.Used != 1 || len(r.starts()) != 2 {
		t.Errorf("%d restarts spent and %d starts, want 1 and 2", s.Restarts.Used, len(r.starts()))
	}
	r.ticks(3)
	r.awaitTold("+CRASH", "-CRASH")
}

func TestCheck3StoppedProcessIsReplaced(t *testing.T) {
	r := newRig(t)
	r.set.Run.Grace = 100 * time.Millisecond
	r.run()
	old := r.up().PID
	kill(t, old, syscall.SIGSTOP)
	r.await("another process", func(s Snapshot) bool { return s.PID != 0 && s.PID != old })
	r.awaitTold("+STOPPED", "-STOPPED")
	if !gone(old) {
		t.Errorf("process %d is still there", old)
	}
}

func TestCheck4LostRouteIsRestartedOnce(t *testing.T) {
	r := newRig(t).run()
	old := r.up().PID
	r.fault.Store(answerWith(530, "error code: 1033"))
	began := time.Now()
	s := r.await("replaced", func(s Snapshot) bool {
		return s.PID != old && s.PID != 0 && s.Cause == RouteLost && s.State == Degraded
	})
	t.Logf("replaced after %s", time.Since(began))
	if got := r.toldOf(RouteLost).Summary; !strings.Contains(got, "530") || !strings.Contains(got, "1033") {
		t.Errorf("incident says %q, want it to quote 530 and 1033", got)
	}
	r.ticks(5)
	if s = r.state(); s.Restarts.Used != 1 {
		t.Errorf("%d restarts spent, want 1", s.Restarts.Used)
	}
	r.fault.Store(nil)
	r.awaitTold("+ROUTE_LOST", "-ROUTE_LOST")
}

func TestCheck5AmbiguousRuleAndSquatterAreABypass(t *testing.T) {
	r := newRig(t)
	_, port, err := net.SplitHostPort(r.doorAddr())
	if err != nil {
		t.Fatal(err)
	}
	squatter, err := net.Listen("tcp", "[::1]:"+port)
	if err != nil {
		t.Fatalf("this test needs IPv6 loopback: %v", err)
	}
	defer squatter.Close()
	r.run().up()
	r.fault.Store(answerWith(200, "stale app"))
	r.script(script{Ready: 4, Config: rulesJSON(8, "http://localhost:"+port)})
	began := time.Now()
	r.await("bypass", func(Snapshot) bool { return slices.Contains(r.incidents(), "+BYPASS") })
	took := time.Since(began)
	t.Logf("bypass told after %s, tick is %s", took, quick().process)
	if got := r.toldOf(Bypass).Summary; !strings.Contains(got, "http://localhost:"+port) || !strings.Contains(got, "[::1]:"+port) || !strings.Contains(got, "http://"+r.doorAddr()) {
		t.Errorf("incident says %q, want the rule, the other meaning and the literal address", got)
	}
	r.await("200 by somebody else is not healthy", func(s Snapshot) bool {
		return s.State == Degraded && s.Probe.Class == ProbeOther && slices.Contains(r.incidents(), "+"+string(NotOurs))
	})
	if s := r.state(); s.Restarts.Used != 0 || len(r.starts()) != 1 {
		t.Errorf("%d restarts, %d starts, want 0 and 1", s.Restarts.Used, len(r.starts()))
	}
}

func TestCheck6RulesPushedFromElsewhereAreDrift(t *testing.T) {
	r := newRig(t).run()
	r.up()
	r.script(script{Ready: 4, Config: rulesJSON(8, "http://127.0.0.1:9")})
	began := time.Now()
	r.awaitTold("+DRIFT")
	t.Logf("drift told after %s, tick is %s", time.Since(began), quick().process)
	got := r.toldOf(Drift).Summary
	for _, want := range []string{"127.0.0.1:9,", r.doorAddr(), "version 8", "before it 7"} {
		if !strings.Contains(got, want) {
			t.Errorf("incident says %q, want %q in it", got, want)
		}
	}
	r.script(script{Ready: 4})
	r.awaitTold("+DRIFT", "-DRIFT")
	if s := r.state(); s.Restarts.Used != 0 {
		t.Errorf("%d restarts, want 0", s.Restarts.Used)
	}
}

func TestCheck7WrongSecretIsHeld(t *testing.T) {
	r := newRig(t)
	line := `{"level":"error","error":"Unauthorized: Invalid tunnel secret","connIndex":0,"message":"Register tunnel error from server side"}`
	r.script(script{Ready: 0, Lines: []string{line, line}})
	r.run()
	s := r.await("held", func(s Snapshot) bool { return s.State == Held })
	r.await("stopped", func(s Snapshot) bool { return s.PID == 0 })
	if s.Cause != Auth || s.Restarts.Used != 0 {
		t.Errorf("held for %s with %d restarts, want AUTH with 0", s.Cause, s.Restarts.Used)
	}
	if got := r.toldOf(Auth).Summary; !strings.Contains(got, "Unauthorized: Invalid tunnel secret") {
		t.Errorf("incident says %q, want the exact line", got)
	}
	r.awaitTold("+AUTH")
}

func TestCheck8CrashLoopIsHeldAndOutlivesTheGateway(t *testing.T) {
	r := newRig(t)
	one := 1
	r.script(script{Lines: []string{`{"level":"error","message":"boom"}`}, Exit: &one})
	r.run()
	r.await("held", func(s Snapshot) bool { return s.State == Held })
	if s := r.state(); s.Cause != CrashLoop || s.Restarts.Used != 5 || len(r.starts()) != 6 {
		t.Errorf("held for %s, %d spent, %d starts, want CRASH_LOOP, 5 and 6", s.Cause, s.Restarts.Used, len(r.starts()))
	}
	r.awaitTold("+CRASH", "+CRASH_LOOP")
	r.halt()
	r.run()
	r.await("held again at the first crash", func(s Snapshot) bool { return s.State == Held })
	if s := r.state(); s.Restarts.Used != 5 || len(r.starts()) != 7 {
		t.Errorf("%d spent and %d starts, want the 5 of before and 7", s.Restarts.Used, len(r.starts()))
	}
}

func TestCheck8NoNameServiceIsFree(t *testing.T) {
	r := newRig(t)
	r.online.Store(false)
	r.run()
	r.awaitTold("+NETWORK_DOWN")
	if s := r.state(); s.State != WaitNet || s.Restarts.Used != 0 || len(r.starts()) != 0 {
		t.Errorf("state is %s, %d spent, %d starts, want waiting, 0 and 0", s.State, s.Restarts.Used, len(r.starts()))
	}
	r.online.Store(true)
	r.awaitTold("+NETWORK_DOWN", "-NETWORK_DOWN")
}

func TestCheck9BlockedQUICPinsHTTP2(t *testing.T) {
	r := newRig(t)
	line := `{"level":"error","error":"timeout: no recent network activity","message":"Failed to dial a quic connection"}`
	r.script(script{Ready: 4, Lines: []string{line, line, line}, OnlyFor: "auto"})
	r.run()
	r.awaitTold("+QUIC_BLOCKED", "-QUIC_BLOCKED")
	if s := r.state(); s.Restarts.Used != 1 {
		t.Errorf("%d restarts, want 1", s.Restarts.Used)
	}
	if starts := r.starts(); len(starts) != 2 || starts[0]["protocol"] != "auto" || starts[1]["protocol"] != "http2" {
		t.Errorf("starts are %v, want auto, then http2", starts)
	}
	r.halt()
	r.run().up()
	if starts := r.starts(); starts[2]["protocol"] != "http2" {
		t.Errorf("the next gateway starts with %s, want http2: the pin lasts a day", starts[2]["protocol"])
	}
}

func TestCheck10FlippedByteIsRefusedBeforeExec(t *testing.T) {
	r := newRig(t)
	sum := copyBinary(t, r)
	r.set.Run.SHA256 = sum
	r.run()
	s := r.up()
	r.await("verified", func(s Snapshot) bool { return s.Binary.Verified })
	if s.Binary.SHA256 != sum || !s.Binary.Pinned {
		t.Errorf("binary is %+v, want %s pinned", s.Binary, sum)
	}
	flipByte(t, r.set.Run.Binary)
	r.awaitTold("+BINARY")
	if got := r.state().PID; got != s.PID {
		t.Errorf("process changed from %d to %d, want the running one left alone", s.PID, got)
	}
	kill(t, s.PID, syscall.SIGKILL)
	r.await("held", func(s Snapshot) bool { return s.State == Held && s.Cause == Binary })
	if n := len(r.starts()); n != 1 {
		t.Errorf("%d starts, want 1: the changed binary must not run", n)
	}
}

// copyBinary lets r run a copy of the test binary and returns its hash.
func copyBinary(t *testing.T, r *rig) string {
	t.Helper()
	text, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	r.set.Run.Binary = r.dir + "/cloudflared"
	if err := os.WriteFile(r.set.Run.Binary, text, 0o700); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// flipByte replaces the file by one that differs in its last byte; the running one cannot be written to.
func flipByte(t *testing.T, name string) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)-1] ^= 1
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, text, 0o700); err != nil {
		t.Fatal(err)
	}
}

func kill(t *testing.T, pid int, sig syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, sig); err != nil {
		t.Fatal(err)
	}
}
