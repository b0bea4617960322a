package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"

	"sallyport/dbguard/localpg"
)

// dbDoor is a way to the database: a pooler that runs, or none.
type dbDoor struct {
	name, version, addr string
	// process is nil where clients talk to PostgreSQL itself.
	process *process
	// screens says that it must refuse an injection.
	screens bool
}

// dbDoors are all ways that are compared. session is PgBouncer with a server connection a client.
type dbDoors struct{ direct, pgbouncer, session, ours *dbDoor }

// open starts PgBouncer twice and us once in front of server.
func (p dbPlan) open(ctx context.Context, dir string, server *localpg.Server) (doors dbDoors, close func(), err error) {
	var running []*process
	close = func() {
		for _, r := range running {
			r.stop()
		}
	}
	start := func(k program, binary string, files map[string]string) (*dbDoor, error) {
		folder := filepath.Join(dir, k.name)
		for name, text := range files {
			if err := os.MkdirAll(folder, 0o755); err != nil {
				return nil, err
			}
			if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
				return nil, err
			}
		}
		r, err := k.start(ctx, binary, folder)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k.name, err)
		}
		running = append(running, r)
		return &dbDoor{name: k.name, version: r.version, addr: r.addr, process: r}, nil
	}
	port := strconv.Itoa(server.Port)
	doors.direct = &dbDoor{name: "direct", version: "PostgreSQL " + server.Version, addr: "127.0.0.1:" + port}
	binary, err := exec.LookPath("pgbouncer")
	if err != nil {
		return doors, close, errors.New("pgbouncer, against which all are compared, is not in PATH")
	}
	secret, err := prepareServer(ctx, server)
	if err != nil {
		return doors, close, err
	}
	users := map[string]string{"users": fmt.Sprintf("%q %q\n", dbUser, secret)}
	if doors.pgbouncer, err = start(pgbouncer(ctx, binary, "pgbouncer", "transaction", dbPool, port), binary, users); err != nil {
		return doors, close, err
	}
	if doors.session, err = start(pgbouncer(ctx, binary, "pgbouncer-session", "session", p.clients, port), binary, users); err != nil {
		return doors, close, err
	}
	second, err := freeAddr()
	if err != nil {
		return doors, close, err
	}
	ours := program{name: "sallyport", version: "version", arguments: []string{"run", "--config", "FILE"}, settings: ourDBSettings, fill: []string{"SECOND", second}}
	doors.ours, err = start(ours, p.binary, map[string]string{
		"password": dbPassword, "upstream": "postgres://bench:measure%20twice@127.0.0.1:" + port + "/postgres?sslmode=disable",
	})
	if err == nil {
		doors.ours.screens = true
	}
	return doors, close, err
}

// pgbouncer is PgBouncer in a pool mode with so many server connections.
func pgbouncer(ctx context.Context, binary, name, mode string, size int, port string) program {
	user, prepared := "", ""
	if os.Geteuid() == 0 {
		user = "user = postgres"
	}
	if text, err := exec.CommandContext(ctx, binary, "--version").Output(); err == nil && preparesInTransactions(string(text)) {
		prepared = "max_prepared_statements = 200"
	}
	return program{
		name: name, version: "--version", arguments: []string{"-q", "FILE"}, settings: pgbouncerSettings,
		fill: []string{"SERVER", port, "MODE", mode, "SIZE", strconv.Itoa(size), "USER", user, "PREPARED", prepared},
	}
}

var pgbouncerVersion = regexp.MustCompile(`PgBouncer (\d+)\.(\d+)`)

// preparesInTransactions reports a PgBouncer that keeps prepared statements in transaction mode: 1.21 and later.
func preparesInTransactions(version string) bool {
	m := pgbouncerVersion.FindStringSubmatch(version)
	if m == nil {
		return false
	}
	major, _ := strconv.Atoi(m[1])
	minor, _ := strconv.Atoi(m[2])
	return major > 1 || minor >= 21
}

// prepareServer makes the user and pgbench's tables, and returns the user's SCRAM secret.
func prepareServer(ctx context.Context, server *localpg.Server) (secret string, err error) {
	c, err := pgconn.Connect(ctx, server.URL("postgres"))
	if err != nil {
		return "", err
	}
	defer c.Close(ctx) //nolint:errcheck // the server ends with us
	sql := "create role " + dbUser + " login password '" + dbPassword + "'; grant create on schema public to " + dbUser + "; select rolpassword from pg_authid where rolname='" + dbUser + "'"
	results, err := c.Exec(ctx, sql).ReadAll()
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "pgbench", "-i", "-q", "-s", "1", "-h", "127.0.0.1", "-p", strconv.Itoa(server.Port), "-U", dbUser, "postgres")
	cmd.Env = append(os.Environ(), "PGPASSWORD="+dbPassword)
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("pgbench -i: %w: %s", err, text)
	}
	return string(results[len(results)-1].Rows[0][0]), nil
}

// url is a connection string for the door.
func (d *dbDoor) url() string {
	return "postgres://bench:measure%20twice@" + d.addr + "/postgres?sslmode=disable"
}

// verify makes sure that what is measured is the same everywhere: rows, errors, and that the connection survives them.
func (d *dbDoor) verify(ctx context.Context) error {
	c, err := pgconn.Connect(ctx, d.url())
	if err != nil {
		return err
	}
	defer c.Close(ctx) //nolint:errcheck // nothing was written
	questions := []struct{ sql, want, code string }{
		{"select count(*), sum(aid) from pgbench_accounts", "100000", ""},
		{"select 1/0", "", "22012"},
		{"select 42", "42", ""},
	}
	if d.screens {
		questions = append(questions, struct{ sql, want, code string }{"select abalance from pgbench_accounts where aid = 1 or 1=1; drop table pgbench_history --", "", "42501"})
	}
	for _, q := range questions {
		got, code := "", ""
		results, err := c.Exec(ctx, q.sql).ReadAll()
		var refused *pgconn.PgError
		switch {
		case errors.As(err, &refused):
			code = refused.Code
		case err != nil:
			return fmt.Errorf("%s: %w", q.sql, err)
		default:
			got = string(results[0].Rows[0][0])
		}
		if got != q.want || code != q.code {
			return fmt.Errorf("%s: answers %q with SQLSTATE %q, want %q and %q", q.sql, got, code, q.want, q.code)
		}
	}
	return nil
}
