package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"sallyport/config"
	"sallyport/dbguard"
	"sallyport/dbguard/localpg"
)

// patient is how long one demo may take on a busy machine; it takes two seconds on an idle one.
const patient = 4 * time.Minute

// demoRoom gives the demo's temporary folders a parent that the database's account may enter, and returns it.
func demoRoom(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "demo-test-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	t.Setenv("TMPDIR", dir)
	return dir
}

// empty checks that the demo left nothing in dir.
func empty(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left in the folder: %v, %v; want nothing", left, err)
	}
}

// noPostgres is a machine without PostgreSQL.
func noPostgres(context.Context, localpg.Options) (*localpg.Server, error) {
	return nil, localpg.ErrNoBinaries
}

// playDemo runs the demo once with o and returns its report and what it said beside.
func playDemo(t *testing.T, o demoOptions) (demoReport, string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	var out, beside bytes.Buffer
	p := newProgram(&out, &beside)
	p.json, o.once = true, true
	if o.private == nil {
		o.private = localpg.Start
	}
	err := p.demo(ctx, o)
	var r demoReport
	if out.Len() > 0 {
		if bad := json.Unmarshal(out.Bytes(), &r); bad != nil {
			t.Fatalf("answer %q: %v", out.String(), bad)
		}
	}
	return r, beside.String(), err
}

func TestDemoStopsFourAttacksAndServesEveryHonestRequest(t *testing.T) {
	dir := demoRoom(t)
	before := goleak.IgnoreCurrent()
	var out, beside bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	if code := run(ctx, []string{"demo", "--once", "--json"}, &out, &beside); code != codeGood {
		t.Errorf("exit code %d, want 0; %s", code, beside.String())
	}
	var r struct {
		Schema string `json:"schema"`
		demoReport
	}
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("%q: %v", out.String(), err)
	}
	if r.Schema != "sallyport.demo/1" || r.Attacks != 4 || r.Stopped != 4 || r.ReachedData != 0 {
		t.Errorf("got %s, %d attacks, %d stopped, %d reached data; want sallyport.demo/1, 4, 4, 0\n%s", r.Schema, r.Attacks, r.Stopped, r.ReachedData, out.String())
	}
	if want := honestVisitors * honestRounds * 5; r.Legitimate != want || r.LegitimateRefused != 0 {
		t.Errorf("got %d honest requests, %d refused; want %d, 0", r.Legitimate, r.LegitimateRefused, want)
	}
	empty(t, dir)
	http.DefaultClient.CloseIdleConnections()
	goleak.VerifyNone(t, before)
}

func TestDemoCountsWhatIsNotStopped(t *testing.T) {
	demoRoom(t)
	r, _, err := playDemo(t, demoOptions{change: func(c *config.Config) {
		c.Database.Guard.Screen, c.Database.Guard.CrossDoor = dbguard.Observe, dbguard.Observe
		c.HTTP.Door.RateLimit.Requests, c.HTTP.Door.BodyMax = 0, 1<<30
	}})
	var end *ending
	if !errors.As(err, &end) || end.code != codeFailed {
		t.Errorf("got %v, want exit code 1", err)
	}
	if r.Stopped != 0 || r.ReachedData != 4 {
		t.Errorf("doors wide open: got %d stopped, %d reached data; want 0, 4: %+v", r.Stopped, r.ReachedData, r.Played)
	}
}

func TestDemoWithoutPostgresShowsTheHTTPDoorAndSaysHowToGetIt(t *testing.T) {
	dir := demoRoom(t)
	r, beside, err := playDemo(t, demoOptions{private: noPostgres})
	if err != nil || r.Attacks != 3 || r.Stopped != 3 || r.Database != "none" || r.LegitimateRefused != 0 {
		t.Errorf("got %+v, %v; want 3 of 3 stopped, no database", r, err)
	}
	if !strings.Contains(beside, "--db") || !strings.Contains(beside, localpg.HowToGet()) {
		t.Errorf("said %q, want it to name --db and how to get PostgreSQL", beside)
	}
	empty(t, dir)
}

func TestDemoUsesAGivenDatabaseAndLeavesItAsItWas(t *testing.T) {
	demoRoom(t)
	pg, err := localpg.Start(context.Background(), localpg.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pg.Stop() }()
	r, _, err := playDemo(t, demoOptions{url: pg.URL("postgres"), private: noPostgres})
	if err != nil || r.Stopped != 4 || !strings.HasPrefix(r.Database, "yours PostgreSQL") {
		t.Errorf("got %+v, %v; want four stopped before a database of yours", r, err)
	}
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, pg.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	var left int
	if err := conn.QueryRow(ctx, "select count(*) from pg_namespace where nspname like 'sallyport_demo%'").Scan(&left); err != nil || left != 0 {
		t.Errorf("got %d schemas left, %v; want 0", left, err)
	}
}

func TestDemoStaysUntilItIsInterrupted(t *testing.T) {
	dir := demoRoom(t)
	before := goleak.IgnoreCurrent()
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	said, pipe := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"demo"}, io.Discard, pipe)
		_ = pipe.Close()
	}()
	var text strings.Builder
	door := ""
	for buf := make([]byte, 4096); door == ""; {
		n, err := said.Read(buf)
		if err != nil {
			t.Fatalf("ended after %q: %v", text.String(), err)
		}
		text.Write(buf[:n])
		_, after, found := strings.Cut(text.String(), "HTTP door      ")
		if url, _, whole := strings.Cut(after, "/ "); found && whole {
			door = url
		}
	}
	go func() { _, _ = io.Copy(io.Discard, said) }()
	v := newVisitor(door, "198.51.100.99")
	r, err := v.get(ctx, "/search?q=kettle", nil)
	v.leave()
	if err != nil || r.status != http.StatusOK || !strings.Contains(r.body, "Blue kettle") {
		t.Errorf("search through the door: got %d %q, %v; want the kettles", r.status, r.body, err)
	}
	cancel()
	if got := <-code; got != codeGood {
		t.Errorf("exit code %d, want 0", got)
	}
	empty(t, dir)
	http.DefaultClient.CloseIdleConnections()
	goleak.VerifyNone(t, before)
}

func TestDemoLeavesNothingWhenItIsInterruptedAtAnyMoment(t *testing.T) {
	dir := demoRoom(t)
	before := goleak.IgnoreCurrent()
	for _, after := range []time.Duration{0, 100, 500, 800, 1100} {
		ctx, cancel := context.WithTimeout(context.Background(), after*time.Millisecond)
		run(ctx, []string{"demo", "--once"}, io.Discard, io.Discard)
		cancel()
		empty(t, dir)
	}
	http.DefaultClient.CloseIdleConnections()
	goleak.VerifyNone(t, before)
}
