//go:build prove

package wire

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

func TestProveStormOfKilledClientsLeavesNothing(t *testing.T) {
	stormLeavesNothing(t, 3000, 50)
}

func TestProveRushOfConnectionsLeavesNothing(t *testing.T) {
	rushLeavesNothing(t, 1000, 10*time.Second)
}

// outcome is how a client's transfers ended, and what each may have left.
type outcome struct {
	mu                 sync.Mutex // guards the fields below
	committed, unknown map[string]bool
	codes              map[string]int
}

func (o *outcome) note(key, at string, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case err == nil:
		o.committed[key] = true
	case at == "commit":
		o.unknown[key] = true
	}
	if err != nil {
		o.codes[at+" "+codeOf(err)]++
	}
}

// Each transfer is one transaction of an insert and an update, so that one run twice or in half shows in the counts.
func TestProveKillsUnderLoadLoseAndRepeatNothing(t *testing.T) {
	const clients, kills = 32, 10
	pg := ownServer(t)
	d := open(t, func(s *setup) {
		s.upstream, s.guard.Breaker.OpenFor = pg.URL("postgres"), time.Second
	})
	ask(t, connect(t, pg.URL("postgres")), fmt.Sprintf(`create table transfers(id text); create table totals(client int primary key, n int);
		insert into totals select i, 0 from generate_series(0,%d) i`, clients-1))
	conns := make([]*pgconn.PgConn, clients)
	for i := range conns {
		conns[i] = d.connect(t, "")
	}
	o := outcome{committed: map[string]bool{}, unknown: map[string]bool{}, codes: map[string]int{}}
	var over atomic.Bool
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		all(clients, func(i int) {
			for n := 0; !over.Load(); n++ {
				transfer(conns[i], &o, i, n)
			}
		})
	}()
	var back []time.Duration
	for range kills {
		<-time.After(300*time.Millisecond + rand.N(400*time.Millisecond))
		pg.Kill()
		began := time.Now()
		until(t, "PostgreSQL to be back", func() bool { return pg.Restart(t.Context()) == nil })
		until(t, "the door to serve", func() bool {
			return d.guard.Snapshot().Metrics.CircuitBreakerStatus == "closed" && d.Snapshot().Pool.Active > 0
		})
		back = append(back, time.Since(began))
	}
	<-time.After(time.Second)
	over.Store(true)
	<-ended
	for i, c := range conns {
		until(t, "client "+strconv.Itoa(i)+" to work on", func() bool { got, err := try(c, "select 7"); return err == nil && got == "7" })
	}
	report(t, "serving again after kill -9", back, 10*time.Second)
	o.check(t, connect(t, pg.URL("postgres")))
}

func transfer(c *pgconn.PgConn, o *outcome, i, n int) {
	key := fmt.Sprintf("%d-%d", i, n)
	for at, sql := range []string{"begin", "insert into transfers values ('" + key + "')", "update totals set n = n + 1 where client = " + strconv.Itoa(i), "commit"} {
		_, err := try(c, sql)
		if err != nil || at == 3 {
			o.note(key, []string{"begin", "insert", "update", "commit"}[at], err)
		}
		if err != nil {
			_, _ = try(c, "rollback")
			return
		}
	}
}

// check compares what the database holds with what clients were told.
func (o *outcome) check(t *testing.T, c *pgconn.PgConn) {
	t.Helper()
	results, err := c.Exec(t.Context(), "select id from transfers").ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]int{}
	for _, row := range results[0].Rows {
		rows[string(row[0])]++
	}
	lost, twice, invented, kept := 0, 0, 0, 0
	for key := range o.committed {
		if rows[key] == 0 {
			lost++
		}
	}
	for key, n := range rows {
		switch {
		case n > 1:
			twice++
		case o.unknown[key]:
			kept++
		case !o.committed[key]:
			invented++
		}
	}
	t.Logf("%d commits acknowledged, %d of unknown outcome of which %d held; errors %v", len(o.committed), len(o.unknown), kept, o.codes)
	if lost+twice+invented > 0 || len(o.committed) == 0 {
		t.Errorf("%d acknowledged commits lost, %d rows twice, %d rows of transactions that failed, want 0 of each", lost, twice, invented)
	}
	wants(t, c, "select sum(n) = (select count(*) from transfers) from totals", "t")
	for code := range o.codes {
		if _, state, _ := strings.Cut(code, " "); !strings.HasPrefix(state, "08") && !strings.HasPrefix(state, "57P") && state != "25P02" {
			t.Errorf("errors are %v, want 08xxx, 57Pxx, and 25P02 after one of them", o.codes)
		}
	}
}
