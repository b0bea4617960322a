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
	ours := insider{door: door, database: portOf(conn)}
	past := ours.outsiders(sessions)
	if len(past) > 0 {
		// A session that ended between the two looks has no socket any more: only those that stay are told.
		if past, err = ours.staying(ctx, conn, past); err != nil {
			return fail("", "pg_stat_activity cannot be read: %v", err)
		}
	}
	if len(past) > 0 {
		return fail("point DATABASE_URL of the program named above at "+site.Config.Database.Listen+", and change the database's password",
			"%d of %d sessions of the app's role go past the database door", len(past), len(sessions)).with(slices.Sorted(maps.Values(past))...)
	}
	return ok("all %d sessions of the app's role come through the database door", len(sessions))
}

// insider is what tells the door's sessions from others: its process, and the port that it reaches the database at.
type insider struct {
	door     int
	database uint16
}

// portOf is the port of conn's far end, 0 where it has none.
func portOf(conn *pgconn.PgConn) uint16 {
	at, _ := netip.ParseAddrPort(conn.Conn().RemoteAddr().String())
	return at.Port()
}

// outsiders are the sessions that are not the door's, in words by their server process.
func (in insider) outsiders(sessions [][]string) map[string]string {
	past := map[string]string{}
	for _, s := range sessions {
		if who, outside := in.outsider(s[1], s[2]); outside {
			past[s[0]] = fmt.Sprintf("session %s of role %s, application %q, from %s", s[0], s[4], clip(s[3], 40), who)
		}
	}
	return past
}

// staying looks again a moment later and returns those of past that are still outsiders.
func (in insider) staying(ctx context.Context, conn *pgconn.PgConn, past map[string]string) (map[string]string, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(secondLook):
	}
	sessions, err := rows(ctx, conn, sessionsOfRole)
	if err != nil {
		return nil, err
	}
	again := in.outsiders(sessions)
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

// outsider reports a session that is not the door's, and who it is as far as this machine tells.
func (in insider) outsider(addr, port string) (who string, outside bool) {
	if addr == "" {
		return "this machine by a Unix socket", true
	}
	at, err := netip.ParseAddrPort(hostOf(addr, port))
	if err != nil {
		return addr, true
	}
	owner, found := socketOwner(at, in.database)
	switch {
	case !found:
		return at.String() + ", whose program is not on this machine or not visible here", true
	case owner.PID == in.door:
		return "", false
	}
	return at.String() + ", " + owner.String(), true
}
