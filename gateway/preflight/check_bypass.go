package preflight

import (
	"context"
	"fmt"
	"net/netip"
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
	sessions, err := rows(ctx, conn, `select pid, coalesce(host(client_addr), ''), coalesce(client_port::text, ''), application_name, usename
from pg_stat_activity where backend_type = 'client backend' and usename = current_user and pid <> pg_backend_pid()
and application_name <> 'sallyport doctor' order by pid`)
	if err != nil {
		return fail("", "pg_stat_activity cannot be read: %v", err)
	}
	door, known := doorPID(site)
	if !known {
		return skip("the process of the door is not visible to this user; run doctor as the same user, or as root")
	}
	var past []string
	for _, s := range sessions {
		if who, outside := outsider(s[1], s[2], door); outside {
			past = append(past, fmt.Sprintf("session %s of role %s, application %q, from %s", s[0], s[4], clip(s[3], 40), who))
		}
	}
	if len(past) > 0 {
		return fail("point DATABASE_URL of the program named above at "+site.Config.Database.Listen+", and change the database's password",
			"%d of %d sessions of the app's role go past the database door", len(past), len(sessions)).with(past...)
	}
	return ok("all %d sessions of the app's role come through the database door", len(sessions))
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
		return at.String() + " on another machine", true
	case owner.PID == door:
		return "", false
	}
	return at.String() + ", " + owner.String(), true
}
