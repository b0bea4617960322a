//go:build linux

package tunnel

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestContract holds the stand-in and, where SALLYPORT_TEST_CLOUDFLARED names one, the real cloudflared to what we rely on.
// It needs no edge: what only an edge can show is shown with the stand-in alone.
func TestContract(t *testing.T) {
	programs := map[string]string{"stand-in": os.Args[0]}
	if real := os.Getenv("SALLYPORT_TEST_CLOUDFLARED"); real != "" {
		programs["cloudflared"] = real
	}
	for name, program := range programs {
		t.Run(name, func(t *testing.T) {
			t.Run("a misplaced flag is told by usage and code 0", func(t *testing.T) { contractUsage(t, program) })
			t.Run("our arguments are understood", func(t *testing.T) { contractStart(t, program) })
			t.Run("it answers, stops and is started again", func(t *testing.T) { contractLife(t, program) })
		})
	}
}

// contractUsage: an exit code of 0 before any connection must be taken for a usage error.
func contractUsage(t *testing.T, program string) {
	dir := t.TempDir()
	writeToken(t, filepath.Join(dir, "token"), testTunnel)
	cmd := exec.Command(program, "tunnel", "run", "--edge-ip-version", "4", "--token-file", filepath.Join(dir, "token"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("it ended with %v, want code 0", err)
	}
	first, _, _ := strings.Cut(string(out), "\n")
	if got := parseLine([]byte(first)).class(); got != lineUsage {
		t.Errorf("first line %q is %q, want usage", first, got)
	}
}

// contractStart: the process runs on with our arguments, or ends for want of a network and for nothing else.
func contractStart(t *testing.T, program string) {
	r := newRig(t)
	r.script(script{Ready: 0})
	r.set.Run.Binary, r.opt.PublicURL = program, ""
	r.run()
	r.await("it was started", func(s Snapshot) bool { return s.PID > 0 || len(s.Incidents) > 0 })
	r.halt()
	for _, told := range r.incidents() {
		if told != "+NETWORK_DOWN" && told != "+CRASH" {
			t.Errorf("told %q, want nothing but a missing network", r.incidents())
		}
	}
}

// contractLife: /ready, SIGSTOP and SIGTERM as the supervisor expects them.
func contractLife(t *testing.T, program string) {
	dir := t.TempDir()
	writeToken(t, filepath.Join(dir, "token"), testTunnel)
	s := Defaults()
	s.Run.Binary, s.Run.TokenFile, s.State = program, filepath.Join(dir, "token"), dir
	sup, err := New(s, Options{Environ: os.Environ()})
	if err != nil {
		t.Fatal(err)
	}
	job := sup.job.(*cloudflared)
	job.local = newLocal(time.Second)
	l, fault := job.prepare(1, "http2")
	if fault != nil {
		t.Fatal(fault.reason)
	}
	if program != os.Args[0] {
		l.spec.args = slices.Insert(l.spec.args, 1, "--edge", "127.0.0.1:1") // so that it needs no name service to stay
	}
	var lines []string
	l.spec.line = func(raw []byte) { lines = append(lines, string(raw)) }
	spawn := startSpawner()
	defer spawn.close()
	p, err := spawn.start(l.spec)
	if err != nil {
		t.Fatal(err)
	}
	c := &child{n: 1, metrics: l.metrics, process: p}
	look := func() readiness { return job.look(t.Context(), c)[0].(readiness) }
	tell := func() string { return strings.Join(lines[:min(len(lines), 20)], "\n") }
	eventually(t, 10*time.Second, "an answer", func() bool { return look().answered }, tell)
	e, err := job.local.config(t.Context(), l.metrics)
	if err != nil && program != os.Args[0] || err == nil && e.Version >= 0 {
		t.Errorf("rules have version %d (%v), want one below zero before the edge has sent any", e.Version, err)
	}
	if d, err := job.local.diagnosis(t.Context(), l.metrics); err != nil || d.ConnectorID == "" {
		t.Errorf("diagnosis is %+v (%v), want a connector's", d, err)
	}
	kill(t, p.pid, syscall.SIGSTOP)
	eventually(t, 5*time.Second, "seen as stopped", func() bool { return look().frozen }, tell)
	if forced := p.stop(t.Context(), 10*time.Second); forced {
		t.Error("it had to be killed, want it to end by SIGTERM")
	}
	if p.code != 0 && p.code != 1 && p.code != 143 {
		t.Errorf("it ended with code %d, want 0, 1 or 143\n%s", p.code, tell())
	}
	for _, line := range lines {
		if c := parseLine([]byte(line)).class(); c == lineUsage || c == lineConfig || c == lineCredentials || c == lineAuth {
			t.Errorf("line %q is %q: our arguments are not understood", line, c)
		}
	}
	t.Logf("ended with code %d after %d lines", p.code, len(lines))
}
