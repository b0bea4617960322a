package wire

import (
	"strconv"
	"sync"
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
	watch := direct(t)
	ask(t, watch, "drop table if exists turns; create table turns(n serial, client int)") // PostgreSQL knows whom it served first
	holder := d.connect(t, "")
	ask(t, holder, "begin")
	var served sync.WaitGroup
	for i := range 5 {
		c := d.connect(t, "")
		served.Go(func() {
			if _, err := try(c, "insert into turns(client) values ("+strconv.Itoa(i)+")"); err != nil {
				t.Errorf("client %d: %v", i, err)
			}
		})
		until(t, "the client to wait", func() bool { return d.Snapshot().Pool.Waiting == i+1 })
	}
	ask(t, holder, "commit")
	served.Wait()
	wants(t, watch, "select string_agg(client::text, ' ' order by n) from turns", "0 1 2 3 4")
}

func TestADoorThatClosesTellsWhomIsStillBeingAnswered(t *testing.T) {
	d := open(t, nil)
	c := d.connect(t, "")
	ask(t, c, "select 1")
	x := d.running.Load()
	x.mu.Lock()
	s := x.keys[c.PID()]
	x.mu.Unlock()
	s.wmu.Lock() // as who writes its last answer does, when its server is back in the pool
	closed := make(chan error, 1)
	go func() { closed <- d.close() }()
	until(t, "the door to drain", x.stopping)
	x.dismiss(false)
	s.wmu.Unlock()
	if err := <-closed; err != nil {
		t.Error(err)
	}
	fails(t, c, "select 1", "57P01")
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
