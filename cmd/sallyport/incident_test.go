package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// staleApp starts a process that listens on addr until the test ends, and returns its number.
func staleApp(t *testing.T, addr string) (pid int) {
	t.Helper()
	stale := exec.Command(os.Args[0], "stand-in-app", addr)
	if err := stale.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stale.Process.Kill() // it may have ended
		_ = stale.Wait()
	})
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			_ = conn.Close()
			return stale.Process.Pid
		}
		if time.Now().After(end) {
			t.Fatalf("the stale app does not listen: %v", err)
		}
	}
}

// TestTheIncident is what killed the demo: the tunnel's rule says localhost, the gateway has 127.0.0.1:P and a stale app
// [::1]:P. It must be told within one look, cured by no restart, and doctor must name the rule and who squats.
func TestTheIncident(t *testing.T) {
	s := supervise(t)
	_, port, err := net.SplitHostPort(s.http)
	if err != nil {
		t.Fatal(err)
	}
	stale := staleApp(t, "[::1]:"+port)
	began := time.Now()
	s.write("config.json", s.rules("localhost:"+port, 8))
	s.eventually("the bypass is told", func() bool { _, text := s.call("tunnel", "status"); return strings.Contains(text, "CRITICAL BYPASS") })
	t.Logf("told after %s, looks are 1 s apart", time.Since(began).Round(10*time.Millisecond))
	code, text := s.call("tunnel", "status")
	if code != codeFailed || !strings.Contains(text, "http://localhost:"+port) || !strings.Contains(text, "[::1]:"+port) || !strings.Contains(text, "0 of 5 restarts") {
		t.Errorf("tunnel status: exit %d, want 1, the rule, the other meaning and no restart:\n%s", code, text)
	}
	begun := time.Now()
	code, text = s.call("doctor")
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("doctor took %s, want less than 5 s", took)
	}
	squatter := fmt.Sprintf("[::1]:%s is pid %d (", port, stale)
	if code != codeFailed || !strings.Contains(text, "rule 1 of version 8, 127.0.0.1 -> http://localhost:"+port) || strings.Count(text, squatter) < 2 {
		t.Errorf("doctor: exit %d, want 1, the rule, and %q with the rule and with the port:\n%s", code, squatter, text)
	}
	s.eventually("the drift table tells it too", func() bool {
		code, text := s.call("drift")
		return code == codeFailed && strings.Contains(text, "tunnel rule")
	})
}
