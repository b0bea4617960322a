package preflight

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
)

// declared is an address that the settings name.
type declared struct {
	// key is the setting; ours tells that this program listens there.
	key  string
	addr netip.AddrPort
	ours bool
}

// declaredPorts are the addresses on this machine that the settings name, in order of the file.
func declaredPorts(site Site) []declared {
	c := site.Config
	var all []declared
	add := func(key, addr string, ours bool) {
		ap, err := netip.ParseAddrPort(addr)
		if err == nil && ap.Port() != 0 && (ours || ap.Addr().IsLoopback()) {
			all = append(all, declared{key, ap, ours})
		}
	}
	add("http.listen", c.HTTP.Listen, true)
	if u, err := url.Parse(c.HTTP.App.URL); err == nil {
		add("http.upstream", hostPort(u), false)
	}
	if c.Database.Enabled() {
		add("database.listen", c.Database.Listen, true)
	}
	add("admin.listen", c.Admin.Listen, true)
	return all
}

// hostPort is the address of an http URL, its port written out.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443"}[u.Scheme]
		if port == "" {
			port = "80"
		}
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// serves reports whether a listener on at answers connections to ip: the same address, or every one of its family; one on [::]
// may answer IPv4 too.
func serves(at, ip netip.Addr) bool {
	if at.Unmap() == ip.Unmap() {
		return true
	}
	return at.IsUnspecified() && (at.Is4() == ip.Is4() || at.Is6())
}

// portText is "port 3000".
func portText(port uint16) string { return "port " + strconv.Itoa(int(port)) }
