package screen

import "bytes"

// isValueWord reports NULL, TRUE, FALSE or DEFAULT in a place where a literal could stand: behind ( , = and before , ) or an end.
func (s *Statement) isValueWord(i int) bool {
	return classes[s.text[s.Tokens[i].Start]]&special != 0 && i > 0 && s.opensValue(i-1) && isValueName(s.Of(i)) && s.endsValue(i+1)
}

func isValueName(b []byte) bool {
	return foldsTo(b, "null") || foldsTo(b, "true") || foldsTo(b, "false") || foldsTo(b, "default")
}

func (s *Statement) opensValue(i int) bool {
	t := &s.Tokens[i]
	switch c := s.text[t.Start]; t.Kind {
	case Punct:
		return c == '(' || c == ',' || c == '['
	case Operator:
		return c == '=' && t.End-t.Start == 1
	}
	return false
}

// endsValue reports that token i, or the text's end, may follow a whole value.
func (s *Statement) endsValue(i int) bool {
	if i >= len(s.Tokens) {
		return true
	}
	t := &s.Tokens[i]
	switch c := s.text[t.Start]; t.Kind {
	case Punct:
		return c == ')' || c == ',' || c == ']' || c == ';' || c == ':'
	case Word:
		return true
	}
	return false
}

// isValue reports a literal, a word that stands for one, or a parameter at token i.
func (s *Statement) isValue(i int) bool {
	if i < 0 || i >= len(s.Tokens) {
		return false
	}
	k := s.Tokens[i].Kind
	return k == Param || isLiteral(k) || k == Word && s.isValueWord(i)
}

// isSigned reports the sign of a number at token i.
func (s *Statement) isSigned(i int) bool {
	return i >= 0 && i < len(s.Tokens) && s.Tokens[i].Kind == Operator && s.isSign(i)
}

// isSign reports a + or - that belongs to the number behind it.
func (s *Statement) isSign(i int) bool {
	t := &s.Tokens[i]
	if c := s.text[t.Start]; t.End-t.Start != 1 || c != '-' && c != '+' {
		return false
	}
	if i+1 >= len(s.Tokens) || s.Tokens[i+1].Kind != Number {
		return false
	}
	if i == 0 {
		return true
	}
	switch p := &s.Tokens[i-1]; p.Kind {
	case Operator:
		return true
	case Punct:
		c := s.text[p.Start]
		return c == '(' || c == ',' || c == '[' || c == ';'
	case Word:
		return !isOperand(s.Of(i - 1))
	}
	return false
}

// beforeValue are the words behind which a sign is no operator between two operands.
var beforeValue = []string{
	"select", "where", "and", "or", "not", "limit", "offset", "then", "else", "when", "case", "between", "by", "having", "return",
	"returning", "in", "like", "to", "from", "set", "on", "distinct", "all", "is", "values", "using", "with", "as",
}

// isOperand reports a word that is a name or value, so that a sign behind it stands between two operands.
func isOperand(b []byte) bool {
	for _, w := range beforeValue {
		if foldsTo(b, w) {
			return false
		}
	}
	return true
}

// foldsTo reports that b is want, case apart; want is lower case.
func foldsTo(b []byte, want string) bool {
	if len(b) != len(want) {
		return false
	}
	for i, c := range b {
		if lower[c] != want[i] {
			return false
		}
	}
	return true
}

// commentClass says what a comment tells: a letter for rules and fingerprints.
const (
	commentPlain   = 'p'
	commentBlock   = 'b'
	commentVersion = 'v' // MySQL's /*! */
	commentEmpty   = 'e' // -- and nothing, at the text's end
	commentTail    = 't' // -- that seems to hide the rest of a statement, at the text's end
)

// classOf returns the class of comment n.
func (s *Statement) classOf(n int) byte {
	c := s.Comments[n]
	b := s.text[c.Start:c.End]
	switch {
	case c.Block && len(b) > 2 && b[2] == '!':
		return commentVersion
	case c.Block:
		return commentBlock
	case int(c.End) < len(s.text):
		return commentPlain
	case len(bytes.Trim(b, "-+ \t")) == 0:
		return commentEmpty
	case hidesTail(b[2:]):
		return commentTail
	}
	return commentPlain
}

// hidesTail reports a closing quote or bracket that was not opened in b, apostrophes between letters apart.
func hidesTail(b []byte) bool {
	quotes, depth := 0, 0
	for i, c := range b {
		switch {
		case c == '\'' && !(i > 0 && i+1 < len(b) && classes[b[i-1]]&letter != 0 && classes[b[i+1]]&letter != 0):
			quotes++
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth < 0 {
				return true
			}
		}
	}
	return quotes%2 == 1
}

func (w *skeletonWriter) comment(n int) { w.out = append(w.out, elemComment, w.s.classOf(n)) }
