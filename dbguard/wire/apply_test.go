package wire

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

func TestALargerPoolServesWhoWaitsAtOnceAndASmallerOneClosesWhatIsIdle(t *testing.T) {
	d := open(t, func(s *setup) {
		onePool(s)
		s.settings.Pool.Wait = 30 * time.Second
	})
	holder, waiter := d.connect(t, "application_name=applied"), d.connect(t, "application_name=applied")
	ask(t, holder, "begin")
	served := make(chan error, 1)
	go func() { _, err := try(waiter, "select 1"); served <- err }()
	eventuallyWaiting(t, d, 1)
	s := d.Settings
	s.Pool.Max = 3
	if err := d.Apply(s); err != nil {
		t.Fatal(err)
	}
	if err := <-served; err != nil {
		t.Errorf("who waited got %v, want its answer from a second connection", err)
	}
	if got := d.Snapshot().Pool; got.Max != 3 {
		t.Errorf("pool.max is %d, want 3", got.Max)
	}
	ask(t, holder, "commit")
	s.Pool.Max = 1
	if err := d.Apply(s); err != nil {
		t.Fatal(err)
	}
	for until := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		p := d.Snapshot().Pool
		if p.Active+p.Idle <= 1 {
			break
		}
		if time.Now().After(until) {
			t.Fatalf("the pool still has %d connections, want 1", p.Active+p.Idle)
		}
	}
	ask(t, waiter, "select 1")
	ask(t, holder, "select 1")
}

// eventuallyWaiting waits until n clients wait for a connection.
func eventuallyWaiting(t *testing.T, d *doorway, n int) {
	t.Helper()
	for until := time.Now().Add(10 * time.Second); d.Snapshot().Pool.Waiting != n; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("%d clients wait, want %d", d.Snapshot().Pool.Waiting, n)
		}
	}
}

func TestUsersChangeWithoutARestartAndWhoIsInsideStays(t *testing.T) {
	d := open(t, nil)
	inside := d.connect(t, "")
	file := filepath.Join(t.TempDir(), "other")
	write(t, file, "another password\n")
	s := d.Settings
	s.Users = []User{{Name: "other", PasswordFile: file}}
	if err := d.Apply(s); err != nil {
		t.Fatal(err)
	}
	if conn, err := pgconn.Connect(t.Context(), d.url("")); err == nil || !strings.Contains(err.Error(), "28P01") {
		if err == nil {
			_ = conn.Close(t.Context())
		}
		t.Errorf("the user that is gone gets %v, want 28P01", err)
	}
	conn, err := pgconn.Connect(t.Context(), "postgres://other:another%20password@"+d.addr+"/postgres?sslmode=disable")
	if err != nil {
		t.Fatalf("the new user gets %v", err)
	}
	_ = conn.Close(t.Context())
	ask(t, inside, "select 1")
	s.Users[0].PasswordFile = file + "-missing"
	if err := d.Apply(s); err == nil {
		t.Error("a user without a readable secret is taken")
	}
	if conn, err = pgconn.Connect(t.Context(), "postgres://other:another%20password@"+d.addr+"/postgres?sslmode=disable"); err != nil {
		t.Errorf("after refused settings the user before gets %v, want to be let in", err)
	} else {
		_ = conn.Close(t.Context())
	}
}
