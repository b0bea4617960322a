package crossdoor

import (
	"bytes"
	"slices"
	"sort"
	"time"
)

// Bounds of what is searched of one statement, and of what counts as a match.
const (
	scanHead       = 48 << 10 // bytes scanned from a long statement's beginning
	scanTail       = 16 << 10 // and from its end
	maxOccurrences = 8        // of one value
	maxPlaces      = 8        // of one value in all: its occurrences, or its longest beginning and end
	maxSpans       = 64       // of one request
	minPart        = 8        // bytes of a value's beginning or end that count as a part of it
	minHard        = 5        // bytes of a value that can be hard evidence
)

// how tells in which form a value was found.
type how uint8

const (
	exact    how = iota // as one of its spellings
	respaced            // blanks, quotes, escapes or comments added or lost
	part                // its longest beginning or end
)

// span is a place in a statement that holds a value or a part of one; half open byte positions in the statement.
type span struct {
	start, end int
	how        how
	value      *value
}

// matcher finds values in one statement. It is reused from statement to statement and belongs to one goroutine at a time.
type matcher struct {
	folded []byte // the scanned part of the statement, lower case
	gapAt  int    // where folded leaves out the middle of a long statement; len(folded) where it does not
	gap    int    // bytes left out
	grams  bitmap

	squeezed   []byte
	from       []int32 // from which byte of folded each squeezed byte came
	squeezedIn bitmap

	spans   []span
	scratch []byte
	entries []*entry
	// inFlight is how many of entries, from the first, were in flight when the statement came; they may have become late since.
	inFlight int
	judge    judge
}

func newMatcher() *matcher { return &matcher{} }

// load prepares the search in sql.
func (m *matcher) load(sql []byte) {
	m.gapAt, m.gap = len(sql), 0
	if len(sql) > scanHead+scanTail {
		m.gapAt, m.gap = scanHead, len(sql)-scanHead-scanTail
		m.folded = append(appendLower(m.folded[:0], sql[:scanHead]), 0)
		m.folded = appendLower(m.folded, sql[len(sql)-scanTail:])
		m.gap--
	} else {
		m.folded = appendLower(m.folded[:0], sql)
	}
	m.grams.fill(m.folded)
	m.squeezed, m.from = squeezeMap(m.squeezed[:0], m.from[:0], m.folded)
	m.squeezedIn.fill(m.squeezed)
}

// place maps a position in folded to one in the statement.
func (m *matcher) place(at int) int {
	if at > m.gapAt {
		return at + m.gap
	}
	return at
}

// forget drops references to requests, so that a pooled matcher keeps none of them alive.
func (m *matcher) forget() {
	clear(m.entries)
	clear(m.spans)
}

// find collects in m.spans where the values stand, sorted by place, the longest first. It stops at the deadline, and
// where it has no room for more, so that nobody hides one value among many that the statement holds anyway; rest are the values not looked
// for. The last looked for may have more places than are kept.
func (m *matcher) find(values []value, deadline time.Time) (rest []value, late bool) {
	m.spans = m.spans[:0]
	i := 0
	for ; i < len(values) && !late && len(m.spans) <= maxSpans-maxPlaces; i++ {
		m.findOne(&values[i])
		late = m.isTime(i, 64) && time.Now().After(deadline)
	}
	if len(m.spans) > 1 {
		slices.SortFunc(m.spans, func(a, b span) int {
			if a.start != b.start {
				return a.start - b.start
			}
			return b.end - a.end
		})
	}
	return values[i:], late
}

// isTime reports that the time is to be looked at before step i: each most steps, oftener the longer the statement.
func (m *matcher) isTime(i, most int) bool {
	every := min(max(most<<10/(len(m.folded)+1), 1), most)
	return i%every == every-1
}

func (m *matcher) findOne(v *value) {
	if len(v.text) < gramLen {
		if !v.word {
			m.occurrences(v)
		}
		return
	}
	head, tail := m.grams.has(v.head), m.grams.has(v.tail)
	if head && tail && m.occurrences(v) {
		return
	}
	if v.word {
		return
	}
	if v.squeezable && m.squeezedIn.has(v.sqHead) && m.squeezedIn.has(v.sqTail) && m.respacedOccurrences(v) {
		return
	}
	if len(v.text) < minPart {
		return
	}
	if head {
		m.longestHead(v)
	}
	if tail {
		m.longestTail(v)
	}
}

// occurrences adds each place of the value's text and reports whether there is one.
func (m *matcher) occurrences(v *value) bool {
	m.scratch = append(m.scratch[:0], v.text...)
	found := false
	for at, n := 0, 0; n < maxOccurrences; n++ {
		i := bytes.Index(m.folded[at:], m.scratch)
		if i < 0 {
			break
		}
		m.add(at+i, at+i+len(v.text), exact, v)
		found, at = true, at+i+1
	}
	return found
}

// respacedOccurrences looks for the value with everything squeezed out that apps add, remove or exchange.
func (m *matcher) respacedOccurrences(v *value) bool {
	m.scratch = squeeze(m.scratch[:0], v.text)
	found := false
	for at, n := 0, 0; n < maxOccurrences; n++ {
		i := bytes.Index(m.squeezed[at:], m.scratch)
		if i < 0 {
			break
		}
		start, end := int(m.from[at+i]), int(m.from[at+i+len(m.scratch)-1])+1
		m.add(m.widenLeft(start, v), m.widenRight(end, v), respaced, v)
		found, at = true, at+i+1
	}
	return found
}

// widenLeft takes in the quotes that the value begins with where the statement has them too.
func (m *matcher) widenLeft(start int, v *value) int {
	for n := 0; n < len(v.text) && dropped[v.text[n]]; n++ {
		if start == 0 || !isQuote(m.folded[start-1]) {
			break
		}
		start--
	}
	return start
}

// widenRight takes in the quotes that the value ends with where the statement has them too.
func (m *matcher) widenRight(end int, v *value) int {
	for n := len(v.text) - 1; n >= 0 && dropped[v.text[n]]; n-- {
		if end == len(m.folded) || !isQuote(m.folded[end]) {
			break
		}
		end++
	}
	return end
}

func isQuote(c byte) bool { return c == '\'' || c == '"' || c == '\\' }

// longestHead adds the first place of the longest beginning of the value that the statement has.
func (m *matcher) longestHead(v *value) {
	n := m.longest(len(v.text), func(n int) []byte { return append(m.scratch[:0], v.text[:n]...) })
	if n >= minPart {
		at := bytes.Index(m.folded, []byte(v.text[:n]))
		m.add(at, at+n, part, v)
	}
}

// longestTail adds the last place of the longest end of the value that the statement has.
func (m *matcher) longestTail(v *value) {
	n := m.longest(len(v.text), func(n int) []byte { return append(m.scratch[:0], v.text[len(v.text)-n:]...) })
	if n >= minPart {
		at := bytes.LastIndex(m.folded, []byte(v.text[len(v.text)-n:]))
		m.add(at, at+n, part, v)
	}
}

// longest returns the greatest n below limit whose piece the statement has. Pieces grow from one end, so that bisection is right.
func (m *matcher) longest(limit int, piece func(n int) []byte) int {
	return sort.Search(limit-1, func(i int) bool {
		m.scratch = piece(i + 1)
		return !bytes.Contains(m.folded, m.scratch)
	})
}

func (m *matcher) add(start, end int, h how, v *value) {
	if len(m.spans) < maxSpans {
		m.spans = append(m.spans, span{m.place(start), m.place(end), h, v})
	}
}
