package wire

import (
	"maps"
	"slices"
	"strings"
)

// values are settings that a session made, by name. They never change; with and without make new ones.
type values struct {
	of map[string]string
	// sig is equal for equal values.
	sig string
	// backslashes says that standard_conforming_strings is off.
	backslashes bool
}

func newValues(of map[string]string) values {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(of)) {
		b.WriteString(name)
		b.WriteByte(0)
		b.WriteString(of[name])
		b.WriteByte(0)
	}
	return values{of: of, sig: b.String(), backslashes: of["standard_conforming_strings"] == "off"}
}

// under is v with the values of top laid over it.
func (v values) under(top values) values {
	all := maps.Clone(v.of)
	if all == nil {
		return top
	}
	maps.Copy(all, top.of)
	return newValues(all)
}

// order puts names in the order in which they can be set: who one is comes first, and the role, which may take rights away, last.
func order(names []string) []string {
	rank := func(name string) int {
		switch name {
		case "session_authorization":
			return 0
		case "role":
			return 2
		}
		return 1
	}
	slices.SortFunc(names, func(a, b string) int {
		if d := rank(a) - rank(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return names
}

// change is SQL that turns the settings have into want, "" where they are equal.
func change(have, want values) string {
	if have.sig == want.sig {
		return ""
	}
	var b strings.Builder
	resets := order(slices.Collect(maps.Keys(have.of)))
	slices.Reverse(resets)
	for _, name := range resets {
		if _, kept := want.of[name]; !kept {
			b.WriteString("RESET " + settingName(name) + ";")
		}
	}
	for _, name := range order(slices.Collect(maps.Keys(want.of))) {
		if value, ok := have.of[name]; !ok || value != want.of[name] {
			b.WriteString("SELECT pg_catalog.set_config(" + literal(name) + "," + literal(want.of[name]) + ",false);")
		}
	}
	return b.String()
}

// settingName quotes a setting's name, each part of "a.b" alone.
func settingName(name string) string {
	parts := strings.Split(name, ".")
	for i, p := range parts {
		parts[i] = `"` + strings.ReplaceAll(p, `"`, `""`) + `"`
	}
	return strings.Join(parts, ".")
}

// literal quotes s so that it means the same whatever standard_conforming_strings is.
func literal(s string) string {
	s = strings.ReplaceAll(s, `\`, `\\`)
	return "E'" + strings.ReplaceAll(s, "'", `\'`) + "'"
}
