package wire

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/goleak"

	"sallyport/dbguard"
	"sallyport/dbguard/localpg"
	"sallyport/dbguard/screen"
)

// server is the PostgreSQL that all tests of this package share.
var server *localpg.Server

const appPassword = "correct horse"

func TestMain(m *testing.M) {
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var err error
	server, err = localpg.Start(ctx, localpg.Options{Settings: map[string]string{"max_connections": "120"}})
	if err != nil {
		fmt.Fprintln(os.Stderr, "start PostgreSQL:", err)
		return 1
	}
	defer server.Stop()
	already := goleak.IgnoreCurrent()
	code := m.Run()
	if err := goleak.Find(already); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// setup is what a test may change before its door opens.
type setup struct {
	settings Settings
	guard    dbguard.Settings
	rules    []screen.Rule
	dial     func(ctx context.Context, network, addr string) (net.Conn, error)
	now      func() time.Time
	upstream string
	// checkEvery is how often the database's health is looked at; never by default.
	checkEvery time.Duration
}

// doorway is an open door.
type doorway struct {
	*Door
	addr  string
	guard *dbguard.Guard
	close func() error
}

// open runs a door in front of the shared server, and closes it when the test ends.
func open(t testing.TB, change func(*setup)) *doorway {
	t.Helper()
	dir := t.TempDir()
	s := setup{settings: Defaults(), guard: dbguard.Defaults(), upstream: server.URL("postgres")}
	s.guard.Screen, s.guard.CrossDoor = dbguard.Observe, dbguard.Off
	s.settings.Clients.Drain = 2 * time.Second
	s.settings.Users = []User{{Name: "app", PasswordFile: filepath.Join(dir, "app"), Admin: true}}
	s.settings.UpstreamFile = filepath.Join(dir, "upstream")
	if change != nil {
		change(&s)
	}
	write(t, filepath.Join(dir, "app"), appPassword+"\n")
	write(t, filepath.Join(dir, "upstream"), s.upstream)
	guard, err := dbguard.New(dbguard.Parts{Settings: s.guard, Rules: s.rules})
	if err != nil {
		t.Fatal(err)
	}
	guard.Warm() // past learning
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &doorway{Door: &Door{Settings: s.settings, Guard: guard, Dial: s.dial, Now: s.now, CheckEvery: s.checkEvery}, addr: ln.Addr().String(), guard: guard}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx, ln) }()
	closed := false
	d.close = func() error {
		if closed {
			return nil
		}
		closed = true
		stop()
		select {
		case err := <-ended:
			return err
		case <-time.After(20 * time.Second):
			return fmt.Errorf("the door did not end within 20 s")
		}
	}
	t.Cleanup(func() {
		if err := d.close(); err != nil {
			t.Errorf("door ended with %v, want nil", err)
		}
	})
	return d
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// url is a connection string for the door; more are further parameters, "a=b&c=d".
func (d *doorway) url(more string) string {
	return "postgres://app:correct%20horse@" + d.addr + "/postgres?sslmode=disable&" + more
}

// connect logs in at the door.
func (d *doorway) connect(t testing.TB, more string) *pgconn.PgConn {
	t.Helper()
	return connect(t, d.url(more))
}

func connect(t testing.TB, url string) *pgconn.PgConn {
	t.Helper()
	c, err := pgconn.Connect(t.Context(), url)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = c.Close(ctx)
	})
	return c
}

// ask runs sql by the simple protocol and returns the first column of the last row.
func ask(t testing.TB, c *pgconn.PgConn, sql string) string {
	t.Helper()
	got, err := try(c, sql)
	if err != nil {
		t.Fatalf("%s: %v", short(sql), err)
	}
	return got
}

func try(c *pgconn.PgConn, sql string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	results, err := c.Exec(ctx, sql).ReadAll()
	last := ""
	for _, r := range results {
		for _, row := range r.Rows {
			if len(row) > 0 {
				last = string(row[0])
			}
		}
	}
	return last, err
}

func short(sql string) string {
	if len(sql) > 80 {
		return sql[:80] + "…"
	}
	return sql
}

// codeOf is the SQLSTATE of err, "" where it has none.
func codeOf(err error) string {
	var pg *pgconn.PgError
	if ok := asPg(err, &pg); ok {
		return pg.Code
	}
	return ""
}

func tryConnect(url string) (*pgconn.PgConn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	c, err := pgconn.Connect(ctx, url)
	if err == nil {
		_ = c.Close(ctx)
	}
	return c, err
}
