package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// dbRun is what one run of load showed.
type dbRun struct {
	queries int64
	// cpu is what the pooler used, 0 where there is none.
	cpu       time.Duration
	perSecond float64
	// latency is the average that pgbench tells, or the time of one answer.
	latency time.Duration
}

// cpuPerQuery is in microseconds.
func (r dbRun) cpuPerQuery() float64 { return float64(r.cpu.Nanoseconds()) / 1e3 / float64(r.queries) }

// cpu is what the door used so far; 0 where it is no process of ours.
func (d *dbDoor) cpu() (time.Duration, error) {
	if d.process == nil {
		return 0, nil
	}
	return cpuOf(d.process.cmd.Process.Pid)
}

// errLate is wrapped where the time was over before all clients had logged in, as on a machine that is very busy.
var errLate = errors.New("pgbench came to no query in its time")

// patientPgbench is pgbench, tried again where it came to nothing.
func (d *dbDoor) patientPgbench(ctx context.Context, mode string, clients, seconds int) (r dbRun, err error) {
	for range 3 {
		if r, err = d.pgbench(ctx, mode, clients, seconds); !errors.Is(err, errLate) {
			break
		}
	}
	return r, err
}

// pgbench loads the door with the built-in select in a query mode: simple or prepared.
func (d *dbDoor) pgbench(ctx context.Context, mode string, clients, seconds int) (dbRun, error) {
	host, port, err := net.SplitHostPort(d.addr)
	if err != nil {
		return dbRun{}, err
	}
	cmd := exec.CommandContext(ctx, "pgbench", "-n", "-S", "-M", mode, "-c", strconv.Itoa(clients), "-j", "1", "-T", strconv.Itoa(seconds),
		"-h", host, "-p", port, "-U", dbUser, "postgres")
	cmd.Env = append(os.Environ(), "PGPASSWORD="+dbPassword)
	before, err := d.cpu()
	if err != nil {
		return dbRun{}, err
	}
	text, err := cmd.CombinedOutput()
	if err != nil {
		return dbRun{}, fmt.Errorf("%s: pgbench -M %s: %w: %s", d.name, mode, err, text)
	}
	after, err := d.cpu()
	if err != nil {
		return dbRun{}, err
	}
	r, err := parsePgbench(string(text))
	if err != nil {
		return dbRun{}, fmt.Errorf("%s: %w", d.name, err)
	}
	r.cpu = after - before
	return r, nil
}

var pgbenchFigures = regexp.MustCompile(`(?s)actually processed: (\d+).*latency average = (\S+) ms.*tps = (\S+) `)

// parsePgbench reads pgbench's report; a client that was aborted or a transaction that failed is an error.
func parsePgbench(text string) (dbRun, error) {
	if strings.Contains(text, "actually processed: 0\n") {
		return dbRun{}, errLate
	}
	m := pgbenchFigures.FindStringSubmatch(text)
	if m == nil || strings.Contains(text, "aborted") || strings.Contains(text, "failed transactions:") && !strings.Contains(text, "failed transactions: 0 ") {
		return dbRun{}, fmt.Errorf("pgbench said %q", text)
	}
	var r dbRun
	var errs [3]error
	r.queries, errs[0] = strconv.ParseInt(m[1], 10, 64)
	r.latency, errs[1] = time.ParseDuration(m[2] + "ms")
	r.perSecond, errs[2] = strconv.ParseFloat(m[3], 64)
	return r, errors.Join(errs[:]...)
}

// asker is a logged-in client that reads answers without looking into them.
type asker struct {
	conn net.Conn
	from *bufio.Reader
}

func (d *dbDoor) connect(ctx context.Context) (*asker, error) {
	c, err := pgconn.Connect(ctx, d.url())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.name, err)
	}
	h, err := c.Hijack()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.name, err)
	}
	return &asker{conn: h.Conn}, nil
}

// ask sends a Query and reads its answer; it returns the number of rows.
func (a *asker) ask(sql string) (rows int, err error) {
	if a.from == nil {
		a.from = bufio.NewReaderSize(a.conn, 64<<10)
	}
	message := binary.BigEndian.AppendUint32([]byte{'Q'}, uint32(len(sql)+5))
	if _, err := a.conn.Write(append(append(message, sql...), 0)); err != nil {
		return 0, err
	}
	for head := [5]byte{}; head[0] != 'Z'; {
		if _, err := io.ReadFull(a.from, head[:]); err != nil {
			return rows, err
		}
		if _, err := a.from.Discard(int(binary.BigEndian.Uint32(head[1:])) - 4); err != nil {
			return rows, err
		}
		switch head[0] {
		case 'E':
			return rows, fmt.Errorf("%s: an error came", sql)
		case 'D':
			rows++
		}
	}
	return rows, nil
}

// relay asks times for so many rows and measures one such answer.
func (d *dbDoor) relay(ctx context.Context, rows, times int) (dbRun, error) {
	a, err := d.connect(ctx)
	if err != nil {
		return dbRun{}, err
	}
	defer a.conn.Close()
	sql := fmt.Sprintf("select i, repeat('x', 64) from generate_series(1, %d) i", rows)
	if n, err := a.ask(sql); err != nil || n != rows {
		return dbRun{}, fmt.Errorf("%s: got %d rows and %w, want %d", d.name, n, err, rows)
	}
	before, err := d.cpu()
	if err != nil {
		return dbRun{}, err
	}
	began := time.Now()
	for range times {
		if _, err := a.ask(sql); err != nil {
			return dbRun{}, err
		}
	}
	took := time.Since(began)
	after, err := d.cpu()
	return dbRun{queries: int64(times), cpu: after - before, latency: took / time.Duration(times)}, err
}

// alone measures the median latency of n queries of one client.
func (d *dbDoor) alone(ctx context.Context, n int) (dbRun, error) {
	a, err := d.connect(ctx)
	if err != nil {
		return dbRun{}, err
	}
	defer a.conn.Close()
	all := make([]float64, 0, n)
	for i := range n + n/10 {
		began := time.Now()
		if _, err := a.ask("select abalance from pgbench_accounts where aid = 4711"); err != nil {
			return dbRun{}, err
		}
		if i >= n/10 { // the first ones warm up
			all = append(all, float64(time.Since(began)))
		}
	}
	return dbRun{queries: int64(n), latency: time.Duration(spreadOf(all).Median)}, nil
}

// idle connects n clients that ask once each, and returns what each of them costs the door in resident bytes.
func (d *dbDoor) idle(ctx context.Context, n int) (int64, error) {
	before := rssOf(d.process.cmd.Process.Pid)
	for range n {
		a, err := d.connect(ctx)
		if err != nil {
			return 0, err
		}
		defer a.conn.Close()
		if _, err := a.ask("select 1"); err != nil {
			return 0, err
		}
		a.from = nil
	}
	return (rssOf(d.process.cmd.Process.Pid) - before) / int64(n), nil
}
