//go:build prove

package wire

import (
	"context"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// endings are what clients are at when something ends them: the statement, the client, or the server under it.
var endings = []string{
	"select 1", "select pg_sleep(0.01)", "begin; select pg_sleep(0.01)", "listen ended", "create temp table ended(a int)", "select 1/0",
	"select repeat('x', 1000) from generate_series(1, 3000)", "copy (select generate_series(1, 20000)) to stdout", "set work_mem = '5MB'",
	"select pg_advisory_lock_shared(9)", "begin; declare c cursor with hold for select 1; commit",
}

// Whatever ends, and at whichever moment: no client waits for ever, none hears another's answer, and nothing is left behind.
func TestProveManyEndsAtOnceLeaveNothing(t *testing.T) {
	certs, _ := certificate(t)
	overTLS := func(s *setup) { s.settings.TLS = certs }
	for name, change := range map[string]func(*setup){"transactions": func(*setup) {}, "sessions": sessionMode, "TLS": overTLS} {
		t.Run(name, func(t *testing.T) {
			manyEnds(t, open(t, func(s *setup) {
				s.settings.Pool.Max, s.settings.Pool.Pins, s.settings.Pool.Wait = 4, 3, 300*time.Millisecond
				s.guard.Breaker.OpenFor = time.Second
				change(s)
			}))
		})
	}
}

func manyEnds(t *testing.T, d *doorway) {
	t.Helper()
	watch := direct(t)
	_ = d.connect(t, "").Close(t.Context())
	until(t, "the door to be empty", func() bool { return len(d.Snapshot().Clients) == 0 })
	before := residueNow(t)
	var over atomic.Bool
	killer := make(chan struct{})
	go func() {
		defer close(killer)
		for !over.Load() {
			_, _ = try(watch, "select pg_terminate_backend(pid) from pg_stat_activity where pid<>pg_backend_pid() and backend_type='client backend' and random()<0.1")
			time.Sleep(rand.N(20 * time.Millisecond))
		}
	}()
	all(12, func(int) {
		for range 10 {
			d.begunAndEnded(t)
		}
	})
	over.Store(true)
	<-killer
	d.wantNothingLeft(t, before)
	until(t, "a client to be served", func() bool { got, err := tryOnce(d, "select 5"); return err == nil && got == "5" })
}

// begunAndEnded has a client run something, by chance cancelled or broken off, and then tell itself apart from all others.
func (d *doorway) begunAndEnded(t *testing.T) {
	c, err := pgconn.Connect(context.Background(), d.urlOfEnds())
	if err != nil {
		return
	}
	defer func() {
		_ = c.Close(context.Background())
		<-c.CleanupDone() // over TLS, pgx keeps a connection whose write broke off for 15 s
	}()
	var cancels sync.WaitGroup
	defer cancels.Wait()
	for range 4 {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		switch rand.N(4) {
		case 0:
			cancels.Go(func() { time.Sleep(rand.N(8 * time.Millisecond)); _ = c.CancelRequest(context.Background()) })
		case 1:
			time.AfterFunc(rand.N(8*time.Millisecond), cancel) // closes the connection
		}
		_, err := c.Exec(ctx, endings[rand.N(len(endings))]).ReadAll()
		if ctx.Err() == context.DeadlineExceeded {
			t.Errorf("a client waits for ever: %v", err)
		}
		cancel()
		mine := strconv.FormatUint(rand.Uint64(), 36)
		if got, err := try(c, "select '"+mine+"'"); err == nil && !strings.Contains(got, mine) {
			t.Errorf("got %q, want %q", got, mine)
		}
		if c.IsClosed() {
			return
		}
	}
}

// urlOfEnds is over TLS where the door offers it.
func (d *doorway) urlOfEnds() string {
	if d.Settings.TLS.CertFile == "" {
		return d.url("")
	}
	return strings.Replace(d.url(""), "sslmode=disable", "sslmode=require", 1)
}

func tryOnce(d *doorway, sql string) (string, error) {
	c, err := pgconn.Connect(context.Background(), d.urlOfEnds())
	if err != nil {
		return "", err
	}
	defer c.Close(context.Background())
	return try(c, sql)
}
