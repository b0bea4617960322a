package screen

// maxShapes is how many shapes of statements in one text are remembered.
const maxShapes = 8

// shapes are where the statements of one text begin that are unlike those before them, the last maxShapes.
type shapes struct {
	at [maxShapes]int
	n  int
}

// repeated reports that the statement at token i is one of those before it again, with other values; else it is remembered.
func (h *shapes) repeated(s *Statement, i int) bool {
	for k := range min(h.n, maxShapes) {
		if s.alike(h.at[k], i) {
			return true
		}
	}
	h.at[h.n%maxShapes] = i
	h.n++
	return false
}

// alike reports that the statements at tokens a and b differ in their values and in the lengths of value lists alone, as those of a
// batch do that a driver has joined to one text.
func (s *Statement) alike(a, b int) bool {
	for {
		nextA, nextB := s.afterValues(a), s.afterValues(b)
		switch endA, endB := s.endsStatement(a), s.endsStatement(b); {
		case endA || endB:
			return endA && endB
		case (nextA == a) != (nextB == b):
			return false
		case nextA == a:
			if s.Tokens[a].Kind != s.Tokens[b].Kind || !foldsEqual(s.Of(a), s.Of(b)) {
				return false
			}
			nextA, nextB = a+1, b+1
		}
		a, b = nextA, nextB
	}
}

// endsStatement reports a semicolon or the text's end at token i.
func (s *Statement) endsStatement(i int) bool { return i >= len(s.Tokens) || s.mark(i) == ';' }

// afterValues returns the token behind the list of values that begins at i, casts and arrays included; i where none does.
func (s *Statement) afterValues(i int) int {
	next := s.afterOne(i)
	for next > i && s.mark(next) == ',' {
		more := s.afterOne(next + 1)
		if more == next+1 {
			break
		}
		next = more
	}
	return next
}

// afterOne is afterValues for a list of one.
func (s *Statement) afterOne(i int) int {
	next := i
	switch {
	case s.isSigned(i):
		next += 2
	case s.isValue(i):
		next++
	case s.is(i) == wArray && s.mark(i+1) == '[':
		next = s.closing(i+1) + 1
	default:
		return i
	}
	for s.isOp(next, "::") && next+1 < len(s.Tokens) && s.Tokens[next+1].Kind == Word {
		if next += 2; s.mark(next) == '[' && s.mark(next+1) == ']' {
			next += 2
		}
	}
	return next
}

// isBatch reports several statements that are alike, and nothing else.
func (s *Statement) isBatch() bool {
	s.index()
	n := 0
	for i := range s.Tokens {
		if s.mark(i) == ';' || i > 0 && s.mark(i-1) != ';' {
			continue
		}
		if n++; n > 1 && !s.alike(0, i) {
			return false
		}
	}
	return n > 1
}
