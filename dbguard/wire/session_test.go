package wire

import (
	"context"
	"strconv"
	"testing"
	"time"
)

func sessionMode(s *setup) { s.settings.Pool.Mode = ModeSession }

func TestSessionModeIsLikeADirectConnection(t *testing.T) {
	d := open(t, sessionMode)
	c := d.connect(t, "application_name=mine&search_path=pg_catalog")
	pid := ask(t, c, "select pg_backend_pid()")
	if want := strconv.FormatUint(uint64(c.PID()), 10); pid != want {
		t.Errorf("the client was told pid %s, and is %s", want, pid)
	}
	wants(t, c, "show search_path", "pg_catalog")
	ask(t, c, "set search_path = public; create temp table kept(a int); prepare p as select 7")
	wants(t, c, "execute p", "7")
	wants(t, c, "select pg_backend_pid()", pid)
	ask(t, c, "reset search_path")
	wants(t, c, "show search_path", "pg_catalog")
	if _, err := c.Prepare(t.Context(), "named", "select 8", nil); err != nil {
		t.Fatal(err)
	}
	wants(t, c, "select count(*) from pg_prepared_statements where name='named'", "1")
	_ = c.Close(t.Context())
	d.untilLost(t)
}

func TestSessionModeTellsAnIdleClientOfItsKilledBackend(t *testing.T) {
	d := open(t, sessionMode)
	c := d.pgx(t, "")
	if _, err := c.Exec(t.Context(), "listen nothing"); err != nil {
		t.Fatal(err)
	}
	heard := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err := c.WaitForNotification(ctx)
		heard <- err
	}()
	ask(t, direct(t), "select pg_terminate_backend(pid) from pg_stat_activity where query='listen nothing'")
	if err := <-heard; codeOf(err) != "57P01" {
		t.Errorf("got %v, want 57P01", err)
	}
}

func TestSessionModeQueuesAndStopsWhatAClientLeaves(t *testing.T) {
	d := open(t, func(s *setup) { sessionMode(s); s.settings.Pool.Max, s.settings.Pool.Wait = 1, 300*time.Millisecond })
	c := d.connect(t, "")
	if _, err := tryConnect(d.url("")); codeOf(err) != "53300" {
		t.Errorf("second of one: got %v, want 53300", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, _ = c.Exec(ctx, "select pg_sleep(60) /*session*/").ReadAll()
	until(t, "the next client to get in", func() bool { _, err := tryConnect(d.url("")); return err == nil })
	until(t, "the sleeping backend to be gone", func() bool { return backends(t, direct(t), "query like '%/*session*/' and state='active'") == "0" })
}
