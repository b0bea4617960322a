package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// run1 is what one run of load showed.
type run1 struct {
	requests int64
	// cpu is what the door's processes used.
	cpu time.Duration
	// perSecond are requests per second; p50 and p99 latencies.
	perSecond float64
	p50, p99  time.Duration
	// rss is the door's memory at the end, in bytes.
	rss int64
}

// cpuPerRequest is in microseconds.
func (r run1) cpuPerRequest() float64 {
	return float64(r.cpu.Nanoseconds()) / 1e3 / float64(r.requests)
}

// measure loads the door with wrk.
func (d *httpDoor) measure(ctx context.Context, conns, seconds int) (run1, error) {
	// Large answers on a busy machine take longer than the 2 s after which wrk would count them as lost.
	args := []string{"-t1", "-c" + strconv.Itoa(conns), "-d" + strconv.Itoa(seconds) + "s", "--latency", "--timeout", "30s", "-H", "Host: " + host}
	for _, f := range cloudflaredFields {
		args = append(args, "-H", f)
	}
	before, err := cpuOf(d.cmd.Process.Pid)
	if err != nil {
		return run1{}, err
	}
	text, err := exec.CommandContext(ctx, "wrk", append(args, "http://"+d.addr+"/")...).CombinedOutput()
	if err != nil {
		return run1{}, fmt.Errorf("wrk: %w: %s", err, text)
	}
	after, err := cpuOf(d.cmd.Process.Pid)
	if err != nil {
		return run1{}, err
	}
	one, err := parseWrk(string(text))
	one.cpu = after - before
	one.rss = rssOf(d.cmd.Process.Pid)
	if err != nil {
		return run1{}, fmt.Errorf("%s: %w", d.name, err)
	}
	return one, nil
}

var wrkFigures = regexp.MustCompile(`(?s)\n\s+50%\s+(\S+).*\n\s+99%\s+(\S+).*?(\d+) requests in .*Requests/sec:\s+(\S+)`)

// parseWrk reads wrk's report; answers other than 2xx and broken connections are errors.
func parseWrk(text string) (run1, error) {
	if strings.Contains(text, "Non-2xx") || strings.Contains(text, "Socket errors") {
		return run1{}, fmt.Errorf("not every request was answered well: %s", text)
	}
	m := wrkFigures.FindStringSubmatch(text)
	if m == nil {
		return run1{}, fmt.Errorf("wrk said %q", text)
	}
	var r run1
	var errs [4]error
	r.p50, errs[0] = time.ParseDuration(m[1])
	r.p99, errs[1] = time.ParseDuration(m[2])
	r.requests, errs[2] = strconv.ParseInt(m[3], 10, 64)
	r.perSecond, errs[3] = strconv.ParseFloat(m[4], 64)
	return r, errors.Join(errs[:]...)
}

// tree returns pid and its descendants.
func tree(pid int) []int {
	all := []int{pid}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return all
	}
	for _, f := range strings.Fields(string(children)) {
		if child, err := strconv.Atoi(f); err == nil {
			all = append(all, tree(child)...)
		}
	}
	return all
}

// cpuOf is the time that the scheduler gave to the threads of pid and its descendants.
func cpuOf(pid int) (time.Duration, error) {
	var total time.Duration
	for _, p := range tree(pid) {
		files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p))
		if err != nil || len(files) == 0 {
			return 0, fmt.Errorf("no scheduler figures of process %d", p)
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				continue // the thread has ended
			}
			ns, err := strconv.ParseInt(strings.Fields(string(text))[0], 10, 64)
			if err != nil {
				return 0, err
			}
			total += time.Duration(ns)
		}
	}
	return total, nil
}

var rssLine = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)

// rssOf is the resident memory of pid and its descendants, in bytes.
func rssOf(pid int) int64 {
	var total int64
	for _, p := range tree(pid) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p))
		if err != nil {
			continue
		}
		if m := rssLine.FindSubmatch(text); m != nil {
			kb, _ := strconv.ParseInt(string(m[1]), 10, 64)
			total += kb << 10
		}
	}
	return total
}

func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:3], " ")
}
