package wire

import (
	"context"
	"encoding/binary"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// sendCancel sends a CancelRequest to the door and waits until it is through.
func (d *doorway) sendCancel(t testing.TB, pid uint32, secret []byte) {
	t.Helper()
	conn, err := net.Dial("tcp", d.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	b := binary.BigEndian.AppendUint32(nil, uint32(12+len(secret)))
	b = binary.BigEndian.AppendUint32(b, cancelRequestCode)
	b = append(binary.BigEndian.AppendUint32(b, pid), secret...)
	if _, err := conn.Write(b); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	_, _ = conn.Read(make([]byte, 1))
}

func TestCancelEndsTheStatementAndOnlyThat(t *testing.T) {
	d := open(t, onePool)
	c, watch := d.connect(t, ""), direct(t)
	ended := make(chan error, 1)
	go func() { _, err := try(c, "select pg_sleep(30) /*to cancel*/"); ended <- err }()
	until(t, "it to run", func() bool { return backends(t, watch, "state='active' and query like '%/*to cancel*/'") == "1" })
	d.sendCancel(t, c.PID(), c.SecretKey())
	if err := <-ended; codeOf(err) != "57014" {
		t.Errorf("got %v, want 57014", err)
	}
	wants(t, c, "select 2", "2")
}

func TestLateCancelsHitNothing(t *testing.T) {
	d := open(t, onePool)
	a, b := d.connect(t, ""), d.connect(t, "")
	wrong := 0
	for range 400 {
		done := make(chan struct{})
		go func() {
			d.sendCancel(t, a.PID(), a.SecretKey())
			close(done)
		}()
		_, _ = try(a, "select 1") // it may be cancelled: the cancel is meant for it
		if _, err := try(b, "select 2"); err != nil {
			wrong++
		}
		<-done
	}
	if wrong != 0 {
		t.Errorf("%d of 400 cancels hit another client, want 0", wrong)
	}
}

func TestWrongCancelKeyDoesNothing(t *testing.T) {
	d := open(t, nil)
	r := d.raw(t, "")
	c := d.connect(t, "")
	secret := append([]byte(nil), c.SecretKey()...)
	secret[0]++
	r.say(&pgproto3.Query{String: "select pg_sleep(0.2)"})
	d.sendCancel(t, c.PID(), secret)
	d.sendCancel(t, c.PID()+1000, c.SecretKey())
	d.sendCancel(t, c.PID(), nil)
	r.wantHears(1, "T D C:SELECT 1 Z:I")
}

func TestQueuedClientIsCancelledAtOnce(t *testing.T) {
	d := open(t, onePool)
	a, b := d.connect(t, ""), d.connect(t, "")
	ask(t, a, "begin")
	got := make(chan error, 1)
	go func() { _, err := try(b, "select 1"); got <- err }()
	until(t, "b to wait", func() bool { return d.Snapshot().Pool.Waiting == 1 })
	began := time.Now()
	d.sendCancel(t, b.PID(), b.SecretKey())
	if err := <-got; codeOf(err) != "57014" {
		t.Errorf("got %v, want 57014", err)
	}
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("the cancel took %s", took)
	}
	ask(t, a, "commit")
	wants(t, b, "select 1", "1")
}

func TestWhatAClientLeavesBehindIsStopped(t *testing.T) {
	d := open(t, onePool)
	watch := direct(t)
	for name, begin := range map[string][]pgproto3.FrontendMessage{
		"query":            {&pgproto3.Query{String: "select pg_sleep(60) /*left*/"}},
		"transaction":      {&pgproto3.Query{String: "begin; select 1 /*left*/"}},
		"in a transaction": {&pgproto3.Query{String: "begin"}, &pgproto3.Query{String: "select pg_sleep(60) /*left*/"}},
		"pipeline":         {parse("", "select pg_sleep(60) /*left*/"), bind(""), execute, &pgproto3.Flush{}},
		"half a pipeline":  {parse("", "select 1 /*left*/"), bind(""), &pgproto3.Flush{}},
		"copy":             {&pgproto3.Query{String: "copy copied from stdin /*left*/"}, &pgproto3.CopyData{Data: []byte("1\n")}},
		"big answer":       {&pgproto3.Query{String: "select repeat('x',1000) from generate_series(1,1000000) /*left*/"}},
		"temporary table":  {&pgproto3.Query{String: "create temp table lefty(a int)"}},
		"many queries": {
			&pgproto3.Query{String: "select pg_sleep(60) /*left*/"}, &pgproto3.Query{String: "select pg_sleep(61) /*left*/"}, &pgproto3.Query{String: "select pg_sleep(62) /*left*/"},
		},
		"copy after another": {
			&pgproto3.Query{String: "create temp table lefty(a int); select pg_sleep(60) /*left*/"}, &pgproto3.Query{String: "copy copied from stdin /*left*/"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			ask(t, watch, "create table if not exists copied(a int)")
			r := d.raw(t, "")
			r.say(begin...)
			until(t, "it to run", func() bool { return d.Snapshot().Pool.Active == 1 })
			time.Sleep(20 * time.Millisecond)
			r.conn.Close()
			d.untilFree(t)
			until(t, "its backend to end", func() bool { return backends(t, watch, "query like '%left*/' and state<>'idle'") == "0" })
			wants(t, d.connect(t, ""), "select 5", "5")
		})
	}
}

func TestCancelReachesAServerThatIsBehindADial(t *testing.T) {
	dialed := make(chan string, 10)
	d := open(t, func(s *setup) {
		s.settings.Pool.Max = 1
		s.dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			dialed <- addr
			return new(net.Dialer).DialContext(ctx, network, addr)
		}
	})
	c := d.connect(t, "")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := c.Exec(ctx, "select pg_sleep(30)").ReadAll()
	if err == nil {
		t.Error("a query whose context ended succeeded")
	}
	d.untilFree(t)
	if len(dialed) < 2 {
		t.Errorf("dialled %d times, want the connection and at least one cancel", len(dialed))
	}
}

func TestQueuedClientThatLeavesGivesUpItsPlace(t *testing.T) {
	ask(t, direct(t), "drop table if exists abandoned; create table abandoned(a int)")
	for name, size := range map[string]int{"short": 0, "as long as the buffer": smallBuffer - headerSize - 1, "long": 40_000} {
		t.Run(name, func(t *testing.T) {
			d := open(t, onePool)
			holder, r := d.connect(t, ""), d.raw(t, "")
			ask(t, holder, "begin")
			sql := "insert into abandoned values (1)"
			r.say(&pgproto3.Query{String: sql + strings.Repeat(" ", max(0, size-len(sql)))}, &pgproto3.Query{String: sql}, &pgproto3.Terminate{})
			until(t, "the client to wait", func() bool { return d.Snapshot().Pool.Waiting == 1 })
			r.conn.Close()
			until(t, "the queue to be empty", func() bool { return d.Snapshot().Pool.Waiting == 0 && len(d.Snapshot().Clients) == 1 })
			ask(t, holder, "commit")
			wants(t, holder, "select count(*) from abandoned", "0")
		})
	}
}

func TestQueuedClientMaySendAhead(t *testing.T) {
	d := open(t, onePool)
	holder, r := d.connect(t, ""), d.raw(t, "")
	ask(t, holder, "begin")
	r.say(&pgproto3.Query{String: "select 1"})
	until(t, "the client to wait", func() bool { return d.Snapshot().Pool.Waiting == 1 })
	for range 300 { // more than is read ahead
		r.say(parse("", "select '"+strings.Repeat("x", 300)+"'"), bind(""), execute, sync_)
	}
	ask(t, holder, "select pg_sleep(0.1)") // long enough to be read ahead
	ask(t, holder, "commit")
	r.wantHears(1, "T D C:SELECT 1 Z:I")
	for range 300 {
		r.wantHears(1, "1 2 D C:SELECT 1 Z:I")
	}
}
