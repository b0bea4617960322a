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
	"path/filepath"
	"time"
)

// httpPlan is what one comparison of HTTP doors does.
type httpPlan struct {
	binary  string
	pairs   int
	seconds int
	conns   int
	size    int
	json    bool
}

// httpCommand compares our HTTP door with the peers that are in PATH.
func httpCommand(ctx context.Context, args []string, out io.Writer) error {
	var p httpPlan
	flags := flag.NewFlagSet("http", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&p.binary, "binary", "", "sallyport binary; empty builds it from ./cmd/sallyport")
	flags.IntVar(&p.pairs, "pairs", 5, "interleaved rounds")
	flags.IntVar(&p.seconds, "seconds", 3, "seconds a run")
	flags.IntVar(&p.conns, "conns", 64, "client connections")
	flags.IntVar(&p.size, "size", 200, "bytes of the answer's body")
	flags.BoolVar(&p.json, "json", false, "print JSON")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if _, err := exec.LookPath("wrk"); err != nil {
		return errors.New("http: wrk, which makes the load, is not in PATH")
	}
	dir, err := os.MkdirTemp("", "sallyport-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // nginx's workers are another user
		return err
	}
	report, err := p.compare(ctx, dir)
	if err != nil {
		return fmt.Errorf("http: %w", err)
	}
	if p.json {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		return enc.Encode(report)
	}
	return report.print(out)
}

// compare starts everything, measures in turns and returns the figures.
func (p httpPlan) compare(ctx context.Context, dir string) (*httpReport, error) {
	app, err := startStatic(p.size)
	if err != nil {
		return nil, err
	}
	defer app.close()
	if p.binary == "" {
		if p.binary, err = build(ctx, dir); err != nil {
			return nil, err
		}
	}
	doors, missing, err := p.open(ctx, dir, app.addr)
	defer func() {
		for _, d := range doors {
			d.stop()
		}
	}()
	if err != nil {
		return nil, err
	}
	report := &httpReport{Schema: "sallyport.bench-http/1", Missing: missing, Load: loadAverage(), Pairs: p.pairs, Seconds: p.seconds, Conns: p.conns, Size: p.size}
	for _, d := range doors {
		if err := d.verify(ctx, p.size); err != nil {
			return nil, fmt.Errorf("%s: %w", d.name, err)
		}
	}
	// A short run warms caches and connections; it is not counted.
	for _, d := range doors {
		if _, err := d.measure(ctx, p.conns, 1); err != nil {
			return nil, err
		}
	}
	runs := make([][]run1, len(doors))
	for range p.pairs {
		for i, d := range doors {
			one, err := d.measure(ctx, p.conns, p.seconds)
			if err != nil {
				return nil, err
			}
			runs[i] = append(runs[i], one)
		}
	}
	for i, d := range doors {
		wide, err := d.measure(ctx, 256, p.seconds)
		if err != nil {
			return nil, err
		}
		report.add(d, runs[i], runs[0], wide.rss)
	}
	return report, nil
}

// open starts the doors: nginx, against which all are compared, first; then ours, then the other peers.
func (p httpPlan) open(ctx context.Context, dir, app string) (doors []*httpDoor, missing []string, err error) {
	for _, kind := range httpKinds {
		binary := p.binary
		if kind.tool != "" {
			if binary, err = exec.LookPath(kind.tool); err != nil {
				missing = append(missing, kind.name)
				continue
			}
		}
		d, err := kind.start(ctx, binary, filepath.Join(dir, kind.name), app)
		if err != nil {
			return doors, missing, fmt.Errorf("%s: %w", kind.name, err)
		}
		doors = append(doors, d)
	}
	if len(doors) == 0 || doors[0].name != "nginx" {
		return doors, missing, errors.New("nginx, against which all are compared, is not in PATH")
	}
	return doors, missing, nil
}

// build makes the program of this checkout below dir and returns its path.
func build(ctx context.Context, dir string) (string, error) {
	binary, err := placeOfBinary(dir)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "build", "-tags=nomsgpack", "-ldflags=-s -w", "-trimpath", "-o", binary, "./cmd/sallyport")
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w: %s", err, text)
	}
	return binary, nil
}

// placeOfBinary returns where our program is built: in a folder of its own below dir, where no program has its folder
// by name, as ours has its own.
func placeOfBinary(dir string) (string, error) {
	own, err := os.MkdirTemp(dir, "build-")
	if err != nil {
		return "", err
	}
	return filepath.Join(own, "sallyport"), nil
}
