package middleware

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// mistakes gathers what is wrong with settings; each text begins with the key.
type mistakes []error

func (m *mistakes) add(key, format string, args ...any) {
	*m = append(*m, fmt.Errorf("%s %s", key, fmt.Sprintf(format, args...)))
}

func (m *mistakes) oneOf(key, got string, want ...string) {
	if !slices.Contains(want, got) {
		m.add(key, "is %q, want %s", got, strings.Join(want, ", "))
	}
}

func (m *mistakes) atLeast(key string, got, want int64) {
	if got < want {
		m.add(key, "is %d, want %d or more", got, want)
	}
}

func (m *mistakes) above(key string, got, least time.Duration) {
	if got <= least {
		m.add(key, "is %s, want more than %s", got, least)
	}
}

// Validate returns everything that is wrong with s, nil where nothing is.
func (s Settings) Validate() []error {
	var m mistakes
	s.ClientIP.validate(&m)
	m.atLeast("body_max", s.BodyMax, 1)
	s.Timeouts.validate(&m)
	s.RateLimit.validate(&m)
	s.CORS.validate(&m)
	m.oneOf("headers", s.Headers, "strict", "relaxed", "off")
	for _, name := range sortedNames(s.HeaderRules) {
		s.HeaderRules[name].validate(name, &m)
	}
	s.CSP.validate(&m)
	s.Access.validate(&m)
	return m
}

func (s ClientIP) validate(m *mistakes) {
	for i, network := range s.Trust {
		if _, err := parseNetwork(network); err != nil {
			m.add(fmt.Sprintf("client_ip.trust[%d]", i), "is %q, want an address or a network such as 127.0.0.0/8", network)
		}
	}
	if !isToken(s.Header) {
		m.add("client_ip.header", "is %q, want a header name", s.Header)
	}
}

func (s Timeouts) validate(m *mistakes) {
	m.above("timeouts.header", s.Header, 0)
	m.above("timeouts.idle", s.Idle, 0)
	m.above("timeouts.upstream", s.Upstream, 0)
	// cloudflared keeps idle connections for 90 s; closing earlier on our side gives it sporadic 502s.
	m.above("timeouts.keep_alive", s.KeepAlive, 90*time.Second)
	m.above("timeouts.drain", s.Drain, 0)
	if s.DrainStreams < 0 {
		m.add("timeouts.drain_streams", "is %s, want 0 or more", s.DrainStreams)
	}
	m.atLeast("timeouts.body_rate", s.BodyRate, 0)
}

func (s RateLimit) validate(m *mistakes) {
	m.atLeast("rate_limit.requests", s.Requests, 0)
	m.above("rate_limit.per", s.Per, 0)
	m.oneOf("rate_limit.store", s.Store, "memory", "redis")
	m.oneOf("rate_limit.on_store_error", s.OnStoreError, "allow", "deny")
	m.atLeast("rate_limit.concurrent", s.Concurrent, 0)
	for i, p := range s.ExemptPaths {
		if !strings.HasPrefix(p, "/") {
			m.add(fmt.Sprintf("rate_limit.exempt_paths[%d]", i), "is %q, want a path that begins with /", p)
		}
	}
	names := map[string]bool{defaultPolicy: true, stageReports: true}
	for i, p := range s.Policies {
		p.validate(fmt.Sprintf("rate_limit.policies[%d]", i), names, m)
	}
	if s.Store == "redis" {
		s.Redis.validate(m)
	}
}

func (p Policy) validate(key string, names map[string]bool, m *mistakes) {
	if !isToken(p.Name) || names[p.Name] {
		m.add(key+".name", "is %q, want a word that no other policy has", p.Name)
	}
	names[p.Name] = true
	if !strings.HasPrefix(p.Path, "/") {
		m.add(key+".path", "is %q, want a path prefix that begins with /", p.Path)
	}
	for i, method := range p.Methods {
		if !isToken(method) || method != strings.ToUpper(method) {
			m.add(fmt.Sprintf("%s.methods[%d]", key, i), "is %q, want a method in capitals", method)
		}
	}
	m.atLeast(key+".requests", p.Requests, 1)
	m.above(key+".per", p.Per, 0)
}

func (s Redis) validate(m *mistakes) {
	host, port, _ := strings.Cut(s.Address, ":")
	if !strings.HasPrefix(s.Address, "/") && (host == "" || port == "") {
		m.add("rate_limit.redis.address", "is %q, want host:port or the path of a socket", s.Address)
	}
	m.above("rate_limit.redis.timeout", s.Timeout, 0)
}

func (s CORS) validate(m *mistakes) {
	for i, origin := range s.Origins {
		if _, err := parseOrigin(origin); err != nil {
			m.add(fmt.Sprintf("cors.origins[%d]", i), "is %q, %s", origin, err)
		}
	}
	if s.Credentials && slices.Contains(s.Origins, "*") {
		m.add("cors.credentials", "is true with the origin *, want named origins: any site could act as the user")
	}
	if s.Credentials && slices.Contains(s.Headers, "*") {
		m.add("cors.headers", "is * with credentials, want named headers: browsers take * literally there")
	}
	for i, method := range s.Methods {
		if !isToken(method) {
			m.add(fmt.Sprintf("cors.methods[%d]", i), "is %q, want a method", method)
		}
	}
	for i, h := range slices.Concat(s.Headers, s.Expose) {
		if !isToken(h) {
			m.add("cors.headers", "entry %d is %q, want a header name", i, h)
		}
	}
	if s.MaxAge < 0 {
		m.add("cors.max_age", "is %s, want 0 or more", s.MaxAge)
	}
}

func (r HeaderRule) validate(name string, m *mistakes) {
	key := "header_rules." + name
	if !isToken(name) {
		m.add(key, "is no header name")
	}
	m.oneOf(key+".mode", r.Mode, "", modeSet, modeKeepApp, modeAppend, modeRemove)
	checkValue(m, key+".value", r.Value)
}

func (s CSP) validate(m *mistakes) {
	checkValue(m, "csp.policy", s.Policy)
	checkValue(m, "csp.report_only", s.ReportOnly)
	if !isToken(s.NonceHeader) {
		m.add("csp.nonce_header", "is %q, want a header name", s.NonceHeader)
	}
	m.atLeast("csp.reports_max", s.ReportsMax, 1)
}

func (s Access) validate(m *mistakes) {
	if s.TeamDomain == "" {
		return
	}
	if u, err := url.Parse(s.TeamDomain); err != nil || u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" {
		m.add("access.team_domain", "is %q, want https://TEAM.cloudflareaccess.com", s.TeamDomain)
	}
	if s.Audience == "" {
		m.add("access.audience", "is empty, want the audience tag of the Access application")
	}
	for i, p := range s.Paths {
		if !strings.HasPrefix(p, "/") {
			m.add(fmt.Sprintf("access.paths[%d]", i), "is %q, want a path prefix that begins with /", p)
		}
	}
}

func checkValue(m *mistakes, key, value string) {
	if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
		m.add(key, "holds a character that no header value may hold")
	}
}

// parseNetwork reads "127.0.0.0/8" or a single address.
func parseNetwork(text string) (netip.Prefix, error) {
	if strings.Contains(text, "/") {
		p, err := netip.ParsePrefix(text)
		return p.Masked(), err
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
}

// isToken reports whether s may be a header name or a method (RFC 9110, section 5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		if !tokenByte(s[i]) {
			return false
		}
	}
	return s != ""
}

func tokenByte(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || strings.IndexByte("!#$%&'*+-.^_`|~", b) >= 0
}

func sortedNames(rules map[string]HeaderRule) []string {
	names := make([]string, 0, len(rules))
	for name := range rules {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
