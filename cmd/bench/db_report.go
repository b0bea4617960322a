package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// dbReport is the result of a comparison of ways to the database.
type dbReport struct {
	Schema   string            `json:"schema"`
	Pairs    int               `json:"pairs"`
	Seconds  int               `json:"seconds"`
	Clients  int               `json:"clients"`
	Pool     int               `json:"serverConnections"`
	Load     string            `json:"loadAverage"`
	Versions map[string]string `json:"versions"`
	// Loads are many clients with short queries, Relay one client with an answer of 100,000 rows.
	Loads []dbRow `json:"loads"`
	Relay []dbRow `json:"relay100000Rows"`
	// Alone are milliseconds that one client waits longer with us than with the other.
	Alone map[string]spread `json:"addedMillisecondsAtOneClient"`
	// Idle are resident bytes of one of 1,000 idle clients.
	Idle  map[string]int64 `json:"rssBytesPerIdleClient"`
	Notes []string         `json:"notes"`
}

// dbRow compares one way with another in the same round; a ratio of CPU is absent where either has none.
type dbRow struct {
	Name         string  `json:"name"`
	Against      string  `json:"against"`
	CPUPerQuery  float64 `json:"cpuMicrosPerQuery"`
	PerSecondAbs float64 `json:"queriesPerSecond"`
	CPU          *spread `json:"cpuRatio"`
	PerSecond    spread  `json:"throughputRatio"`
	Latency      spread  `json:"latencyRatio"`
	Reach        string  `json:"reach,omitempty"`
}

// dbRuns are the runs of one way, a run a round.
type dbRuns struct {
	name string
	runs []dbRun
}

// against is the row that compares r with base, round by round.
func (r dbRuns) against(base dbRuns, reach string) dbRow {
	each := func(of func(dbRun) float64) (all []float64) {
		for _, one := range r.runs {
			all = append(all, of(one))
		}
		return all
	}
	ratio := func(of func(dbRun) float64) spread {
		all := each(of)
		for i := range all {
			all[i] /= of(base.runs[i])
		}
		return spreadOf(all)
	}
	perSecond := func(o dbRun) float64 { return o.perSecond }
	row := dbRow{
		Name: r.name, Against: base.name, Reach: reach,
		CPUPerQuery: spreadOf(each(dbRun.cpuPerQuery)).Median, PerSecondAbs: spreadOf(each(perSecond)).Median,
		PerSecond: ratio(perSecond), Latency: ratio(func(o dbRun) float64 { return float64(o.latency) }),
	}
	if r.runs[0].cpu > 0 && base.runs[0].cpu > 0 {
		cpu := ratio(dbRun.cpuPerQuery)
		row.CPU = &cpu
	}
	return row
}

// addedTo is how many milliseconds r takes longer than base, round by round.
func (r dbRuns) addedTo(base dbRuns) spread {
	var all []float64
	for i := range r.runs {
		all = append(all, float64(r.runs[i].latency-base.runs[i].latency)/float64(time.Millisecond))
	}
	return spreadOf(all)
}

func (r *dbReport) print(out io.Writer) error {
	fmt.Fprintf(out, "%d interleaved rounds; pgbench -S of %d s, %d clients, %d server connections, SCRAM, screening on; load average before %s\n",
		r.Pairs, r.Seconds, r.Clients, r.Pool, r.Load)
	for _, name := range []string{"sallyport", "pgbouncer", "direct"} {
		fmt.Fprintf(out, "%s: %s\n", name, r.Versions[name])
	}
	fmt.Fprintln(out, "ratios are to the other in the same round: median (least–most)")
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "many clients\tagainst\tCPU µs/query\tCPU ×\tqueries/s\tqueries/s ×\tlatency ×\treach")
	for _, row := range r.Loads {
		fmt.Fprintf(w, "%s\t%s\t%.1f\t%s\t%.0f\t%v\t%v\t%s\n", row.Name, row.Against, row.CPUPerQuery, orNone(row.CPU), row.PerSecondAbs, row.PerSecond, row.Latency, row.Reach)
	}
	fmt.Fprintln(w, "100,000 rows\tagainst\tCPU ms/answer\tCPU ×\t\t\ttime ×\treach")
	for _, row := range r.Relay {
		fmt.Fprintf(w, "%s\t%s\t%.2f\t%s\t\t\t%v\t%s\n", row.Name, row.Against, row.CPUPerQuery/1000, orNone(row.CPU), row.Latency, row.Reach)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out, "one client, median latency: sallyport adds")
	for _, other := range []string{"direct", "pgbouncer"} {
		s := r.Alone[other]
		fmt.Fprintf(out, "  %.3f (%.3f–%.3f) ms to %s\n", s.Median, s.Min, s.Max, other)
	}
	for _, name := range []string{"sallyport", "pgbouncer"} {
		fmt.Fprintf(out, "%d idle clients: %.1f KB resident each at %s\n", dbIdle, float64(r.Idle[name])/1024, name)
	}
	for _, note := range r.Notes {
		fmt.Fprintln(out, note)
	}
	return nil
}

func orNone(s *spread) string {
	if s == nil {
		return "–"
	}
	return s.String()
}
