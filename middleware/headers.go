package middleware

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
)

// Modes of a header rule.
const (
	// modeSet lets our value win, modeKeepApp the app's; modeAppend makes one header of both; modeRemove sends none.
	modeSet     = "set"
	modeKeepApp = "keep-app"
	modeAppend  = "append"
	modeRemove  = "remove"
)

// headerRule says what one answer header becomes. value is shared by all answers and never written to.
type headerRule struct {
	name  string
	value []string
	mode  string
	// parts are the pieces of a value around its nonces; nil where it has none.
	parts []string
}

// banners are answer headers that only tell an attacker what runs here.
var banners = []string{"Server", "X-Powered-By", "X-Aspnet-Version", "X-Aspnetmvc-Version", "X-Runtime"}

// headers makes every answer from here on carry our headers. They are put on when the status is sent, not now: an
// informational answer would clear them, and the app's own would come on top.
func (d *door) headers(c *gin.Context) {
	x := of(c)
	x.dressed = true
	if d.nonceHeader != "" {
		x.giveNonce(c.Request.Header)
	}
	x.note(d.preset)
	if d.overrides != nil {
		x.note(d.overrides)
	}
}

// dress merges our headers into the answer's. It runs once per answer, for whoever wrote it.
func (x *exchange) dress(h http.Header) {
	removeBanners(h)
	for i := range x.door.rules {
		x.door.rules[i].apply(h, x.nonce)
	}
	x.personal(h)
}

func removeBanners(h http.Header) {
	for _, name := range banners {
		delete(h, name)
	}
}

// apply merges one header.
func (r *headerRule) apply(h http.Header, nonce string) {
	switch r.mode {
	case modeRemove:
		delete(h, r.name)
	case modeKeepApp:
		if len(h[r.name]) == 0 {
			h[r.name] = r.valueFor(nonce)
		}
	case modeAppend:
		if app := h[r.name]; len(app) > 0 {
			h[r.name] = []string{strings.Join(app, ", ") + ", " + r.valueFor(nonce)[0]}
			return
		}
		h[r.name] = r.valueFor(nonce)
	default:
		h[r.name] = r.valueFor(nonce)
	}
}

// newHeaderRules joins the preset with the single rules of the settings, sorted by name.
func newHeaderRules(s Settings, development bool) ([]headerRule, error) {
	preset, err := presetHeaders(s, development)
	if err != nil {
		return nil, err
	}
	byName := map[string]headerRule{}
	for name, values := range preset {
		byName[name] = headerRule{name: name, value: []string{strings.Join(values, ", ")}, mode: presetMode(s.Headers, name)}
	}
	for name, set := range s.HeaderRules {
		name = http.CanonicalHeaderKey(name)
		byName[name] = override(byName[name], name, set)
	}
	rules := make([]headerRule, 0, len(byName))
	for _, r := range byName {
		r.split()
		rules = append(rules, r)
	}
	slices.SortFunc(rules, func(a, b headerRule) int { return strings.Compare(a.name, b.name) })
	return rules, nil
}

// override applies what the settings say of one header to the preset's rule, which may be empty.
func override(r headerRule, name string, set HeaderRule) headerRule {
	r.name = name
	if set.Value != "" {
		r.value = []string{strings.ReplaceAll(set.Value, nonceMark, hiddenMark)}
	}
	if set.Mode != "" {
		r.mode = set.Mode
	}
	if len(r.value) == 0 {
		r.mode = modeRemove
	}
	return r
}

// presetMode is how a preset's header meets the app's. Two policies in one header both hold, so strict appends its
// content policy: what the app forbids stays forbidden.
func presetMode(preset, name string) string {
	switch {
	case preset == "relaxed" && name != "X-Content-Type-Options":
		return modeKeepApp
	case name == "Content-Security-Policy" || name == "Content-Security-Policy-Report-Only":
		return modeAppend
	}
	return modeSet
}
