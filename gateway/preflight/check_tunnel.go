package preflight

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// tunnelRule is one of cloudflared's rules.
type tunnelRule struct{ Hostname, Service string }

// tunnelRules are the rules in force, those of the dashboard included.
type tunnelRules struct {
	version int
	rules   []tunnelRule
}

// checkTunnelRule reads cloudflared's rules in force: the one for the public name must lead to the HTTP door's literal address.
func checkTunnelRule(ctx context.Context, site Site) Result {
	found, gap := rulesInForce(ctx, site)
	if gap != nil {
		return *gap
	}
	want, name := doorForTunnel(site), hostName(site.Config.PublicURL)
	for i, r := range found.rules {
		if r.Hostname != "" && name != "" && r.Hostname != name && r.Hostname != "*" {
			continue
		}
		said := fmt.Sprintf("rule %d of version %d, %s -> %s", i+1, found.version, orAny(r.Hostname), clip(r.Service, 80))
		u, err := url.Parse(r.Service)
		switch {
		case err != nil || u.Host == "":
			return fail("write service: http://"+want, "%s: it does not lead to the HTTP door", said)
		case strings.EqualFold(u.Hostname(), "localhost"):
			return ambiguous(said, u, want)
		case u.Host != want:
			return fail("write service: http://"+want, "%s: the HTTP door is %s", said, want)
		}
		return ok("%s: it leads to the HTTP door", said)
	}
	return fail("add the hostname with service: http://"+want, "cloudflared has no rule for %s", orAny(name))
}

// ambiguous is what a rule with localhost means, with who answers at its other address.
func ambiguous(said string, u *url.URL, want string) Result {
	r := fail("write service: http://"+want, "%s: localhost can mean [::1], where another process may listen", said)
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil {
		return r
	}
	for _, at := range []struct {
		ip   string
		addr func([]Owner) (Owner, bool)
	}{
		{"127.0.0.1", func(o []Owner) (Owner, bool) { return answering(o, loopback4) }},
		{"::1", func(o []Owner) (Owner, bool) { return answering(o, loopback6) }},
	} {
		if o, there := at.addr(listeners(uint16(port))); there {
			r = r.with(net.JoinHostPort(at.ip, u.Port()) + " is " + o.String())
		}
	}
	return r
}

// doorForTunnel is host:port by which cloudflared must reach the HTTP door.
func doorForTunnel(site Site) string {
	if service := site.Config.Tunnel.Service; service != "" {
		return strings.TrimPrefix(service, "http://")
	}
	return site.Config.HTTP.Listen
}

// rulesInForce asks the instance that supervises cloudflared, or cloudflared itself where tunnel.metrics names it; gap says why
// neither tells.
func rulesInForce(ctx context.Context, site Site) (found tunnelRules, gap *Result) {
	t := site.Config.Tunnel
	if !t.Enabled() {
		r := skip("no tunnel is supervised: neither tunnel.run nor tunnel.metrics is set")
		return found, &r
	}
	var told struct {
		Tunnel  struct{ Rules struct{ Version int } }
		Ingress []tunnelRule
	}
	if site.Instance != nil && site.Instance.Get(ctx, "/api/hardening/tunnel", &told) == nil && len(told.Ingress) > 0 {
		return tunnelRules{told.Tunnel.Rules.Version, told.Ingress}, nil
	}
	if t.Metrics == "" {
		r := skip("cloudflared has not told its rules yet; it runs with the instance")
		return found, &r
	}
	var own struct {
		Version int
		Config  struct{ Ingress []tunnelRule }
	}
	if err := getJSON(ctx, "http://"+t.Metrics+"/config", &own); err != nil {
		r := fail("start cloudflared with --metrics "+t.Metrics, "cloudflared does not answer at %s: %v", t.Metrics, plain(err))
		return found, &r
	}
	return tunnelRules{own.Version, own.Config.Ingress}, nil
}
