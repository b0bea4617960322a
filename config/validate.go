package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// part is one part's own judgement of its settings, which stand under prefix.
type part struct {
	prefix string
	check  func() []error
}

// parts are all judges in order of the file.
func (c *Config) parts() []part {
	return []part{
		{"", c.whole},
		{"http", c.HTTP.App.Validate},
		{"http", c.HTTP.Head.Validate},
		{"http", c.HTTP.Door.Validate},
		{"http", c.HTTP.check},
		{"database", c.Database.Guard.Validate},
		{"database", c.Database.door},
		{"database", c.Database.window},
		{"database", c.Database.check},
		{"app", c.App.Validate},
		{"tunnel", c.Tunnel.Validate},
		{"admin", c.Admin.check},
		{"alerts", c.Alerts.Validate},
		{"history", c.History.Validate},
		{"log", c.Log.check},
		{"smoke", c.Smoke.check},
	}
}

// mistakes asks every part and finds the place of what it says.
func (c *Config) mistakes() Mistakes {
	all := c.localhosts()
	for _, p := range c.parts() {
		for _, err := range p.check() {
			text := join(p.prefix, err.Error())
			key, _, _ := strings.Cut(text, " ")
			all = append(all, c.book.mistake(key, text))
		}
	}
	return all
}

// localhost is the name as host of an address or URL; the port, "" where there is none, is its second group.
var localhost = regexp.MustCompile(`(?i)^([a-z+]+://)?localhost(:[0-9]+)?(/.*)?$`)

// localhosts finds addresses whose host is localhost: it means two things, and two processes can hold one each.
func (c *Config) localhosts() Mistakes {
	var all Mistakes
	for _, s := range settings(reflect.ValueOf(c).Elem(), "") {
		if s.value.Kind() != reflect.String {
			continue
		}
		if m := localhost.FindStringSubmatch(s.value.String()); m != nil {
			text := fmt.Sprintf("%s is %q: localhost means both 127.0.0.1 and ::1, and two processes can hold one each; want %s127.0.0.1%s or %s[::1]%s",
				s.key, s.value, m[1], m[2], m[1], m[2])
			all = append(all, c.book.mistake(s.key, text))
		}
	}
	return all
}

// complaints gathers errors whose text begins with the key.
type complaints []error

func (c *complaints) add(bad bool, format string, args ...any) {
	if bad {
		*c = append(*c, fmt.Errorf(format, args...))
	}
}

func (c *complaints) oneOf(key, got string, want ...string) {
	last := len(want) - 1
	c.add(!slices.Contains(want, got), "%s is %q, want %s or %s", key, got, strings.Join(want[:last], ", "), want[last])
}

func (c *complaints) listen(key, addr string) {
	if why := addressFault(addr); why != "" {
		c.add(true, "%s is %q: %s", key, addr, why)
	}
}

func (c *Config) whole() []error {
	var bad complaints
	bad.add(c.Version != 1, "version is %d, want 1", c.Version)
	bad.oneOf("environment", c.Environment, "production", "development")
	if why := publicFault(c.PublicURL); c.PublicURL != "" && why != "" {
		bad.add(true, "public_url is %q, %s", c.PublicURL, why)
	}
	bad.add(c.HTTP.RequireTunnel == "enforce" && !c.Tunnel.KnowsConnector(),
		"http.require_tunnel is enforce, but nothing tells our own connector from others: set tunnel.run, or tunnel.door_key_file with the key of the one that is watched")
	bad = append(bad, c.sharedPorts()...)
	return bad
}

// sharedPorts finds two of our listeners on one address, and a door that would forward to itself.
func (c *Config) sharedPorts() []error {
	var bad complaints
	type listener struct{ key, addr string }
	all := []listener{{"http.listen", c.HTTP.Listen}, {"admin.listen", c.Admin.Listen}}
	if c.Database.Enabled() {
		all = append(all, listener{"database.listen", c.Database.Listen})
	}
	for i, l := range all {
		for _, other := range all[:i] {
			bad.add(overlap(l.addr, other.addr), "%s is %s, which %s has already", l.key, l.addr, other.key)
		}
	}
	if u, err := url.Parse(c.HTTP.App.URL); err == nil {
		for _, l := range all {
			bad.add(overlap(u.Host, l.addr), "http.upstream is %s, which is %s: the door would forward to itself", c.HTTP.App.URL, l.key)
		}
	}
	return bad
}

// overlap reports whether a listener on one address would take the other's; port 0 never does.
func overlap(a, b string) bool {
	x, errX := netip.ParseAddrPort(a)
	y, errY := netip.ParseAddrPort(b)
	if errX != nil || errY != nil || x.Port() != y.Port() || x.Port() == 0 {
		return false
	}
	return x.Addr() == y.Addr() || x.Addr().IsUnspecified() || y.Addr().IsUnspecified()
}

// addressFault says why addr is no address to listen on, "" where it is one.
func addressFault(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "want an IP address and a port, such as 127.0.0.1:8080"
	}
	if _, err := netip.ParseAddr(host); err != nil {
		return "want an IP address and a port, such as 127.0.0.1:" + port + "; 0.0.0.0 for every address"
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return "want a port from 0 to 65535"
	}
	return ""
}

// publicFault says why raw cannot be the public URL.
func publicFault(raw string) string {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http"):
		return "want an address such as https://shop.example.com"
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil || u.Fragment != "":
		return "want scheme and host only"
	}
	return ""
}
