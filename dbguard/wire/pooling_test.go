package wire

import (
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

func TestNeverMoreServersThanThePoolMay(t *testing.T) {
	const clients, each = 200, 20
	d := open(t, func(s *setup) { s.settings.Pool.Wait = 30 * time.Second })
	watch := direct(t)
	ask(t, watch, "drop table if exists counted; create table counted(n int)")
	conns := make([]*pgconn.PgConn, clients)
	for i := range conns {
		conns[i] = d.connect(t, "application_name=crowd")
	}
	var failed atomic.Int32
	done := make(chan struct{})
	go func() {
		defer close(done)
		all(clients, func(i int) {
			for range each {
				for _, sql := range []string{"begin", "insert into counted values (" + strconv.Itoa(i) + ")", "commit"} {
					if _, err := try(conns[i], sql); err != nil {
						failed.Add(1)
					}
				}
			}
		})
	}()
	most := 0
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
			n, _ := strconv.Atoi(backends(t, watch, "application_name in ('crowd','')"))
			most = max(most, n)
		}
	}
	if failed.Load() != 0 {
		t.Errorf("%d statements failed, want 0", failed.Load())
	}
	if most > 10 || most == 0 {
		t.Errorf("saw %d backends at once, want 1 to 10", most)
	}
	wants(t, watch, "select count(*) from counted", strconv.Itoa(clients*each))
	if got, want := d.guard.Snapshot().Metrics.TotalQueries, uint64(3*clients*each); got != want {
		t.Errorf("counted %d queries, want %d", got, want)
	}
}

func TestTheQueueIsFirstInFirstOut(t *testing.T) {
	d := open(t, onePool)
	holder := d.connect(t, "")
	ask(t, holder, "begin")
	order := make(chan int, 5)
	for i := range 5 {
		c := d.connect(t, "")
		go func() {
			if _, err := try(c, "select 1"); err == nil {
				order <- i
			}
		}()
		until(t, "the client to wait", func() bool { return d.Snapshot().Pool.Waiting == i+1 })
	}
	ask(t, holder, "commit")
	for i := range 5 {
		if got := <-order; got != i {
			t.Errorf("served client %d, want %d", got, i)
		}
	}
}

func TestOldAndIdleServersAreClosed(t *testing.T) {
	var ahead atomic.Int64
	d := open(t, func(s *setup) {
		s.settings.Pool.Max, s.settings.Pool.Lifetime = 1, time.Hour
		s.now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	c := d.connect(t, "")
	first := ask(t, c, "select pg_backend_pid()")
	ahead.Store(int64(2 * time.Minute))
	wants(t, c, "select pg_backend_pid()", first)
	ahead.Store(int64(8 * time.Minute))
	until(t, "the idle connection to be closed", func() bool { p := d.Snapshot().Pool; return p.Idle+p.Active == 0 })
	second := ask(t, c, "select pg_backend_pid()")
	if second == first {
		t.Error("the connection idle for longer than pool.idle is still used")
	}
	ahead.Store(int64(8*time.Minute + 59*time.Minute))
	ask(t, c, "begin")
	ahead.Store(int64(8*time.Minute + 61*time.Minute))
	ask(t, c, "commit")
	until(t, "the old connection to be closed", func() bool { p := d.Snapshot().Pool; return p.Idle+p.Active == 0 })
	if third := ask(t, c, "select pg_backend_pid()"); third == second {
		t.Error("the connection older than pool.lifetime is still used")
	}
}
