package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Mistake is one thing that is wrong with the settings, and where.
type Mistake struct {
	// File is the settings file, the variable (SALLYPORT_HTTP_LISTEN) or the flag (--app) that holds it; "" where none does.
	File string `json:"file"`
	// Line and Col count from 1; 0 where File is no file or the key stands nowhere in it.
	Line int `json:"line,omitempty"`
	Col  int `json:"col,omitempty"`
	// Key is the setting, such as database.pool.max; "" where the file itself is meant.
	Key string `json:"key,omitempty"`
	// Text says what is wrong and what is wanted; it begins with the key where there is one.
	Text string `json:"text"`
}

// userinfo is what a URL carries before the @: never to be shown.
var userinfo = regexp.MustCompile(`://[^/@\s"]*@`)

// Error is "file:line:col: what is wrong".
func (m Mistake) Error() string {
	switch {
	case m.File == "":
		return m.Text
	case m.Line == 0:
		return m.File + ": " + m.Text
	}
	return fmt.Sprintf("%s:%d:%d: %s", m.File, m.Line, m.Col, m.Text)
}

// Mistakes are all that is wrong with the settings, in order of the file.
type Mistakes []Mistake

// Error has a line for each mistake.
func (m Mistakes) Error() string {
	lines := make([]string, len(m))
	for i, one := range m {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// sorted returns m in order of place, without a second mistake about the same key and without any password that a URL holds.
func (m Mistakes) sorted() Mistakes {
	seen := map[string]bool{}
	kept := slices.DeleteFunc(slices.Clone(m), func(one Mistake) bool {
		again := one.Key != "" && seen[one.Key]
		seen[one.Key] = true
		return again
	})
	for i := range kept {
		kept[i].Text = userinfo.ReplaceAllString(kept[i].Text, "://***@")
	}
	slices.SortStableFunc(kept, func(a, b Mistake) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Col - b.Col
	})
	return kept
}
