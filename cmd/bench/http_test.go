package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const wrkReport = `Running 1s test @ http://127.0.0.1:1/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.97ms    1.07ms  14.22ms   81.50%
    Req/Sec    32.90k     4.08k   39.83k    80.00%
  Latency Distribution
     50%    1.68ms
     75%    2.26ms
     90%    3.27ms
     99%  812.00us
  32768 requests in 1.00s, 14.62MB read
Requests/sec:  32768.50
Transfer/sec:     14.62MB
`

func TestWrksReportIsRead(t *testing.T) {
	got, err := parseWrk(wrkReport)
	if want := (run1{requests: 32768, perSecond: 32768.5, p50: 1680 * time.Microsecond, p99: 812 * time.Microsecond}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for _, bad := range []string{"", wrkReport + "  Non-2xx or 3xx responses: 7\n", wrkReport + "  Socket errors: connect 0, read 1, write 0, timeout 0\n"} {
		if _, err := parseWrk(bad); err == nil {
			t.Errorf("%.200q: no error", bad)
		}
	}
}

func TestRatiosAreTakenWithinARound(t *testing.T) {
	run := func(cpu time.Duration) run1 { return run1{requests: 1000, cpu: cpu, perSecond: 1, p50: 1, p99: 1} }
	base := []run1{run(10 * time.Millisecond), run(20 * time.Millisecond), run(40 * time.Millisecond)}
	ours := []run1{run(20 * time.Millisecond), run(60 * time.Millisecond), run(40 * time.Millisecond)}
	var r httpReport
	r.add(&httpDoor{&process{name: "ours"}}, ours, base, 1)
	if got, want := r.Rows[0].CPU, (spread{Median: 2, Min: 1, Max: 3}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := r.Rows[0].CPUPerRequest; got != 40 {
		t.Errorf("CPU a request: got %v µs, want 40", got)
	}
}

func TestStaticAppAnswersWithTheSizeAsked(t *testing.T) {
	app, err := startStatic(1234)
	if err != nil {
		t.Fatal(err)
	}
	defer app.close()
	for range 2 {
		res, err := http.Get("http://" + app.addr + "/")
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || string(b) != strings.Repeat("x", 1234) {
			t.Errorf("got %d bytes (%v), want 1234", len(b), err)
		}
	}
}

func TestProcessorTimeGrowsWithWork(t *testing.T) {
	before, err := cpuOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(50 * time.Millisecond); time.Now().Before(end); {
		_ = strings.Repeat("x", 1<<16)
	}
	after, err := cpuOf(os.Getpid())
	if err != nil || after <= before {
		t.Errorf("before %v, after %v (%v), want more", before, after, err)
	}
	if rssOf(os.Getpid()) < 1<<20 {
		t.Errorf("resident memory is %d, want at least 1 MB", rssOf(os.Getpid()))
	}
}

// The folder of each program is dir/<its name>: our binary was once built there as a file, and its folder could not be made.
func TestOurProgramIsBuiltWhereNoOtherHasItsFolder(t *testing.T) {
	dir := t.TempDir()
	binary, err := placeOfBinary(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(binary, nil, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "sallyport"), 0o700); err != nil {
		t.Errorf("our folder beside our binary: %v", err)
	}
}

// A Caddy whose site is the door's own address answers every other host with an empty 200.
func TestADoorIsVerifiedWithTheHostThatItIsLoadedWith(t *testing.T) {
	asked := ""
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked = r.Host }))
	defer s.Close()
	d := &httpDoor{&process{addr: s.Listener.Addr().String()}}
	if err := d.verify(t.Context(), 200); err == nil || asked != host {
		t.Errorf("a door that answers %q with nothing is measured: %v", asked, err)
	}
}
