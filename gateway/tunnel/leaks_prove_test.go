//go:build linux && prove

package tunnel

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestProveFaultsOfADayLeaveNothingBehind plays seeded faults with real children, one after another, at a pace that makes two
// minutes out of a day with a fault every twenty minutes, and counts goroutines, file descriptors, processes and incidents.
func TestProveFaultsOfADayLeaveNothingBehind(t *testing.T) {
	const faults = 72
	r := newRig(t)
	r.set.Run.Grace = 300 * time.Millisecond
	r.pace = quick()
	r.pace.limit = 2 * faults
	r.run().up()
	faultsOfADay := []trouble{
		{name: "crash", cause: Crash, begin: func(r *rig) { kill(t, r.state().PID, syscall.SIGKILL) }},
		{name: "stop", cause: Stopped, begin: func(r *rig) { kill(t, r.state().PID, syscall.SIGSTOP) }},
		{name: "502", cause: OriginDown, begin: func(r *rig) { r.fault.Store(answerWith(502, "bad gateway")) }, mend: func(r *rig) { r.fault.Store(nil) }},
		{name: "somebody else", cause: NotOurs, begin: func(r *rig) { r.fault.Store(answerWith(200, "stale app")) }, mend: func(r *rig) { r.fault.Store(nil) }},
		{name: "drift", cause: Drift, begin: func(r *rig) { r.script(script{Ready: 4, Config: rulesJSON(8, "http://127.0.0.1:9")}) }, mend: func(r *rig) { r.script(script{Ready: 4}) }},
		{name: "network", cause: NetworkDown, begin: func(r *rig) { r.online.Store(false); r.script(script{Ready: 0}) }, mend: func(r *rig) { r.online.Store(true); r.script(script{Ready: 4}) }},
	}
	dice := rand.New(rand.NewPCG(20, 26))
	suffer := func() {
		x := faultsOfADay[dice.IntN(len(faultsOfADay))]
		opened, closed := r.count("+"+x.cause), r.count("-"+x.cause)
		x.begin(r)
		eventually(t, 30*time.Second, x.name+" is told", func() bool { return r.count("+"+x.cause) > opened }, r.describe)
		if x.mend != nil {
			x.mend(r)
		}
		eventually(t, 30*time.Second, x.name+" is over", func() bool { return r.count("-"+x.cause) > closed && r.state().State == Up }, r.describe)
	}
	for range 8 { // what is kept for good is there after the first
		suffer()
	}
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	for range faults - 8 {
		suffer()
	}
	eventually(t, 20*time.Second, "one child and no more goroutines and files than before", func() bool {
		return len(children(t)) == 1 && runtime.NumGoroutine() <= goroutines+2 && openFiles(t) <= files+2
	}, func() string {
		return fmt.Sprintf("children %v, goroutines %d then %d, files %d then %d", children(t), goroutines, runtime.NumGoroutine(), files, openFiles(t))
	})
	t.Logf("%d faults: goroutines %d then %d, files %d then %d, children %d, restarts %d", faults, goroutines, runtime.NumGoroutine(), files, openFiles(t), len(children(t)), r.state().Restarts.Used)
	eventually(t, 20*time.Second, "nothing is open", func() bool { return len(r.state().Incidents) == 0 }, r.describe)
	open := map[string]int{}
	for _, told := range r.incidents() {
		cause := told[1:]
		if told[0] == '+' {
			open[cause]++
		} else {
			open[cause]--
		}
		if open[cause] < 0 || open[cause] > 1 {
			t.Errorf("%s was told %d times more open than over", cause, open[cause])
		}
	}
	for cause, n := range open {
		if n != 0 {
			t.Errorf("%s is still open", cause)
		}
	}
	t.Logf("%d incidents told, each opened and resolved once", len(r.incidents())/2)
	r.halt()
	if left := children(t); len(left) != 0 {
		t.Errorf("children %v outlive the supervisor", left)
	}
}

// count is how often told was told.
func (r *rig) count(told Cause) (n int) {
	for _, i := range r.incidents() {
		if i == string(told) {
			n++
		}
	}
	return n
}

// children are the processes whose parent is this one, zombies too.
func children(t *testing.T) []string {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	var mine []string
	for _, name := range stats {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		if f := strings.Fields(rest); len(f) > 1 && f[1] == fmt.Sprint(os.Getpid()) {
			mine = append(mine, filepath.Base(filepath.Dir(name)))
		}
	}
	return mine
}
