package wire

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// page is one SHOW of the console.
type page struct {
	name string
	show func(x *proxy) table
}

// consolePages are what SHOW knows.
var consolePages = []page{
	{"pools", (*proxy).showPools},
	{"stats", (*proxy).showStats},
	{"clients", (*proxy).showClients},
	{"servers", (*proxy).showServers},
	{"blocked", (*proxy).showBlocked},
	{"help", (*proxy).showHelp},
}

func (x *proxy) showHelp() table {
	return table{columns: []string{"command", "shows"}, rows: [][]string{
		{"SHOW POOLS", "server connections in use, idle and waited for, and who holds one longest"},
		{"SHOW STATS", "statements by structure, the heaviest first"},
		{"SHOW CLIENTS", "clients, where they come from and what they do"},
		{"SHOW SERVERS", "server connections and what they do"},
		{"SHOW BLOCKED", "statements that screening refused lately, and the request that they came from"},
		{"SHOW HELP", "this list"},
	}}
}

func (x *proxy) showPools() table {
	p := x.pool.snapshot()
	held := ""
	if p.OldestHolder != "" {
		held = x.ago(p.OldestSince)
	}
	return table{
		columns: []string{"database", "mode", "max", "active", "idle", "waiting", "pinned", "oldest_holder", "held_for", "breaker"},
		rows: [][]string{{
			x.database, x.settings.Pool.Mode, strconv.Itoa(p.Max), strconv.Itoa(p.Active), strconv.Itoa(p.Idle), strconv.Itoa(p.Waiting),
			strconv.Itoa(p.Pinned), p.OldestHolder, held, x.guard.Snapshot().Metrics.CircuitBreakerStatus,
		}},
	}
}

// ago is the time since then, in whole milliseconds.
func (x *proxy) ago(then time.Time) string { return x.now().Sub(then).Round(time.Millisecond).String() }

func (x *proxy) showStats() table {
	t := table{columns: []string{"fingerprint", "count", "failed", "rows", "mean_ms", "p95_ms", "p99_ms", "total_ms", "query"}}
	for _, q := range x.guard.Snapshot().TopQueries {
		t.rows = append(t.rows, []string{
			q.Fingerprint, number(q.Count), number(q.Failed), number(q.Rows), millis(q.MeanMs), millis(q.P95Ms), millis(q.P99Ms), millis(q.TotalMs), q.Query,
		})
	}
	return t
}

func number(n uint64) string { return strconv.FormatUint(n, 10) }

func millis(ms float64) string { return strconv.FormatFloat(ms, 'f', 3, 64) }

func (x *proxy) showClients() table {
	t := table{columns: []string{"addr", "user", "database", "application", "state", "connected_for", "pinned"}}
	for _, c := range x.clientSnapshots() {
		t.rows = append(t.rows, []string{c.Addr, c.User, c.Database, c.Application, c.State, x.ago(c.Since), c.Pinned})
	}
	return t
}

func (x *proxy) showServers() table {
	t := table{columns: []string{"pid", "state", "age", "holder", "held_for"}}
	x.pool.mu.Lock()
	defer x.pool.mu.Unlock()
	for l := range x.pool.links {
		row := []string{strconv.FormatUint(uint64(l.pid), 10), "idle", x.ago(l.born), "", ""}
		if s := l.holder.Load(); s != nil {
			row[1], row[3], row[4] = "active", s.client.User+" at "+s.client.Addr, x.ago(time.Unix(0, l.heldSince.Load()))
		}
		t.rows = append(t.rows, row)
	}
	slices.SortFunc(t.rows, slices.Compare)
	return t
}

func (x *proxy) showBlocked() table {
	t := table{columns: []string{"at", "incident", "sqlstate", "rules", "fingerprint", "user", "client", "route", "query"}}
	for _, b := range x.guard.Snapshot().Blocked {
		route := ""
		if b.Crossing != nil {
			route = b.Crossing.Route
		}
		t.rows = append(t.rows, []string{
			b.At.UTC().Format(time.RFC3339), b.Incident, b.SQLState, strings.Join(b.Rules, ", "), b.Fingerprint, b.User, b.Client, route, b.Query,
		})
	}
	return t
}
