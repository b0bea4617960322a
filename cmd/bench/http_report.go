package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// httpReport is the result of a comparison; nginx is its first row and its measure.
type httpReport struct {
	Schema  string    `json:"schema"`
	Pairs   int       `json:"pairs"`
	Seconds int       `json:"seconds"`
	Conns   int       `json:"connections"`
	Size    int       `json:"bytes"`
	Load    string    `json:"loadAverage"`
	Rows    []httpRow `json:"rows"`
	Missing []string  `json:"missing"`
}

// httpRow is one door. Ratios are to nginx in the same round.
type httpRow struct {
	Name          string  `json:"name"`
	Version       string  `json:"version"`
	CPUPerRequest float64 `json:"cpuMicrosPerRequest"`
	CPU           spread  `json:"cpuRatio"`
	PerSecond     spread  `json:"throughputRatio"`
	P50           spread  `json:"p50Ratio"`
	P99           spread  `json:"p99Ratio"`
	RSS           int64   `json:"rssBytesAt256"`
}

// spread is a median between the least and the most.
type spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

func (s spread) String() string { return fmt.Sprintf("%.2f (%.2f–%.2f)", s.Median, s.Min, s.Max) }

func spreadOf(values []float64) spread {
	slices.Sort(values)
	return spread{Median: values[len(values)/2], Min: values[0], Max: values[len(values)-1]}
}

// add makes a row of d's runs; base are the runs of nginx in the same rounds.
func (r *httpReport) add(d *httpDoor, runs, base []run1, rss int64) {
	ratio := func(of func(run1) float64) spread {
		var all []float64
		for i := range runs {
			all = append(all, of(runs[i])/of(base[i]))
		}
		return spreadOf(all)
	}
	var cpu []float64
	for _, one := range runs {
		cpu = append(cpu, one.cpuPerRequest())
	}
	r.Rows = append(r.Rows, httpRow{
		Name: d.name, Version: d.version, CPUPerRequest: spreadOf(cpu).Median, RSS: rss,
		CPU:       ratio(run1.cpuPerRequest),
		PerSecond: ratio(func(o run1) float64 { return o.perSecond }),
		P50:       ratio(func(o run1) float64 { return float64(o.p50) }),
		P99:       ratio(func(o run1) float64 { return float64(o.p99) }),
	})
}

func (r *httpReport) print(out io.Writer) error {
	fmt.Fprintf(out, "%d interleaved rounds of %d s, %d connections, %d-byte answers, 22 request fields, load average before %s\n", r.Pairs, r.Seconds, r.Conns, r.Size, r.Load)
	fmt.Fprintln(out, "ratios are to nginx in the same round: median (least–most)")
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "door\tCPU µs/request\tCPU ×\trequests/s ×\tp50 ×\tp99 ×\tRSS MB at 256\tversion")
	for _, row := range r.Rows {
		fmt.Fprintf(w, "%s\t%.1f\t%v\t%v\t%v\t%v\t%.0f\t%s\n", row.Name, row.CPUPerRequest, row.CPU, row.PerSecond, row.P50, row.P99, float64(row.RSS)/(1<<20), row.Version)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, name := range r.Missing {
		fmt.Fprintf(out, "%s: missing, not compared\n", name)
	}
	return nil
}
