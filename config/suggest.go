package config

import (
	"reflect"
	"strings"
)

// nearest returns the name that somebody who typed got most likely meant, "" where none is near.
func nearest(got string, known []string) string {
	best, least := "", max(1, len(got)/3)+1
	for _, name := range known {
		if d := distance(strings.ToLower(got), strings.ToLower(name)); d < least {
			best, least = name, d
		}
	}
	if least >= len(best) {
		return ""
	}
	return best
}

// elsewhere returns the whole key of a setting with this last name in another section, "" where there is none or more than one.
func elsewhere(name string) string {
	found := ""
	d := Defaults()
	for _, s := range settings(reflect.ValueOf(&d).Elem(), "") {
		if s.name == name && s.key != name {
			if found != "" {
				return ""
			}
			found = s.key
		}
	}
	return found
}

// distance counts insertions, deletions, replacements and swaps of neighbours between a and b, by bytes.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
