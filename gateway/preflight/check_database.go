package preflight

import (
	"context"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// checkDatabase logs in to the real database and looks at TLS and the role's power.
func checkDatabase(ctx context.Context, site Site) Result {
	if !site.Config.Database.Enabled() {
		return skip("the settings name no database: database.upstream_file is not set")
	}
	text, err := databaseURL(site)
	if err != nil {
		return fail("write the database's URL there", "database.upstream_file: %v", err)
	}
	conn, err := connect(ctx, text)
	if err != nil {
		return fail("start the database, or mend the URL in database.upstream_file", "%v", err)
	}
	defer closeConn(conn)
	found, err := rows(ctx, conn, "select current_user, current_database(), rolsuper, current_setting('server_version') from pg_roles where rolname = current_user")
	if err != nil || len(found) != 1 {
		return fail("", "the database answers, but not about its own role: %v", err)
	}
	f := found[0]
	facts := []string{"PostgreSQL " + f[3] + ", database " + f[1] + ", role " + f[0], "sslmode is " + sslMode(text)}
	switch mode := sslMode(text); {
	case mode == "" || mode == "prefer" || mode == "allow":
		return fail("add sslmode=verify-full to the URL, or sslmode=disable on this machine", "the URL does not say whether TLS is wanted: %q falls back to plain text silently", mode).with(facts...)
	case mode == "disable" && !local(text):
		return warn("add sslmode=verify-full to the URL", "queries and password travel in plain text to another machine").with(facts...)
	case f[2] == "t":
		return warn("give the app a role without superuser", "the role %s is a superuser: an injection that got through could run programs", f[0]).with(facts...)
	}
	return ok("the database answers: PostgreSQL %s, role %s", f[3], f[0]).with(facts...)
}

// local reports a database on this machine.
func local(text string) bool {
	cfg, err := pgconn.ParseConfig(text)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(cfg.Host)
	return strings.HasPrefix(cfg.Host, "/") || err == nil && ip.IsLoopback()
}

// checkDatabaseDoor logs in at the database door as the app's first user.
func checkDatabaseDoor(ctx context.Context, site Site) Result {
	d := site.Config.Database
	target, err := url.Parse("postgres://x/")
	if err != nil {
		return fail("", "%v", err) // a constant: it parses
	}
	upstream, err := databaseURL(site)
	if err != nil {
		return fail("", "database.upstream_file: %v", err)
	}
	cfg, err := pgconn.ParseConfig(upstream)
	if err != nil {
		return fail("", "database.upstream_file holds no connection string")
	}
	user, password := cfg.User, cfg.Password
	if len(d.Users) > 0 {
		user = d.Users[0].Name
		if password, err = site.Config.Secret(d.Users[0].PasswordFile); err != nil {
			return fail("", "database.users[0].password_file: %v", err)
		}
		if strings.HasPrefix(password, "SCRAM-SHA-256$") {
			return skip("the password of %s is only known as a verifier", user)
		}
	}
	target.User, target.Host, target.Path, target.RawQuery = url.UserPassword(user, password), reachable(d.Listen), "/"+cfg.Database, "sslmode=prefer"
	conn, err := connect(ctx, target.String())
	if err != nil {
		return fail("look into sallyport's log", "the database door at %s: %v", d.Listen, err)
	}
	defer closeConn(conn)
	answer, err := rows(ctx, conn, "select 42")
	if err != nil || len(answer) != 1 || answer[0][0] != "42" {
		return fail("look into sallyport's log", "the database door at %s does not answer select 42: %v", d.Listen, err)
	}
	return ok("the database door at %s answers as %s", d.Listen, user)
}

// hostOf is the address of a pg_stat_activity row.
func hostOf(addr, port string) string { return net.JoinHostPort(addr, port) }
