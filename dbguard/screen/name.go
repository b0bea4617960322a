package screen

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// name returns the identifier at token i as PostgreSQL means it: folded without quotes, decoded with them; "" for other tokens.
func (s *Statement) name(i int) string {
	if i < 0 || i >= len(s.Tokens) {
		return ""
	}
	switch t := &s.Tokens[i]; {
	case t.Kind == Word:
		return strings.ToLower(string(s.Of(i)))
	case t.Kind == Quoted && t.Form == Unicode:
		return decodeUnicode(unquote(s.Of(i)[2:]), s.uescape(i))
	case t.Kind == Quoted:
		return string(unquote(s.Of(i)))
	}
	return ""
}

// called returns the name of the function that is called at token i; "" where none is.
func (s *Statement) called(i int) string {
	if i < 0 || i >= len(s.Tokens) || s.Tokens[i].Kind > Quoted {
		return ""
	}
	next := i + 1
	if s.Tokens[i].Form == Unicode && foldsTo(s.tokenText(next), "uescape") {
		next += 2
	}
	if s.mark(next) != '(' {
		return ""
	}
	return s.name(i)
}

func (s *Statement) tokenText(i int) []byte {
	if i < 0 || i >= len(s.Tokens) {
		return nil
	}
	return s.Of(i)
}

// uescape returns the escape character of the U&"…" at token i.
func (s *Statement) uescape(i int) byte {
	if foldsTo(s.tokenText(i+1), "uescape") {
		if b := s.tokenText(i + 2); len(b) == 3 && b[0] == '\'' {
			return b[1]
		}
	}
	return '\\'
}

// unquote returns the inside of "…", pairs of quotes made one.
func unquote(b []byte) []byte {
	b = bytes.TrimSuffix(bytes.TrimPrefix(b, []byte{'"'}), []byte{'"'})
	return bytes.ReplaceAll(b, []byte(`""`), []byte{'"'})
}

// decodeUnicode resolves \0041 and \+000041, esc being the escape character; what is no escape stays.
func decodeUnicode(b []byte, esc byte) string {
	var out []byte
	for i := 0; i < len(b); {
		if b[i] != esc {
			out = append(out, b[i])
			i++
			continue
		}
		r, n := unicodeEscape(b[i+1:], esc)
		if n == 0 {
			out = append(out, b[i])
			i++
			continue
		}
		out = utf8.AppendRune(out, r)
		i += 1 + n
	}
	return string(out)
}

// unicodeEscape reads what follows an escape character; n is 0 where it is no escape.
func unicodeEscape(b []byte, esc byte) (r rune, n int) {
	if len(b) > 0 && b[0] == esc {
		return rune(esc), 1
	}
	digits, skip := 4, 0
	if len(b) > 0 && b[0] == '+' {
		digits, skip = 6, 1
	}
	if len(b) < skip+digits {
		return 0, 0
	}
	for _, c := range b[skip : skip+digits] {
		if classes[c]&hexchar == 0 {
			return 0, 0
		}
		r = r<<4 | rune(hexValue(c))
	}
	return r, skip + digits
}
