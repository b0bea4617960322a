package preflight

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// secondLook is the pause before a bypass is believed.
	secondLook = 200 * time.Millisecond
	// sessionsOfRole are the sessions of our own role but this one: server process, client's address and port, application, role.
	sessionsOfRole = `select pid, coalesce(host(client_addr), ''), coalesce(client_port::text, ''), application_name, usename
from pg_stat_activity where backend_type = 'client backend' and usename = current_user and pid <> pg_backend_pid()
and application_name <> 'sallyport doctor' order by pid`
)

// checkBypass finds sessions of the app's role at the real database that are not the door's. A session is the door's where its
// client socket belongs to the process that holds the admin port.
func checkBypass(ctx context.Context, site Site) Result {
	text, err := databaseURL(site)
	if err != nil {
		return fail("", "database.upstream_file: %v", err)
	}
	conn, err := connect(ctx, text)
	if err != nil {
		return fail("", "%v", err)
	}
	defer closeConn(conn)
	sessions, err := rows(ctx, conn, sessionsOfRole)
	if err != nil {
		return fail("", "pg_stat_activity cannot be read: %v", err)
	}
	door, known := doorPID(site)
	if !known {
		return skip("the process of the door is not visible to this user; run doctor as the same user, or as root")
	}
	past := outsiders(sessions, door)
	if len(past) > 0 {
		// A session that ended between the two looks has no socket any more: only those that stay are told.
		if past, err = staying(ctx, conn, past, door); err != nil {
			return fail("", "pg_stat_activity cannot be read: %v", err)
		}
	}
	if len(past) > 0 {
		return fail("point DATABASE_URL of the program named above at "+site.Config.Database.Listen+", and change the database's password",
			"%d of %d sessions of the app's role go past the database door", len(past), len(sessions)).with(slices.Sorted(maps.Values(past))...)
	}
	return ok("all %d sessions of the app's role come through the database door", len(sessions))
}

// outsiders are the sessions that are not of process door, in words by their server process.
func outsiders(sessions [][]string, door int) map[string]string {
	past := map[string]string{}
	for _, s := range sessions {
		if who, outside := outsider(s[1], s[2], door); outside {
			past[s[0]] = fmt.Sprintf("session %s of role %s, application %q, from %s", s[0], s[4], clip(s[3], 40), who)
		}
	}
	return past
}

// staying looks again a moment later and returns those of past that are still outsiders.
func staying(ctx context.Context, conn *pgconn.PgConn, past map[string]string, door int) (map[string]string, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(secondLook):
	}
	sessions, err := rows(ctx, conn, sessionsOfRole)
	if err != nil {
		return nil, err
	}
	again := outsiders(sessions, door)
	maps.DeleteFunc(again, func(pid, _ string) bool { return past[pid] == "" })
	return again, nil
}

// doorPID is the process that holds the admin listener.
func doorPID(site Site) (int, bool) {
	ap, err := netip.ParseAddrPort(site.Instance.Addr)
	if err != nil {
		return 0, false
	}
	o, found := answering(listeners(ap.Port()), ap.Addr().Unmap())
	return o.PID, found && o.PID != 0
}

// outsider reports a session that is not of process door, and who it is as far as this machine tells.
func outsider(addr, port string, door int) (who string, outside bool) {
	if addr == "" {
		return "this machine by a Unix socket", true
	}
	at, err := netip.ParseAddrPort(hostOf(addr, port))
	if err != nil {
		return addr, true
	}
	owner, found := socketOwner(at)
	switch {
	case !found:
		return at.String() + ", whose program is not on this machine or not visible here", true
	case owner.PID == door:
		return "", false
	}
	return at.String() + ", " + owner.String(), true
}
