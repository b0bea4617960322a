package screen

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Structure is one statement without its literals, as files of structures have it.
type Structure struct {
	SQL string `json:"sql"`
	// Role is the database role that may send it, "" any; only allow-lists ask for it.
	Role string `json:"role,omitempty"`
}

// LeftOut is a statement that cannot be learned. It holds no literal.
type LeftOut struct {
	SQL string `json:"sql"`
	Why string `json:"why"`
}

// Structures are statements to learn, each structure and role once. The zero value is empty.
type Structures struct {
	all  map[Structure]bool
	left []LeftOut
}

// maxLeftOut bounds the statements that are named as left out.
const maxLeftOut = 1000

// Add takes a statement of role. One that is broken or that a rule of weight 3 or more objects to is left out, and not an error.
func (l *Structures) Add(sql, role string) {
	s := Read(sql, Options{})
	defer s.Release()
	if len(s.Tokens) == 0 {
		return
	}
	if why := unfit(s); why != "" {
		if one := (LeftOut{SQL: s.Skeleton(), Why: why}); len(l.left) < maxLeftOut && !slices.Contains(l.left, one) {
			l.left = append(l.left, one)
		}
		return
	}
	text, _ := canonical(s.Structure())
	l.add(Structure{SQL: strings.TrimRight(text, " "), Role: role})
}

// unfit says why s cannot be learned, "" where it can.
func unfit(s *Statement) string {
	if s.Fault != "" {
		return "it is broken: " + s.Fault
	}
	for _, f := range Check(s, Builtin()) {
		if f.Weight >= 3 {
			return f.Rule + ": " + f.Reason
		}
	}
	structure := s.Structure()
	if _, ok := canonical(structure); !ok || len(structure) > maxStructure || holdsCode(structure) {
		return "it is too long, or holds code in a literal"
	}
	return ""
}

func (l *Structures) add(one Structure) {
	if l.all == nil {
		l.all = map[Structure]bool{}
	}
	l.all[one] = true
}

// ReadFile adds the structures of a file that WriteFile or Model.Save wrote, as they stand there: an allow-list may hold what no rule
// likes. The error names the lines that hold no statement.
func (l *Structures) ReadFile(r io.Reader) error {
	return readSeed(r, func(line seedLine) error {
		s := Read(line.SQL, Options{})
		defer s.Release()
		if s.Fault != "" || len(s.Tokens) == 0 {
			return fmt.Errorf("%w: a statement that is broken or empty", ErrSeed)
		}
		text, ok := canonical(s.Structure())
		if text = strings.TrimRight(text, " "); !ok {
			text = line.SQL
		}
		l.add(Structure{SQL: text, Role: line.Role})
		return nil
	})
}

// WriteFile writes them as JSON lines, sorted, so that two files can be compared.
func (l *Structures) WriteFile(w io.Writer) error {
	out := bufio.NewWriter(w)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(seedHead{Format: seedFormat, Version: seedVersion}) // out keeps the error
	for _, one := range l.List() {
		_ = enc.Encode(one)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write structures: %w", err)
	}
	return nil
}

// List returns them, sorted by text and role; never nil.
func (l *Structures) List() []Structure {
	all := make([]Structure, 0, len(l.all))
	for one := range l.all {
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b Structure) int { return cmp.Or(cmp.Compare(a.SQL, b.SQL), cmp.Compare(a.Role, b.Role)) })
	return all
}

// LeftOut returns what Add left out, in order of appearance, at most 1000; never nil.
func (l *Structures) LeftOut() []LeftOut { return append([]LeftOut{}, l.left...) }

// Missing returns those that other has not, in order; one that other has for any role is not missing.
func (l *Structures) Missing(other *Structures) []Structure {
	return slices.DeleteFunc(l.List(), func(one Structure) bool { return other.all[one] || other.all[Structure{SQL: one.SQL}] })
}

// Merge adds all of other.
func (l *Structures) Merge(other *Structures) {
	for one := range other.all {
		l.add(one)
	}
}
