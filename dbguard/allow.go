package dbguard

import (
	"slices"

	"sallyport/dbguard/screen"
)

// allowed is the allow-list that holds.
type allowed struct {
	list  *screen.AllowList
	mode  Mode
	roles map[string]Mode // modes of single roles
}

// of is the mode that holds for role.
func (a *allowed) of(role string) Mode {
	if mode, own := a.roles[role]; own {
		return mode
	}
	return a.mode
}

// Allow lets list hold from the next query on: with Enforce, a role may send the structures that stand on it and nothing else;
// with Observe such queries are only reported. A role that stands in roles has its own mode. A nil list, or Off for all, ends it. The list
// must have been read with the guard's Key; roles is kept.
func (g *Guard) Allow(list *screen.AllowList, mode Mode, roles map[string]Mode) {
	on := mode != Off
	for _, own := range roles {
		on = on || own != Off
	}
	if list == nil || !on {
		g.allowed.Store(nil)
		return
	}
	g.allowed.Store(&allowed{list, mode, roles})
}

// Key is that of the guard's fingerprints.
func (g *Guard) Key() screen.Key { return g.key }

// Model holds the structures that the guard knows; to load some makes it know them from the first query on.
func (g *Guard) Model() *screen.Model { return g.model }

// allows reports whether role may send a statement with verdict v; an empty one, which drivers send as a ping, always.
func (a *allowed) allows(role string, v *Verdict) bool {
	return v.empty || !v.broken && a.list.AllowsStructure(role, v.exact, v.Fingerprint)
}

// notAllowed is v with the finding that its structure is not on the list.
func (v *Verdict) notAllowed() *Verdict {
	more := *v
	more.Findings = append(slices.Clip(v.Findings), screen.Finding{Rule: "allow-list", Reason: "a structure that is not on the list of the role"})
	return &more
}
