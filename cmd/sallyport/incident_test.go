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

// TestTheIncident is what killed the demo: the tunnel's rule says localhost, the gateway has 127.0.0.1:P and a stale app
// [::1]:P. It must be told within one look, cured by no restart, and doctor must name the rule and who squats.
func TestTheIncident(t *testing.T) {
	s := supervise(t)
	_, port, err := net.SplitHostPort(s.http)
	if err != nil {
		t.Fatal(err)
	}
	stale := exec.Command(os.Args[0], "stand-in-app", "[::1]:"+port)
	if err := stale.Start(); err != nil {
		t.Fatal(err)
	}
	defer stale.Wait()         //nolint:errcheck // it was killed
	defer stale.Process.Kill() //nolint:errcheck // it may have ended
	s.eventually("the stale app listens", func() bool {
		conn, err := net.Dial("tcp", "[::1]:"+port)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
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
	squatter := fmt.Sprintf("[::1]:%s is pid %d (", port, stale.Process.Pid)
	if code != codeFailed || !strings.Contains(text, "rule 1 of version 8, 127.0.0.1 -> http://localhost:"+port) || strings.Count(text, squatter) < 2 {
		t.Errorf("doctor: exit %d, want 1, the rule, and %q with the rule and with the port:\n%s", code, squatter, text)
	}
	s.eventually("the drift table tells it too", func() bool {
		code, text := s.call("drift")
		return code == codeFailed && strings.Contains(text, "tunnel rule")
	})
}
