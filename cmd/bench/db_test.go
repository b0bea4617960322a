package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"strings"
	"testing"
	"time"
)

const pgbenchReport = `pgbench (15.18 (Debian 15.18-0+deb12u1))
transaction type: <builtin: select only>
scaling factor: 1
query mode: simple
number of clients: 64
number of threads: 1
maximum number of tries: 1
duration: 3 s
number of transactions actually processed: 73123
number of failed transactions: 0 (0.000%)
latency average = 2.625 ms
initial connection time = 101.213 ms
tps = 24380.117 (without initial connection time)
`

func TestPgbenchsReportIsRead(t *testing.T) {
	got, err := parsePgbench(pgbenchReport)
	if want := (dbRun{queries: 73123, perSecond: 24380.117, latency: 2625 * time.Microsecond}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if _, err := parsePgbench("number of transactions actually processed: 0\nnumber of failed transactions: 0 (NaN%)\n"); !errors.Is(err, errLate) {
		t.Errorf("no transaction at all: got %v, want errLate", err)
	}
	failed := strings.Replace(pgbenchReport, "failed transactions: 0 (0.000%)", "failed transactions: 3 (0.004%)", 1)
	for _, bad := range []string{"", failed, pgbenchReport + "pgbench: error: client 3 aborted in command 1\n"} {
		if _, err := parsePgbench(bad); err == nil {
			t.Errorf("%.200q: no error", bad)
		}
	}
}

func TestOnlyNewPgBouncersPrepareInTransactions(t *testing.T) {
	for version, want := range map[string]bool{"PgBouncer 1.18.0": false, "PgBouncer 1.21.0": true, "PgBouncer 2.0.1\nlibevent 2": true, "": false} {
		if got := preparesInTransactions(version); got != want {
			t.Errorf("%q: got %v, want %v", version, got, want)
		}
	}
}

// dbRunsOf are rounds of 1000 queries that took so much CPU, as much latency, and came at so many a second.
func dbRunsOf(name string, perSecond float64, cpu ...time.Duration) dbRuns {
	r := dbRuns{name: name}
	for _, c := range cpu {
		r.runs = append(r.runs, dbRun{queries: 1000, cpu: c, perSecond: perSecond, latency: c})
	}
	return r
}

func TestDatabaseRatiosAreTakenWithinARound(t *testing.T) {
	theirs := dbRunsOf("theirs", 100, 10*time.Millisecond, 20*time.Millisecond, 40*time.Millisecond)
	ours := dbRunsOf("ours", 120, 20*time.Millisecond, 60*time.Millisecond, 40*time.Millisecond)
	row := ours.against(theirs, "")
	want := spread{Median: 2, Min: 1, Max: 3}
	if row.CPU == nil || *row.CPU != want || row.Latency != want {
		t.Errorf("got CPU %v and latency %v, want %v", row.CPU, row.Latency, want)
	}
	if row.CPUPerQuery != 40 || row.PerSecond.Median != 1.2 || row.Against != "theirs" {
		t.Errorf("got %+v, want 40 µs a query and 1.2 times the rate of theirs", row)
	}
	if got, want := ours.addedTo(theirs), (spread{Median: 10, Min: 0, Max: 40}); got != want {
		t.Errorf("added milliseconds: got %v, want %v", got, want)
	}
	if row := ours.against(dbRunsOf("direct", 100, 0, 0, 0), ""); row.CPU != nil {
		t.Errorf("got a ratio of CPU to a way that has none: %v", row.CPU)
	}
}

func TestDatabaseReportTellsLosingRowsAndNotes(t *testing.T) {
	theirs := dbRunsOf("pgbouncer simple", 100, time.Millisecond)
	ours := dbRunsOf("sallyport simple", 50, 3*time.Millisecond)
	r := &dbReport{
		Pairs: 1, Load: "1 2 3", Versions: map[string]string{"pgbouncer": "PgBouncer 1.18.0"}, Loads: []dbRow{ours.against(theirs, "CPU ≤ 1.35")},
		Idle: map[string]int64{"sallyport": 9 << 10}, Alone: map[string]spread{}, Notes: []string{"a note"},
	}
	var text, machine bytes.Buffer
	if err := errors.Join(r.print(&text), json.NewEncoder(&machine).Encode(r)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"PgBouncer 1.18.0", "3.00 (3.00–3.00)", "0.50 (0.50–0.50)", "CPU ≤ 1.35", "1000 idle clients: 9.0 KB", "a note", "load average before 1 2 3"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in %s", want, text.String())
		}
	}
	if !strings.Contains(machine.String(), `"cpuRatio":{"median":3,"min":3,"max":3}`) {
		t.Errorf("the machine reads %s", machine.String())
	}
}

func TestRoundsAlternateAndTheFirstIsNotCounted(t *testing.T) {
	order := ""
	say := func(name string) contender {
		return contender{name, func() (dbRun, error) { order += name; return dbRun{queries: int64(len(order))}, nil }}
	}
	runs, err := dbPlan{pairs: 3}.rounds([]contender{say("a"), say("b")})
	if err != nil || order != "abbaabba" {
		t.Errorf("got order %q and %v, want abbaabba", order, err)
	}
	if len(runs) != 2 || len(runs[0].runs) != 3 || runs[0].name != "a" || runs[0].runs[0].queries != 4 {
		t.Errorf("got %+v, want three counted runs each, the second a first", runs)
	}
}

func TestAskerCountsRowsAndTellsErrors(t *testing.T) {
	client, server := net.Pipe()
	defer client.Close()
	defer server.Close()
	answers := []string{"D\x00\x00\x00\x06xxD\x00\x00\x00\x04C\x00\x00\x00\x05\x00Z\x00\x00\x00\x05I", "E\x00\x00\x00\x05\x00Z\x00\x00\x00\x05I"}
	go func() {
		for _, answer := range answers {
			_, _ = server.Read(make([]byte, 100))
			_, _ = server.Write([]byte(answer))
		}
	}()
	a := &asker{conn: client}
	if n, err := a.ask("select 1"); n != 2 || err != nil {
		t.Errorf("got %d rows and %v, want 2", n, err)
	}
	if _, err := a.ask("select 1"); err == nil {
		t.Error("an error passed as an answer")
	}
}
