package main

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"strings"
)

// row is one line of a corpus. Fields that a corpus does not have are empty.
type row struct {
	ID, Src string
	// Text is a payload or a value of a request.
	Text string
	// SQL is the statement; Input, or Inputs where there are several, are the values that the app put into it.
	SQL, Input string
	Inputs     []string
	// Kind is "attack" or "benign"; Mode "raw" (concatenated) or "safe" (escaped or bound); Truth what PostgreSQL's parser says:
	// "effective", "swap", "inert" or "broken".
	Kind, Mode, Truth string
	// Ctx is where in the statement the value stands, or how the app changed it first.
	Ctx string
}

// isAttack reports an attack that changed the statement's structure.
func (r row) isAttack() bool { return r.Kind == "attack" && r.Mode == "raw" && r.Truth == "effective" }

// isHarmless reports a harmless value that stayed a value, or a name to sort by that became another: what an app shows its own
// structures with.
func (r row) isHarmless() bool {
	return r.Kind == "benign" && (r.Truth == "inert" || r.Truth == "swap" && r.Ctx == "orderby")
}

// inputs are the values of the request.
func (r row) inputs() []string {
	if r.Inputs != nil {
		return r.Inputs
	}
	return []string{r.Input}
}

// half tells, by its texts, in which half of its corpus a row is: 1 or 2.
func (r row) half() int {
	h := fnv.New32a()
	_, _ = io.WriteString(h, r.Text+r.Input+r.SQL)
	return 1 + int(h.Sum32()>>7&1)
}

// readRows reads a file of JSON lines, gzip where its name ends in .gz.
func readRows(path string) (rows []row, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("corpus: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var in io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if in, err = gzip.NewReader(f); err != nil {
			return nil, fmt.Errorf("corpus: %s: %w", path, err)
		}
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	for n := 1; lines.Scan(); n++ {
		var r row
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("corpus: %s:%d: %w", path, n, err)
		}
		rows = append(rows, r)
	}
	return rows, lines.Err()
}

func keep(rows []row, want func(row) bool) (kept []row) {
	for _, r := range rows {
		if want(r) {
			kept = append(kept, r)
		}
	}
	return kept
}
