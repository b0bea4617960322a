package screen

import (
	"bytes"
	"hash/maphash"
	"sort"
	"sync"
)

const (
	// maxSlots bounds the values of one template that may be found to have grown, maxAlike the templates that begin alike.
	maxSlots, maxAlike = 32, 8
)

// Growth tells that one value of a known statement became several tokens.
type Growth struct {
	// Template is the known statement as Skeleton shows it; Fingerprint is its exact one.
	Template    string
	Fingerprint Fingerprint
	// Slot is the value that grew, counted from 1.
	Slot int
	// From and To are the inserted tokens, half open.
	From, To int
	// Swallowed reports that the rest of the template is missing: a comment or an open literal hides it.
	Swallowed bool
	// Repeats reports that the inserted tokens are the template's own from around the value once more, one time or several, as in a list,
	// a bulk update or rows that became longer.
	Repeats bool
}

// growthIndex finds templates by what stands before one of their values.
type growthIndex struct {
	seed maphash.Seed

	mu    sync.RWMutex // guards index
	index map[uint64][]slot
}

// slot is one value of a template, at byte at of its structure; nth counts from 1.
type slot struct {
	of      *template
	at, nth int
}

// slots calls f with the hash of what stands before each value of structure, where that names something: SELECT ? would grow into
// every text that begins so, and nobody puts input behind SET.
func (g *growthIndex) slots(structure []byte, f func(hash uint64, at, nth int)) {
	if bytes.HasPrefix(structure, []byte{'s', 'e', 't', elemEnd}) {
		return
	}
	var h maphash.Hash
	h.SetSeed(g.seed)
	n, named := 0, false
	walk(structure, func(from, to int) bool {
		if structure[from] == elemValue {
			if n++; named {
				f(h.Sum64(), from, n)
			}
		}
		named = named || isName(structure[from:to])
		h.Write(structure[from:to])
		return n < maxSlots
	})
}

// isName reports an element that is a name, not a keyword that we know.
func isName(element []byte) bool {
	if element[0] == '"' {
		return true
	}
	return classes[element[0]]&letter != 0 && len(element) > 1 && wordByName[string(element[:len(element)-1])] == noWord
}

func (g *growthIndex) add(e *template) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if e.gone {
		return
	}
	g.slots(e.structure, func(hash uint64, at, nth int) {
		list := g.index[hash]
		if len(list) >= maxAlike {
			list = append(list[:0:0], list[1:]...)
		}
		g.index[hash] = append(list, slot{of: e, at: at, nth: nth})
	})
}

func (g *growthIndex) drop(e *template) {
	g.mu.Lock()
	defer g.mu.Unlock()
	e.gone = true
	g.slots(e.structure, func(hash uint64, _, _ int) {
		var kept []slot
		for _, sl := range g.index[hash] {
			if sl.of != e {
				kept = append(kept, sl)
			}
		}
		if kept == nil {
			delete(g.index, hash)
			return
		}
		g.index[hash] = kept
	})
}

// mark is where an element begins in the skeleton, and the token it begins at.
type mark struct{ at, token int }

// Growth finds the known statement of which s is a grown form: all of it but one value, which became two tokens or more. It prefers a
// template whose end is there to one that is swallowed, and the latest value. ok is false where there is none.
func (m *Model) Growth(s *Statement) (found Growth, ok bool) {
	structure, marks := s.marked()
	var best slot
	bestEnd := 0
	var h maphash.Hash
	h.SetSeed(m.growth.seed)
	m.growth.mu.RLock()
	defer m.growth.mu.RUnlock()
	for i, mk := range marks {
		for _, sl := range m.growth.index[h.Sum64()] {
			end, grown := grownEnd(s, structure, marks, sl, i)
			if grown && (best.of == nil || end >= 0 || bestEnd < 0) {
				best, bestEnd = sl, end
			}
		}
		next := len(structure)
		if i+1 < len(marks) {
			next = marks[i+1].at
		}
		h.Write(structure[mk.at:next])
	}
	if best.of == nil {
		return Growth{}, false
	}
	found = Growth{Template: shown(best.of.structure), Fingerprint: best.of.exact, Slot: best.nth, To: len(s.Tokens), Swallowed: bestEnd < 0}
	found.From = marks[tokenMark(marks, best.at)].token
	found.Repeats = bestEnd >= 0 && repeats(best.of.structure[:best.at+1], structure[best.at+1:bestEnd], best.of.structure[best.at+1:])
	if bestEnd >= 0 && bestEnd < len(structure) {
		found.To = marks[tokenMark(marks, bestEnd)].token
	}
	return found, true
}

// repeats reports that inserted is, once or several times, what begins behind it and what ends before it, with a comma between where
// the template has but one of a list.
func repeats(before, inserted, behind []byte) bool {
	for period := 1; period <= len(inserted); period++ {
		if len(inserted)%period != 0 || !bytes.Equal(inserted[period:], inserted[:len(inserted)-period]) {
			continue
		}
		once := inserted[:period]
		same := 0
		for same < len(once) && same < len(behind) && once[same] == behind[same] {
			same++
		}
		for n := 0; n <= same; n++ {
			if bytes.HasSuffix(before, once[n:]) || n < len(once) && once[n] == ',' && bytes.HasSuffix(before, once[n+1:]) {
				return true
			}
		}
	}
	return false
}

// grownEnd returns where in structure the template's rest begins, if s is the template with the value of sl grown; -1 where the rest
// is swallowed. The element at marks[i] stands where the value stood.
func grownEnd(s *Statement, structure []byte, marks []mark, sl slot, i int) (end int, grown bool) {
	t := sl.of.structure
	if sl.at != marks[i].at || marks[i].token == len(s.Tokens) || !bytes.Equal(t[:sl.at], structure[:sl.at]) {
		return 0, false
	}
	rest := t[sl.at+1:]
	if len(rest) >= 2 && rest[0] == elemCompared {
		rest = rest[2:] // a grown value compares as it likes
	}
	end = len(structure) - len(rest)
	if end > sl.at && bytes.HasSuffix(structure, rest) {
		if k := tokenMark(marks, end); end == len(structure) || k < len(marks) && marks[k].at == end {
			return end, k-i >= 2 && (k == len(marks) || marks[k].token > marks[i].token)
		}
	}
	swallowed := s.Fault != "" || len(s.Comments) > 0 && int(s.Comments[len(s.Comments)-1].Before) == len(s.Tokens)
	return -1, swallowed && len(rest) > 0 && len(marks)-i >= 2
}

// tokenMark returns the index of the mark at byte at, len(marks) beyond the last.
func tokenMark(marks []mark, at int) int {
	return sort.Search(len(marks), func(i int) bool { return marks[i].at >= at })
}

// marked returns the exact skeleton of s and where its elements begin; good until the next call of a method of s.
func (s *Statement) marked() ([]byte, []mark) {
	structure := s.Structure()
	s.marks = s.marks[:0]
	token := 0
	walk(structure, func(from, to int) bool {
		switch structure[from] {
		case elemCompared, elemBody:
			return true // belongs to the value before it
		case elemComment, elemFault:
			s.marks = append(s.marks, mark{from, token})
			return true
		}
		s.marks = append(s.marks, mark{from, token})
		if s.isSigned(token) {
			token++
		}
		token++
		return true
	})
	return structure, s.marks
}

// shown renders a template for people.
func shown(structure []byte) string {
	text, _ := canonical(structure)
	s := Read(text, Options{})
	defer s.Release()
	return s.Skeleton()
}
