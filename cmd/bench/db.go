package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"

	"sallyport/dbguard/localpg"
)

// dbPlan is what one comparison of ways to the database does.
type dbPlan struct {
	binary  string
	pairs   int
	seconds int
	clients int
	json    bool
}

// dbCommand compares our database door with PgBouncer and with PostgreSQL itself.
func dbCommand(ctx context.Context, args []string, out io.Writer) error {
	var p dbPlan
	flags := flag.NewFlagSet("db", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&p.binary, "binary", "", "sallyport binary; empty builds it from ./cmd/sallyport")
	flags.IntVar(&p.pairs, "pairs", 5, "interleaved rounds")
	flags.IntVar(&p.seconds, "seconds", 3, "seconds a run")
	flags.IntVar(&p.clients, "clients", 64, "clients")
	flags.BoolVar(&p.json, "json", false, "print JSON")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if _, err := exec.LookPath("pgbench"); err != nil {
		return errors.New("db: pgbench, which makes the load, is not in PATH")
	}
	dir, err := os.MkdirTemp("", "sallyport-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // PgBouncer is another user
		return err
	}
	report, err := p.compare(ctx, dir)
	if err != nil {
		return fmt.Errorf("db: %w", err)
	}
	if p.json {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		return enc.Encode(report)
	}
	return report.print(out)
}

// compare starts everything, measures in turns and returns the figures.
func (p dbPlan) compare(ctx context.Context, dir string) (*dbReport, error) {
	server, err := localpg.Start(ctx, localpg.Options{Settings: map[string]string{"max_connections": "300"}})
	if err != nil {
		return nil, err
	}
	defer server.Stop() //nolint:errcheck // it takes its folder along
	if p.binary == "" {
		if p.binary, err = build(ctx, dir); err != nil {
			return nil, err
		}
	}
	doors, close, err := p.open(ctx, dir, server)
	defer close()
	if err != nil {
		return nil, err
	}
	r := &dbReport{Schema: "sallyport.bench-db/1", Load: loadAverage(), Pairs: p.pairs, Seconds: p.seconds, Clients: p.clients, Pool: dbPool}
	r.Versions = map[string]string{}
	for _, d := range []*dbDoor{doors.direct, doors.pgbouncer, doors.session, doors.ours} {
		r.Versions[d.name] = d.version
		if err := d.verify(ctx); err != nil {
			return nil, fmt.Errorf("%s: %w", d.name, err)
		}
	}
	for _, measure := range []func(context.Context, dbDoors, *dbReport) error{p.idle, p.loads, p.relay, p.alone} {
		if err := measure(ctx, doors, r); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// idle comes first: what a load leaves behind in a process would hide what idle clients take.
func (p dbPlan) idle(ctx context.Context, doors dbDoors, r *dbReport) (err error) {
	r.Idle = map[string]int64{}
	for _, d := range []*dbDoor{doors.ours, doors.pgbouncer} {
		if r.Idle[d.name], err = d.idle(ctx, dbIdle); err != nil {
			return err
		}
	}
	return nil
}

// contender is a way to be measured, with how.
type contender struct {
	name    string
	measure func() (dbRun, error)
}

// rounds measures all in turns, every other round backwards, after a round that is not counted.
func (p dbPlan) rounds(all []contender) ([]dbRuns, error) {
	runs := make([]dbRuns, len(all))
	for round := range p.pairs + 1 {
		for i := range all {
			if round%2 == 1 {
				i = len(all) - 1 - i
			}
			one, err := all[i].measure()
			if err != nil {
				return nil, err
			}
			if runs[i].name = all[i].name; round > 0 {
				runs[i].runs = append(runs[i].runs, one)
			}
		}
	}
	return runs, nil
}

// loads compares under many clients. Where PgBouncer cannot keep prepared statements in transaction mode, ours are compared with
// its simple queries, and with its session mode, in which each client has a server connection of its own.
func (p dbPlan) loads(ctx context.Context, doors dbDoors, r *dbReport) error {
	bench := func(d *dbDoor, mode, more string) contender {
		return contender{d.name + " " + mode + more, func() (dbRun, error) { return d.patientPgbench(ctx, mode, p.clients, p.seconds) }}
	}
	other := bench(doors.session, "prepared", fmt.Sprintf(" (%d servers)", p.clients))
	if preparesInTransactions(doors.pgbouncer.version) {
		other = bench(doors.pgbouncer, "prepared", "")
	} else {
		r.Notes = append(r.Notes, doors.pgbouncer.version+" keeps no prepared statements in transaction mode: ours stand against its simple queries in that mode, "+
			"and against its session mode with a server connection for each client")
	}
	runs, err := p.rounds([]contender{
		bench(doors.pgbouncer, "simple", ""), bench(doors.ours, "simple", ""), bench(doors.direct, "simple", ""),
		other, bench(doors.ours, "prepared", ""), bench(doors.direct, "prepared", ""),
	})
	if err != nil {
		return err
	}
	theirs, ours, direct, theirsPrepared, oursPrepared, directPrepared := runs[0], runs[1], runs[2], runs[3], runs[4], runs[5]
	r.Loads = []dbRow{
		theirs.against(theirs, ""), ours.against(theirs, "CPU ≤ 1.35, queries/s ≥ 0.9"), ours.against(direct, ""),
		theirsPrepared.against(theirs, ""), oursPrepared.against(theirs, "queries/s ≥ 1.2"), oursPrepared.against(theirsPrepared, ""), oursPrepared.against(directPrepared, ""),
	}
	return nil
}

// relay compares answers of 100,000 rows.
func (p dbPlan) relay(ctx context.Context, doors dbDoors, r *dbReport) error {
	var all []contender
	for _, d := range []*dbDoor{doors.pgbouncer, doors.ours, doors.direct} {
		all = append(all, contender{d.name, func() (dbRun, error) { return d.relay(ctx, 100_000, 5) }})
	}
	runs, err := p.rounds(all)
	if err != nil {
		return err
	}
	r.Relay = []dbRow{runs[0].against(runs[0], ""), runs[1].against(runs[0], "≤ 1.3"), runs[1].against(runs[2], "")}
	// Such a row has no rate of its own: JSON knows no NaN.
	for i := range r.Relay {
		r.Relay[i].PerSecond = spread{}
	}
	return nil
}

// alone compares what one client waits for.
func (p dbPlan) alone(ctx context.Context, doors dbDoors, r *dbReport) error {
	var all []contender
	for _, d := range []*dbDoor{doors.pgbouncer, doors.ours, doors.direct} {
		all = append(all, contender{d.name, func() (dbRun, error) { return d.alone(ctx, 1000) }})
	}
	runs, err := p.rounds(all)
	if err != nil {
		return err
	}
	r.Alone = map[string]spread{"pgbouncer": runs[1].addedTo(runs[0]), "direct": runs[1].addedTo(runs[2])}
	return nil
}
