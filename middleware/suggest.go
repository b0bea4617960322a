package middleware

import (
	"slices"
	"strings"
)

// Suggestion is a policy that would let pages do what was reported. A person decides: reports can be forged.
type Suggestion struct {
	// Policy is the reported policy with the sources added that several clients reported.
	Policy string `json:"policy"`
	// Added are those sources, as "directive source".
	Added []string `json:"added"`
	// Doubtful were reported by one client only and are not in Policy: a forger, an extension, or a page rarely seen.
	Doubtful []string `json:"doubtful"`
	// Advice are sentences on what no source can mend.
	Advice []string `json:"advice"`
}

// ReportOnly returns the policy that is reported and not enforced under s, without where to report; "" for none.
func (s Settings) ReportOnly() string {
	if s.Headers == "off" {
		return ""
	}
	return presetOptions(s).ContentSecurityPolicyReportOnly
}

// Suggest proposes a policy from base, or where that is empty from the strict preset's reported policy, and what browsers
// reported against it. With all, one client's word is enough: right while nobody but the owner sees the pages.
func (r *Reports) Suggest(base string, all bool) Suggestion {
	if base == "" {
		base = reportedPolicy
	}
	policy := parsePolicy(base)
	s := Suggestion{Added: []string{}, Doubtful: []string{}, Advice: []string{}}
	for _, v := range r.List() {
		source, advice := sourceFor(v)
		if advice != "" {
			s.Advice = appendNew(s.Advice, advice)
			continue
		}
		name := settable(v.Directive)
		if entry := name + " " + source; v.Several || all {
			s.Added = appendNew(s.Added, entry)
			policy.allow(name, source)
		} else {
			s.Doubtful = appendNew(s.Doubtful, entry)
		}
	}
	s.Doubtful = slices.DeleteFunc(s.Doubtful, func(entry string) bool { return slices.Contains(s.Added, entry) })
	s.Policy = policy.String()
	return s
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// settable is the directive that a policy sets where browsers report a finer one.
func settable(directive string) string {
	for _, fine := range []string{"-elem", "-attr"} {
		directive = strings.TrimSuffix(directive, fine)
	}
	return directive
}

// guarding are directives that keep others away from the page; what breaks them is more often an attack than a need.
var guarding = []string{"frame-ancestors", "form-action", "base-uri", "object-src", "sandbox", "navigate-to"}

// asPage are directives whose sources run as the page itself.
var asPage = []string{"script-src", "default-src", "frame-src", "child-src"}

// sourceFor returns the source that would allow v, or advice where allowing it would undo the policy.
func sourceFor(v Violation) (source, advice string) {
	name := settable(v.Directive)
	if slices.Contains(guarding, name) {
		return "", name + " on " + v.Page + " was broken by " + v.Blocked + ": it guards the page itself; allow that by hand if it is yours"
	}
	switch v.Blocked {
	case "inline":
		if name == "script-src" {
			return "", "inline scripts on " + v.Page + ": give them the nonce ($NONCE in csp.policy, csp.nonce_header tells the app) or move them to files"
		}
		return "", "inline styles on " + v.Page + ": move them to files, or accept 'unsafe-inline' in style-src"
	case "eval", "wasm-eval":
		return "", "code made from strings on " + v.Page + ": 'unsafe-eval' would allow it to an attacker too"
	case "trusted-types-sink", "trusted-types-policy":
		return "", "trusted types on " + v.Page + ": the app must make a policy for its sinks"
	case "data", "blob":
		if slices.Contains(asPage, name) {
			return "", v.Blocked + ": in " + name + " on " + v.Page + ": an attacker can write such a source too; move the code to a file"
		}
		return v.Blocked + ":", ""
	case "self":
		return "'self'", ""
	}
	if !strings.HasPrefix(v.Blocked, "https://") && !strings.HasPrefix(v.Blocked, "wss://") {
		return "", v.Blocked + " on " + v.Page + ": no source that a policy should allow"
	}
	if _, host, _ := strings.Cut(v.Blocked, "://"); !isHostSource(host) {
		return "", "a report named a source that is no origin"
	}
	return v.Blocked, ""
}

// isHostSource reports whether host may stand in a policy: a name or an address in lower case, perhaps with a port.
func isHostSource(host string) bool {
	for i := range len(host) {
		if b := host[i]; (b < 'a' || b > 'z') && (b < '0' || b > '9') && strings.IndexByte(".-:[]", b) < 0 {
			return false
		}
	}
	return host != ""
}

// directives are a policy's directives in order, each with its sources.
type directives []directive

type directive struct {
	name    string
	sources []string
}

func parsePolicy(text string) directives {
	var all directives
	for part := range strings.SplitSeq(text, ";") {
		if words := strings.Fields(part); len(words) > 0 {
			all = append(all, directive{words[0], words[1:]})
		}
	}
	return all
}

// allow adds source to name; a directive that was not set begins with what default-src allowed in its place.
func (p *directives) allow(name, source string) {
	at := p.find(name)
	if at < 0 {
		var inherited []string
		if d := p.find("default-src"); d >= 0 {
			inherited = slices.Clone((*p)[d].sources)
		}
		*p = append(*p, directive{name, inherited})
		at = len(*p) - 1
	}
	d := &(*p)[at]
	d.sources = slices.DeleteFunc(d.sources, func(s string) bool { return s == "'none'" })
	if !slices.Contains(d.sources, source) {
		d.sources = append(d.sources, source)
	}
}

func (p directives) find(name string) int {
	return slices.IndexFunc(p, func(d directive) bool { return d.name == name })
}

// String writes the policy as a header value.
func (p directives) String() string {
	parts := make([]string, len(p))
	for i, d := range p {
		parts[i] = strings.TrimSpace(d.name + " " + strings.Join(d.sources, " "))
	}
	return strings.Join(parts, "; ")
}
