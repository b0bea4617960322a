package screen

import (
	"bytes"
	"slices"
)

// lex reads s.text in one pass without recursion. Boundaries are those of PostgreSQL's scan.l (version 17).
func (s *Statement) lex() {
	t := s.text
	if n := bytes.IndexByte(t, 0); n >= 0 {
		s.fail(n, "a zero byte") // no message can hold one, and skeletons end their words with it
	}
	for i := 0; i < len(t); {
		c := t[i]
		switch k := classes[c]; {
		case k&blank != 0:
			i++
		case k&letter != 0:
			i = s.lexWord(i)
		case k&digit != 0:
			i = s.lexNumber(i)
		case k&self != 0:
			i = s.add(Punct, Plain, i, i+1)
		case k&opchar != 0:
			i = s.lexOperator(i)
		default:
			i = s.lexRest(i, c)
		}
	}
}

// add appends a token and returns its end.
func (s *Statement) add(k Kind, f Form, start, end int) int {
	n := len(s.Tokens)
	if n == cap(s.Tokens) {
		s.Tokens = slices.Grow(s.Tokens, max(32, n))
	}
	s.Tokens = s.Tokens[:n+1]
	t := &s.Tokens[n] // written in place: half the time of an append
	t.Start, t.End, t.Kind, t.Form, t.word = int32(start), int32(end), k, f, noWord
	return end
}

// at returns the byte at i, 0 beyond the end.
func (s *Statement) at(i int) byte {
	if i < len(s.text) {
		return s.text[i]
	}
	return 0
}

func (s *Statement) lexRest(i int, c byte) int {
	next := s.at(i + 1)
	switch c {
	case '\'':
		form := Plain
		if s.options.BackslashQuotes {
			form = Escape
		}
		return s.lexString(i, i, form)
	case '"':
		return s.lexQuoted(i, i, Plain)
	case '$':
		return s.lexDollar(i)
	case '.':
		if classes[next]&digit != 0 {
			return s.lexNumber(i)
		}
		if next == '.' {
			return s.add(Punct, Plain, i, i+2)
		}
		return s.add(Punct, Plain, i, i+1)
	case ':':
		if next == ':' || next == '=' {
			return s.add(Punct, Plain, i, i+2)
		}
		return s.add(Punct, Plain, i, i+1)
	}
	return s.add(Other, Plain, i, i+1)
}

// lexWord reads an identifier or keyword, or the literal whose prefix it is.
func (s *Statement) lexWord(i int) int {
	t, j := s.text, i+1
	for j < len(t) && continues(t[j]) {
		j++
	}
	if j == i+1 && j < len(t) && (t[j] == '\'' || t[j] == '&') {
		if end := s.lexPrefixed(i, t[j]); end > 0 {
			return end
		}
	}
	return s.add(Word, Plain, i, j)
}

// lexPrefixed reads the literal whose one-letter prefix stands at i and is followed by c; 0 where there is none.
func (s *Statement) lexPrefixed(i int, c byte) int {
	p := lower[s.text[i]]
	switch {
	case c == '\'' && p == 'e':
		return s.lexString(i, i+1, Escape)
	case c == '\'' && (p == 'b' || p == 'x'):
		return s.lexString(i, i+1, Bits)
	case c == '&' && p == 'u' && s.at(i+2) == '\'':
		if s.options.BackslashQuotes {
			s.fail(i, "unsafe use of string constant with Unicode escapes")
		}
		return s.lexString(i, i+2, Unicode)
	case c == '&' && p == 'u' && s.at(i+2) == '"':
		return s.lexQuoted(i, i+2, Unicode)
	}
	return 0
}

// lexQuoted reads a quoted identifier whose first quote stands at q.
func (s *Statement) lexQuoted(start, q int, form Form) int {
	for i := q + 1; ; i += 2 {
		n := bytes.IndexByte(s.text[i:], '"')
		if n < 0 {
			s.fail(start, "unterminated quoted identifier")
			return s.add(Quoted, form, start, len(s.text))
		}
		if i += n; s.at(i+1) != '"' {
			if i == q+1 {
				s.fail(start, "zero-length delimited identifier")
			}
			return s.add(Quoted, form, start, i+1)
		}
	}
}

// lexDollar reads $1, $tag$…$tag$ or a lone $.
func (s *Statement) lexDollar(i int) int {
	t, j := s.text, i+1
	if classes[s.at(j)]&digit != 0 {
		return s.lexParam(i)
	}
	if classes[s.at(j)]&letter != 0 {
		for j < len(t) && classes[t[j]]&(letter|digit) != 0 {
			j++
		}
	}
	if s.at(j) != '$' {
		return s.add(Other, Plain, i, i+1)
	}
	tag := t[i : j+1]
	n := bytes.Index(t[j+1:], tag)
	if n < 0 {
		s.fail(i, "unterminated dollar-quoted string")
		return s.add(String, Dollar, i, len(t))
	}
	return s.add(String, Dollar, i, j+1+n+len(tag))
}
