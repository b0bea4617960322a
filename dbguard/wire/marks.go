package wire

import (
	"slices"
	"strings"
)

// pins are the kinds of state that keep a server connection with its client.
type pins uint8

const (
	pinListen pins = 1 << iota
	pinTemp
	pinPrepare
	pinLock
	pinHold
	pinUnknown
)

var pinNames = []string{"LISTEN", "temporary table", "SQL PREPARE", "session advisory lock", "WITH HOLD cursor", "unknown state"}

// String names them for a person: "LISTEN, temporary table".
func (p pins) String() string {
	var names []string
	for i, name := range pinNames {
		if p&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// marks are what a statement may do to its session beyond its transaction.
type marks struct {
	pins pins
	// frees are the kinds of which it may let go.
	frees pins
	// settings are the names that it may set for the session; anySetting says that the names are not in the text.
	settings   []string
	anySetting bool
	// resetAll is RESET ALL; discardAll DISCARD ALL.
	resetAll, discardAll bool
	// deallocate is the name in DEALLOCATE; deallocateAll is DEALLOCATE ALL.
	deallocate    string
	deallocateAll bool
	// deallocations are all of them, in their order in the text.
	deallocations []deallocation
	// commit reports COMMIT and the like; single that it is the only statement of its text.
	commit, single bool
	// encoding is a client_encoding that is refused, "" where none is set.
	encoding string
}

// deallocation is one DEALLOCATE of a text.
type deallocation struct {
	// name is that of the prepared statement, "" for all; it stands in the text from start to end.
	name       string
	start, end int
	// statement is the place of the DEALLOCATE among the text's statements, from 1.
	statement int
}

// lasting reports that the server must be asked afterwards what the session holds now.
func (m *marks) lasting() bool {
	return m != nil && (m.pins|m.frees != 0 || len(m.settings) > 0 || m.anySetting || m.resetAll || m.discardAll)
}

// readMarks finds them in sql, nil where it holds none. It errs on the side of asking the server once too often.
func readMarks(sql string, backslashQuotes bool) *marks {
	r := markReader{words: words{sql: sql, backslash: backslashQuotes}}
	r.read(0)
	if !r.found {
		return nil
	}
	m := r.marks
	m.single = r.statements <= 1
	return &m
}

// markReader walks the words of a text, statement by statement.
type markReader struct {
	words      words
	marks      marks
	found      bool
	statements int
	// nested reports that words are of a text inside the text.
	nested bool
}

func (r *markReader) pin(p pins) { r.marks.pins |= p; r.found = true }

func (r *markReader) free(p pins) { r.marks.frees |= p; r.found = true }

func (r *markReader) set(name string) {
	if !slices.Contains(r.marks.settings, name) {
		r.marks.settings = append(r.marks.settings, name)
	}
	r.found = true
}

func (r *markReader) anySetting() { r.marks.anySetting = true; r.found = true }

// read takes statement after statement; depth counts DO bodies inside each other.
func (r *markReader) read(depth int) {
	first := true
	previous := ""
	for {
		w := r.words.next()
		switch w.kind {
		case wordEnd:
			return
		case wordSemicolon:
			first, previous = true, ""
			continue
		case wordText:
			if previous == "do" && depth < 4 {
				r.inside(w.text, depth+1)
			}
			continue
		case wordSymbol:
			continue
		}
		if first {
			r.statements++
			r.head(w)
		} else {
			r.within(w, previous)
		}
		if previous != "do" || w.text == "do" {
			previous = w.text
		}
		first = false
	}
}

// inside reads the text of a DO block.
func (r *markReader) inside(body string, depth int) {
	outer, wasNested := r.words, r.nested
	r.words, r.nested = words{sql: body, backslash: outer.backslash}, true
	for {
		w := r.words.next()
		if w.kind == wordEnd {
			break
		}
		if w.kind == wordName && w.text != "end" {
			r.head(w)
			r.within(w, "create")
		}
	}
	r.words, r.nested = outer, wasNested
}
