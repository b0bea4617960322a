package config

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"sallyport/dbguard/wire"
)

func (h HTTP) check() []error {
	var bad complaints
	bad.listen("listen", h.Listen)
	bad.oneOf("require_tunnel", h.RequireTunnel, "off", "report", "enforce")
	return bad
}

func (d Database) check() []error {
	var bad complaints
	bad.listen("listen", d.Listen)
	bad.oneOf("allow_list.mode", d.AllowList.Mode, "off", "observe", "enforce")
	for _, role := range slices.Sorted(maps.Keys(d.AllowList.Roles)) {
		bad.oneOf("allow_list.roles."+role, d.AllowList.Roles[role], "off", "observe", "enforce")
	}
	for i, r := range d.Routes {
		for _, err := range r.Validate() {
			bad = append(bad, fmt.Errorf("routes[%d].%w", i, err))
		}
	}
	bad.add(d.AllowList.On() && d.AllowList.File == "", "allow_list.file is empty, want the list that sallyport learn wrote")
	return bad
}

// door asks the database door about everything but what may be left out: it knows no state of being closed, and where no
// users are named, the database URL's own user is taken (Materialize).
func (d Database) door() []error {
	s := d.Settings
	if s.UpstreamFile == "" {
		s.UpstreamFile = "none"
	}
	if len(s.Users) == 0 {
		s.Users = []wire.User{{Name: "none", PasswordFile: "none"}}
	}
	return s.Validate()
}

func (d Database) window() []error {
	bad := d.Window.Validate()
	for i, err := range bad {
		bad[i] = fmt.Errorf("window.%w", err)
	}
	return bad
}

func (a Admin) check() []error {
	var bad complaints
	bad.listen("listen", a.Listen)
	bad.oneOf("on_door", a.OnDoor, "off", "token")
	bad.add(a.OnDoor == "token" && !a.HasToken(), "token_file is empty, want a token because on_door is token")
	if ap, err := netip.ParseAddrPort(a.Listen); err == nil {
		bad.add(!ap.Addr().IsLoopback() && !a.HasToken(), "token_file is empty, want a token because listen (%s) leaves loopback", a.Listen)
	}
	return bad
}

func (l Log) check() []error {
	var bad complaints
	bad.oneOf("level", l.Level, "debug", "info", "warn", "error")
	bad.oneOf("format", l.Format, "json", "text", "auto")
	bad.add(l.Rotate.Size < 1e6, "rotate.size is %s, want 1MB or more", formatSize(l.Rotate.Size))
	bad.add(l.Rotate.Keep < 1, "rotate.keep is %d, want 1 or more", l.Rotate.Keep)
	return bad
}

func (s Smoke) check() []error {
	var bad complaints
	for i, r := range s.Requests {
		key := "requests[" + strconv.Itoa(i) + "]"
		bad.add(!strings.HasPrefix(r.Get, "/"), "%s.get is %s, want a path that begins with /", key, shown(r.Get))
		bad.add(r.Status != 0 && (r.Status < 100 || r.Status > 599), "%s.status is %d, want 100 to 599", key, r.Status)
		bad.add(r.MinQueries < 0, "%s.min_queries is %d, want 0 or more", key, r.MinQueries)
	}
	return bad
}
