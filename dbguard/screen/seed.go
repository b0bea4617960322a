package screen

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

const (
	seedFormat  = "sallyport structures"
	seedVersion = 1
	// maxSeedLine and maxSeedLines bound what Load reads: bytes of one line and lines of one file.
	maxSeedLine, maxSeedLines = 64 << 10, 100_000
)

// ErrSeed is wrapped by all complaints about a file of structures.
var ErrSeed = errors.New("not a file of structures")

// seedHead is the first line of a file of structures; each further line is a seedLine.
type seedHead struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
}

// seedLine is one structure as a text with '?' for each literal.
type seedLine struct {
	SQL string `json:"sql"`
	// Role is the database role that may send it; "" is any. Only allow-lists ask for it.
	Role string `json:"role,omitempty"`
}

// Save writes the known structures as JSON lines, sorted, so that two files can be compared. They hold no literals. Structures that no
// text without literals has are left out.
func (m *Model) Save(w io.Writer) error {
	out := bufio.NewWriter(w)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(seedHead{Format: seedFormat, Version: seedVersion}); err != nil {
		return fmt.Errorf("save structures: %w", err)
	}
	for _, text := range m.texts() {
		if len(text) > maxSeedLine/2 {
			continue
		}
		if err := enc.Encode(seedLine{SQL: text}); err != nil {
			return fmt.Errorf("save structures: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("save structures: %w", err)
	}
	return nil
}

// texts returns the canonical texts of the known structures, sorted.
func (m *Model) texts() []string {
	var all []string
	for _, e := range m.templates() {
		if text, ok := canonical(e.structure); ok {
			all = append(all, strings.TrimRight(text, " "))
		}
	}
	slices.Sort(all)
	return all
}

// Load learns the structures of a file that Save wrote. It trusts nothing in it: lines that are no clean statement are refused with
// their number, after all good ones were learned. It returns how many were learned.
func (m *Model) Load(r io.Reader) (int, error) {
	learned := 0
	rules := Builtin()
	err := readSeed(r, func(line seedLine) error {
		s := Read(line.SQL, Options{})
		defer s.Release()
		if s.Fault != "" || !Clean(Check(s, rules)) {
			return fmt.Errorf("%w: a statement that is not clean", ErrSeed)
		}
		if !m.Learn(s, "", true) {
			return fmt.Errorf("%w: a statement that cannot be learned", ErrSeed)
		}
		learned++
		return nil
	})
	return learned, err
}

// readSeed calls f for each structure of a file. Complaints of f are gathered, up to ten, with the number of the line.
func readSeed(r io.Reader, f func(seedLine) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxSeedLine)
	var head seedHead
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &head) != nil || head.Format != seedFormat {
		return fmt.Errorf("line 1: %w", ErrSeed)
	}
	if head.Version != seedVersion {
		return fmt.Errorf("line 1: %w: version %d, want %d", ErrSeed, head.Version, seedVersion)
	}
	var wrong []error
	for n := 2; lines.Scan(); n++ {
		if n > maxSeedLines {
			return errors.Join(append(wrong, fmt.Errorf("line %d: %w: more than %d lines", n, ErrSeed, maxSeedLines))...)
		}
		var line seedLine
		err := json.Unmarshal(lines.Bytes(), &line)
		if err != nil {
			err = fmt.Errorf("%w: no JSON object with sql", ErrSeed)
		} else {
			err = f(line)
		}
		if err != nil && len(wrong) < 10 {
			wrong = append(wrong, fmt.Errorf("line %d: %w", n, err))
		}
	}
	if err := lines.Err(); err != nil {
		wrong = append(wrong, fmt.Errorf("read structures: %w", err))
	}
	return errors.Join(wrong...)
}

// Diff returns the structures that only m knows and those that only other knows, as Save writes them, sorted.
func (m *Model) Diff(other *Model) (only, missing []string) {
	mine, theirs := m.texts(), other.texts()
	return without(mine, theirs), without(theirs, mine)
}

// without returns the elements of a that are not in b; both are sorted.
func without(a, b []string) (rest []string) {
	for _, x := range a {
		if _, found := slices.BinarySearch(b, x); !found {
			rest = append(rest, x)
		}
	}
	return rest
}
