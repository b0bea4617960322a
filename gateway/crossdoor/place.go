package crossdoor

import (
	"bytes"

	"sallyport/dbguard/screen"
)

// maxBack bounds how far before a span its place in the statement is looked for, tokens.
const maxBack = 256

// outgrows reports that the span's whole tokens stand where one operand belongs, and are more than that: a condition, an operator
// first, a name glued to a literal. What the app writes itself at such a place never is; 1=1 behind WHERE may be the app's.
func (j *judge) outgrows(sp span, r reach) bool {
	s := j.statement
	if r.tokens() < 2 || int(s.Tokens[r.first].Start) < sp.start || int(s.Tokens[r.last].End) > sp.end && !isText(s.Tokens[r.last].Kind) {
		return false
	}
	return isOperandPlace(s, r.first) && isMoreThanOperand(s, r.first, r.last)
}

// isOperandPlace reports that one operand belongs at token i: behind a comparison, LIMIT, OFFSET or BY, in the list of IN or in a row
// of VALUES.
func isOperandPlace(s *screen.Statement, i int) bool {
	if i == 0 {
		return false
	}
	switch t := s.Tokens[i-1]; t.Kind {
	case screen.Operator:
		return isComparison(s.Of(i-1)) && !isAssigned(s, i-1)
	case screen.Word:
		return isWordOf(s.Of(i-1), "limit", "offset", "by", "like", "ilike")
	case screen.Punct:
		return isListed(s, i)
	}
	return false
}

func isComparison(op []byte) bool { return bytes.ContainsAny(op, "=<>~") }

// isAssigned reports that the = at token i belongs to SET, where a condition may stand.
func isAssigned(s *screen.Statement, i int) bool {
	for n := 0; i > 0 && n < maxBack; n++ {
		i--
		if s.Tokens[i].Kind == screen.Word {
			if isWordOf(s.Of(i), "set") {
				return true
			}
			if isWordOf(s.Of(i), "where", "and", "or", "on", "having", "when", "from", "select") {
				return false
			}
		}
	}
	return false
}

// isListed reports that token i begins an element in brackets behind IN, or in a row of VALUES.
func isListed(s *screen.Statement, i int) bool {
	if c := s.Of(i - 1)[0]; c != '(' && c != ',' {
		return false
	}
	depth := 0
	for n := 0; i > 0 && n < maxBack; n++ {
		i--
		if s.Tokens[i].Kind != screen.Punct {
			continue
		}
		switch s.Of(i)[0] {
		case ')':
			depth++
		case '(':
			if depth == 0 {
				return i > 0 && (isWordOf(s.Of(i-1), "in", "values") || isRow(s, i))
			}
			depth--
		}
	}
	return false
}

// isRow reports that the bracket at token i opens a further row of VALUES: a bracket and a comma stand before it.
func isRow(s *screen.Statement, i int) bool {
	return i > 1 && s.Of(i - 1)[0] == ',' && s.Of(i - 2)[0] == ')'
}

// isMoreThanOperand reports that tokens first to last are no operand, whatever brackets they have: they begin with an operator other
// than a sign, or hold a comparison, a logical word or a name glued to a literal.
func isMoreThanOperand(s *screen.Statement, first, last int) bool {
	for first < last && s.Tokens[first].Kind == screen.Punct && s.Of(first)[0] == '(' {
		first++
	}
	if s.Tokens[first].Kind == screen.Operator && !isSign(s.Of(first)) {
		return true
	}
	depth := 0
	for i := first; i <= last; i++ {
		text := s.Of(i)
		switch s.Tokens[i].Kind {
		case screen.Punct:
			switch text[0] {
			case '(', '[':
				depth++
			case ')', ']':
				depth--
			}
		case screen.Operator:
			if depth <= 0 && isComparison(text) && !isArrow(text) {
				return true
			}
		case screen.Word:
			if depth <= 0 && isWordOf(text, "and", "or", "xor", "like", "ilike", "rlike", "regexp", "between", "similar", "union", "intersect", "except", "having") {
				return true
			}
		case screen.String:
			if i > first && s.Tokens[i-1].Kind == screen.Word && s.Tokens[i].Start == s.Tokens[i-1].End {
				return true
			}
		}
	}
	return false
}

// isSign reports a lone + or -.
func isSign(op []byte) bool { return len(op) == 1 && (op[0] == '-' || op[0] == '+') }

// isArrow reports the operators that look into JSON and the ones of ranges that hold no equals sign: operands may have them.
func isArrow(op []byte) bool {
	return bytes.Contains(op, []byte("->")) || bytes.Contains(op, []byte("#>")) || bytes.Equal(op, []byte("=>"))
}

func isWordOf(text []byte, words ...string) bool {
	for _, w := range words {
		if len(w) == len(text) && bytes.EqualFold(text, []byte(w)) {
			return true
		}
	}
	return false
}
