package tunnel

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// expectation is where cloudflared's rules must lead.
type expectation struct {
	host     string // public host name; "" accepts the rules of any
	door     string // the HTTP door's literal address, 127.0.0.1:8080
	upstream string // the app's own address; a rule that leads there leads past the door
}

// judgeRules says what the rules in force mean. before is the version that was right last, 0 where none was; squatted
// reports whether something else listens on [::1] at the door's port. A zero cause means that they lead to the door.
func (x expectation) judgeRules(e effective, before int, squatted bool) rules {
	n, rule, found := x.match(e.Config.Ingress)
	if past, r, ok := x.pastDoor(e.Config.Ingress); ok {
		return x.finding(Bypass, past, r, e.Version, before, "leads to the app itself, past the HTTP door")
	}
	if !found {
		return rules{cause: Drift, summary: fmt.Sprintf("no rule of version %d serves %s; the door is http://%s", e.Version, x.name(), x.door)}
	}
	u, err := url.Parse(rule.Service)
	_, port, _ := net.SplitHostPort(x.door)
	switch {
	case err != nil || u.Host == "":
		return x.finding(Drift, n, rule, e.Version, before, "does not lead to the HTTP door")
	case u.Host == x.door:
		return rules{}
	case strings.EqualFold(u.Hostname(), "localhost") && u.Port() == port && squatted:
		return x.finding(Bypass, n, rule, e.Version, before, "another process answers on [::1]:"+port+" and localhost can mean that one; write http://"+x.door)
	case strings.EqualFold(u.Hostname(), "localhost") && u.Port() == port:
		return x.finding(Bypass, n, rule, e.Version, before, "localhost can mean [::1]; write http://"+x.door)
	}
	return x.finding(Drift, n, rule, e.Version, before, "leads to "+u.Host+", the HTTP door is "+x.door)
}

// match returns the rule that serves the public host: the first one that matches, as cloudflared does it.
func (x expectation) match(all []ingressRule) (int, ingressRule, bool) {
	for i, r := range all {
		if x.host == "" && r.Service == "http://"+x.door {
			return i, r, true
		}
		if x.host != "" && serves(r.Hostname, x.host) && (r.Path == "" || r.Path == ".*" || r.Path == "/") {
			return i, r, true
		}
	}
	if x.host == "" && len(all) > 0 {
		return 0, all[0], true
	}
	return 0, ingressRule{}, false
}

// serves reports whether a rule's host name, which may begin with a wildcard, covers host.
func serves(pattern, host string) bool {
	pattern = strings.ToLower(pattern)
	host = strings.ToLower(host)
	if suffix, ok := strings.CutPrefix(pattern, "*"); ok {
		return strings.HasSuffix(host, suffix)
	}
	return pattern == "" || pattern == host
}

// pastDoor returns a rule that leads to the app's own port.
func (x expectation) pastDoor(all []ingressRule) (int, ingressRule, bool) {
	_, want, err := net.SplitHostPort(x.upstream)
	if err != nil {
		return 0, ingressRule{}, false
	}
	for i, r := range all {
		u, err := url.Parse(r.Service)
		if err == nil && u.Port() == want && (u.Host == x.upstream || local4(u.Hostname())) {
			return i, r, true
		}
	}
	return 0, ingressRule{}, false
}

func local4(host string) bool {
	return strings.EqualFold(host, "localhost") || host == "127.0.0.1" || host == "::1"
}

func (x expectation) name() string {
	if x.host == "" {
		return "anything"
	}
	return x.host
}

func (x expectation) finding(c Cause, n int, r ingressRule, version, before int, why string) rules {
	serving := r.Hostname
	if serving == "" {
		serving = "every host"
	}
	from := "version " + strconv.Itoa(version)
	if before != 0 && before != version {
		from = fmt.Sprintf("version %d, before it %d", version, before)
	}
	return rules{
		cause:   c,
		summary: fmt.Sprintf("rule %d (%s → %s, %s): %s", n+1, shorten(serving, 100), shorten(r.Service, 200), from, why),
		detail:  map[string]string{"rule": strconv.Itoa(n + 1), "service": shorten(r.Service, 200), "door": x.door, "version": strconv.Itoa(version), "before": strconv.Itoa(before)},
	}
}
