package wire

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// held opens a door of one server connection that somebody has in a transaction, and returns what ends that.
func held(t *testing.T) (d *doorway, free func()) {
	d = open(t, onePool)
	holder := d.connect(t, "")
	ask(t, holder, "begin")
	return d, func() { ask(t, holder, "rollback") }
}

func (d *doorway) untilWaiting(t *testing.T, n int) {
	t.Helper()
	until(t, "clients to wait", func() bool { return d.Snapshot().Pool.Waiting == n })
}

func TestQueuedClientThatSendsMoreIsAnsweredInOrder(t *testing.T) {
	d, free := held(t)
	r := d.raw(t, "")
	r.say(&pgproto3.Query{String: "select 1"})
	d.untilWaiting(t, 1)
	r.say(&pgproto3.Query{String: "select 2 where false"}, parse("", "select 3"), bind(""), execute, sync_)
	free()
	r.wantHears(3, "T D C:SELECT 1 Z:I T C:SELECT 0 Z:I 1 2 D C:SELECT 1 Z:I")
}

func TestQueuedPreparedStatementRunsOnTheServerThatCame(t *testing.T) {
	d, free := held(t)
	r := d.raw(t, "")
	r.say(parse("s", "select 1"), bind("s"), execute, sync_)
	d.untilWaiting(t, 1)
	free()
	r.wantHears(1, "1 2 D C:SELECT 1 Z:I")
	other := d.connect(t, "")
	ask(t, other, "begin")
	r.say(bind("s"), execute, sync_)
	d.untilWaiting(t, 1)
	ask(t, other, "rollback")
	r.wantHears(1, "2 D C:SELECT 1 Z:I")
	if m := d.guard.Snapshot().Metrics; m.TotalQueries != 6 {
		t.Errorf("counted %d queries, want 6", m.TotalQueries)
	}
}

func TestQueuedClientThatLeavesMakesRoomAtOnce(t *testing.T) {
	d, free := held(t)
	c := d.connect(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan struct{})
	go func() {
		_, _ = c.Exec(ctx, "select 'never'").ReadAll()
		close(gone)
	}()
	d.untilWaiting(t, 1)
	cancel()
	<-gone
	d.untilWaiting(t, 0)
	free()
	wants(t, d.connect(t, ""), "select 1", "1")
	if m := d.guard.Snapshot().Metrics; m.TotalQueries != 4 {
		t.Errorf("counted %d queries, want 4: begin, the one that left, rollback, and the last", m.TotalQueries)
	}
}

func TestQueuedClientWithSettingsOfItsOwnKeepsThem(t *testing.T) {
	d := open(t, onePool)
	c, holder := d.connect(t, "application_name=mine&search_path=pg_catalog"), d.connect(t, "")
	ask(t, holder, "begin")
	got := make(chan string)
	go func() {
		first, err := try(c, "show search_path")
		if err != nil {
			first = err.Error()
		}
		got <- first
	}()
	d.untilWaiting(t, 1)
	ask(t, holder, "rollback")
	if first := <-got; first != "pg_catalog" {
		t.Errorf("search_path is %q, want pg_catalog", first)
	}
}

func TestQueuedLongMessageFollowsAShortOne(t *testing.T) {
	d, free := held(t)
	r := d.raw(t, "")
	long := make([]byte, 200_000)
	for i := range long {
		long[i] = 'y'
	}
	r.say(&pgproto3.Query{String: "select 1"})
	d.untilWaiting(t, 1)
	r.say(parse("", "select length($1::text)"), &pgproto3.Bind{Parameters: [][]byte{long}}, execute, sync_, &pgproto3.Query{String: "select 2"})
	free()
	r.wantHears(3, "T D C:SELECT 1 Z:I 1 2 D C:SELECT 1 Z:I T D C:SELECT 1 Z:I")
}
