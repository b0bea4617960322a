package screen

import "bytes"

// lexString reads a literal whose first quote stands at q, with all continuations on later lines.
func (s *Statement) lexString(start, q int, form Form) int {
	for i := q + 1; ; {
		end := s.stringEnd(i, form)
		if end < 0 {
			s.fail(start, "unterminated quoted string")
			return s.add(String, form, start, len(s.text))
		}
		if i = s.continued(end); i < 0 {
			return s.add(String, form, start, end)
		}
	}
}

// stringEnd returns the place after the quote that ends the literal whose inside is read from i; -1 where there is none.
func (s *Statement) stringEnd(i int, form Form) int {
	if form == Escape {
		return s.escapeEnd(i)
	}
	for {
		n := bytes.IndexByte(s.text[i:], '\'')
		if n < 0 {
			return -1
		}
		if i += n + 1; s.at(i) != '\'' || form == Bits {
			return i
		}
		i++
	}
}

// escapeEnd is stringEnd where a backslash escapes.
func (s *Statement) escapeEnd(i int) int {
	t, high := s.text, false
	for i < len(t) {
		wasHigh := high
		high = false
		switch t[i] {
		case '\'':
			if i++; s.at(i) != '\'' {
				s.wantLow(i, wasHigh)
				return i
			}
			i++
		case '\\':
			var n int
			n, high = s.escape(i, wasHigh)
			i += n
			continue
		default:
			i++
		}
		s.wantLow(i, wasHigh)
	}
	return -1
}

func (s *Statement) wantLow(i int, wasHigh bool) {
	if wasHigh {
		s.fail(i, "invalid Unicode surrogate pair")
	}
}

// escape returns the length of the escape at i and whether it is the first half of a surrogate pair.
func (s *Statement) escape(i int, wasHigh bool) (int, bool) {
	want := map4or8(s.at(i + 1))
	if want == 0 {
		s.wantLow(i, wasHigh)
		return 2, false
	}
	var v uint32
	for k := range want {
		c := s.at(i + 2 + k)
		if classes[c]&hexchar == 0 {
			s.fail(i, "invalid Unicode escape")
			return 2, false
		}
		v = v<<4 | uint32(hexValue(c))
	}
	isHigh, isLow := v>>10 == 0xD800>>10, v>>10 == 0xDC00>>10
	switch {
	case wasHigh != isLow:
		s.fail(i, "invalid Unicode surrogate pair")
	case v == 0 || v > 0x10FFFF:
		s.fail(i, "invalid Unicode escape value")
	}
	return 2 + want, isHigh
}

// map4or8 returns how many digits follow \u and \U, 0 for another letter.
func map4or8(c byte) int {
	switch c {
	case 'u':
		return 4
	case 'U':
		return 8
	}
	return 0
}

func hexValue(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return lower[c] - 'a' + 10
}

// continued returns the place after the quote that continues a literal that ended at i: blanks and -- comments with at least one
// line's end between. -1 where the literal is over.
func (s *Statement) continued(i int) int {
	t, lines := s.text, false
	for i < len(t) {
		switch c := t[i]; {
		case c == '\n' || c == '\r':
			lines = true
			i++
		case classes[c]&blank != 0:
			i++
		case c == '-' && s.at(i+1) == '-':
			for i < len(t) && t[i] != '\n' && t[i] != '\r' {
				i++
			}
		case c == '\'' && lines:
			return i + 1
		default:
			return -1
		}
	}
	return -1
}
