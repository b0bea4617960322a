//go:build linux && prove

package tunnel

import (
	"encoding/json"
	"net"
	"slices"
	"syscall"
	"testing"
	"time"
)

// slow is the pace of the settings with looks and probes one second apart.
func slow() pace {
	p := paceOf(Defaults().Watch)
	p.process, p.public, p.doubt, p.network = time.Second, time.Second, time.Second, time.Second
	p.longest, p.stable, p.retry = 2*time.Second, time.Hour, time.Hour
	return p
}

// trouble is one thing that goes wrong.
type trouble struct {
	name  string
	cause Cause
	begin func(*rig)
	mend  func(*rig) // nil where the supervisor mends it
	// within is the longest time to detection; spent how many restarts it may cost.
	within time.Duration
	spent  int
}

func troubles(t *testing.T) []trouble {
	return []trouble{
		{"kill -9 of cloudflared", Crash, func(r *rig) { kill(t, r.state().PID, syscall.SIGKILL) }, nil, 2 * time.Second, 1},
		{"SIGSTOP", Stopped, func(r *rig) { kill(t, r.state().PID, syscall.SIGSTOP) }, nil, 3 * time.Second, 1},
		{"/ready hangs", Hung, func(r *rig) { r.script(script{Silent: true}) }, func(r *rig) { r.script(script{Ready: 4}) }, 25 * time.Second, 1},
		{"ready, but public 530/1033", RouteLost, func(r *rig) { r.fault.Store(answerWith(530, "error code: 1033")) }, func(r *rig) { r.fault.Store(nil) }, 6 * time.Second, 1},
		{"public 502", OriginDown, func(r *rig) { r.fault.Store(answerWith(502, "bad gateway")) }, func(r *rig) { r.fault.Store(nil) }, 5 * time.Second, 0},
		{"a 200 by somebody else", NotOurs, func(r *rig) { r.fault.Store(answerWith(200, "stale app")) }, func(r *rig) { r.fault.Store(nil) }, 5 * time.Second, 0},
		{"ingress localhost, squatter on [::1]", Bypass, squat(t), func(r *rig) { r.script(script{Ready: 4}) }, 3 * time.Second, 0},
		{"rules re-pointed", Drift, func(r *rig) { r.script(script{Ready: 4, Config: rulesJSON(8, "http://127.0.0.1:9")}) }, func(r *rig) { r.script(script{Ready: 4}) }, 3 * time.Second, 0},
		{"no connection to the edge", Disconnected, func(r *rig) { r.script(script{Ready: 0}) }, func(r *rig) { r.script(script{Ready: 4}) }, 5 * time.Second, 0},
		{"network down", NetworkDown, func(r *rig) { r.online.Store(false); r.script(script{Ready: 0}) }, func(r *rig) { r.online.Store(true); r.script(script{Ready: 4}) }, 5 * time.Second, 0},
		{"executable replaced", Binary, func(r *rig) { flipByte(t, r.set.Run.Binary) }, nil, 3 * time.Second, 0},
	}
}

// squat lets the rule say localhost while another listener has the other address.
func squat(t *testing.T) func(*rig) {
	return func(r *rig) {
		_, port, err := net.SplitHostPort(r.doorAddr())
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", "[::1]:"+port)
		if err != nil {
			t.Fatal(err)
		}
		r.t.Cleanup(func() { l.Close() })
		r.script(script{Ready: 4, Config: json.RawMessage(rulesJSON(8, "http://localhost:"+port))})
	}
}

// TestProveDetectionAndRecoveryTimes prints how long each trouble lasts until people are told, and from its cure until they are
// told that it is over.
func TestProveDetectionAndRecoveryTimes(t *testing.T) {
	for _, x := range troubles(t) {
		t.Run(x.name, func(t *testing.T) {
			r := newRig(t)
			r.set.Run.Grace = 500 * time.Millisecond
			if x.cause == Binary {
				r.set.Run.SHA256 = copyBinary(t, r)
			}
			r.pace = slow()
			r.run().up()
			began := time.Now()
			x.begin(r)
			eventually(t, time.Minute, "told", func() bool { return slices.Contains(r.incidents(), "+"+string(x.cause)) }, r.describe)
			found := time.Since(began)
			recovered := "stays open: nothing but an operator cures it"
			if x.mend != nil || x.spent > 0 {
				began = time.Now()
				if x.mend != nil {
					x.mend(r)
				}
				eventually(t, time.Minute, "over", func() bool { return slices.Contains(r.incidents(), "-"+string(x.cause)) }, r.describe)
				recovered = "over " + time.Since(began).Round(10*time.Millisecond).String() + " after its cure"
			}
			spent := r.state().Restarts.Used
			t.Logf("%-38s %-14s told after %6s, %s, %d restarts", x.name, x.cause, found.Round(10*time.Millisecond), recovered, spent)
			if found > x.within || spent != x.spent {
				t.Errorf("told after %s with %d restarts, want at most %s and %d", found, spent, x.within, x.spent)
			}
		})
	}
}
