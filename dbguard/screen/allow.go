package screen

import (
	"fmt"
	"io"
)

// Mode says what is done about a statement that screening objects to.
type Mode string

// The modes: Off looks at nothing, Observe reports and never refuses, Enforce refuses.
const (
	Off     Mode = "off"
	Observe Mode = "observe"
	Enforce Mode = "enforce"
)

// Valid reports one of the three modes.
func (m Mode) Valid() bool { return m == Off || m == Observe || m == Enforce }

// AllowList holds the structures that each database role may send. It never changes, so that several goroutines may ask it.
type AllowList struct {
	key   Key
	roles map[string]map[Fingerprint]bool // exact and loose fingerprints by role; "" is any role
}

// ReadAllowList reads a file of structures, which may name a role on each line. Lines that are broken are all reported, and then there is
// no list.
func ReadAllowList(r io.Reader, key Key) (*AllowList, error) {
	a := &AllowList{key: key, roles: map[string]map[Fingerprint]bool{}}
	err := readSeed(r, func(line seedLine) error {
		s := Read(line.SQL, Options{})
		defer s.Release()
		if s.Fault != "" || len(s.Tokens) == 0 {
			return fmt.Errorf("%w: a statement that is broken or empty", ErrSeed)
		}
		if a.roles[line.Role] == nil {
			a.roles[line.Role] = map[Fingerprint]bool{}
		}
		a.roles[line.Role][s.Fingerprint(key)] = true
		loose, _ := s.Loose(key)
		a.roles[line.Role][loose] = true
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("allow-list: %w", err)
	}
	return a, nil
}

// Allows reports whether role may send s: a structure on the list, lists of values and rows of any length. A text without a token, which
// drivers send as a ping, is always allowed.
func (a *AllowList) Allows(role string, s *Statement) bool {
	if s.Fault != "" {
		return false
	}
	if len(s.Tokens) == 0 {
		return true
	}
	f := s.Fingerprint(a.key)
	if a.has(role, f) {
		return true
	}
	f, _ = s.Loose(a.key)
	return a.has(role, f)
}

// AllowsStructure is Allows for the exact and the loose fingerprint of a statement that is neither faulty nor empty.
func (a *AllowList) AllowsStructure(role string, exact, loose Fingerprint) bool {
	return a.has(role, exact) || a.has(role, loose)
}

func (a *AllowList) has(role string, f Fingerprint) bool { return a.roles[role][f] || a.roles[""][f] }

// Rule returns the rule that finds whatever role may not send. Mode Off and a nil list find nothing; Observe gives no weight.
func (a *AllowList) Rule(role string, mode Mode) Rule {
	weight := 0
	if mode == Enforce {
		weight = Refuse
	}
	return Rule{Name: "allow-list", Check: func(s *Statement) []Finding {
		if a == nil || mode == Off || a.Allows(role, s) {
			return nil
		}
		return []Finding{{Rule: "allow-list", Reason: "a structure that is not on the list of the role", End: len(s.text), Weight: weight}}
	}}
}
