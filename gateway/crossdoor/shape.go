package crossdoor

import "sallyport/dbguard/screen"

// shape is a form of input that honest apps put into statements as it stands.
type shape uint8

const (
	anyShape   shape = iota
	valueShape       // a list of numbers, a dotted name, a sort order: never evidence
	namesShape       // a list of names: reported only
	pieceShape       // a piece of such a list: never evidence
	wordsShape       // words and nothing else: evidence only where the model confirms it
)

// shapeOf tells the shape of tokens first to last.
func shapeOf(s *screen.Statement, first, last int) shape {
	l := list{numbers: true, dotted: true, names: true, sort: sortsAt(s, first)}
	words := true
	for i := first; i <= last && (words || l.any()); i++ {
		words = words && s.Tokens[i].Kind == screen.Word
		l.token(s, i)
	}
	switch {
	case l.numbers || l.dotted || l.sort:
		return valueShape
	case words:
		return wordsShape
	case l.names && l.operand && s.Tokens[first].Kind != screen.Punct:
		return namesShape
	case l.names:
		return pieceShape
	}
	return anyShape
}

// list is what tokens may still be, read one after the other.
type list struct {
	numbers, dotted, names, sort bool
	operand, signed              bool // the token before was a name or number, a sign
}

func (l *list) any() bool { return l.numbers || l.dotted || l.names || l.sort }

func (l *list) none() { *l = list{} }

func (l *list) token(s *screen.Statement, i int) {
	text := s.Of(i)
	switch s.Tokens[i].Kind {
	case screen.Number:
		l.dotted, l.names = false, false
		l.element()
	case screen.Word, screen.Quoted:
		l.numbers = false
		if s.Tokens[i].Kind == screen.Word && isDirection(text) && l.operand {
			l.dotted, l.names = false, false
			return // and further ones may follow: DESC NULLS LAST
		}
		l.element()
	case screen.Punct:
		comma, dot := text[0] == ',', len(text) == 1 && text[0] == '.'
		l.numbers, l.dotted = l.numbers && comma, l.dotted && dot
		l.names, l.sort = l.names && (comma || dot), l.sort && (comma || dot)
		l.operand, l.signed = false, false
	case screen.Operator:
		if !isSign(text) || l.operand || l.signed {
			l.none()
			return
		}
		l.dotted, l.names, l.signed = false, false, true
	default:
		l.none()
	}
}

// element notes a name or number; two in a row are no list.
func (l *list) element() {
	if l.operand {
		l.none()
		return
	}
	l.operand, l.signed = true, false
}

func isDirection(word []byte) bool { return isWordOf(word, "asc", "desc", "nulls", "first", "last") }

// sortsAt reports that token i stands in an ORDER BY or GROUP BY list: only names, commas, dots and directions lie between.
func sortsAt(s *screen.Statement, i int) bool {
	for n := 0; i > 0 && n < 64; n++ {
		i--
		switch s.Tokens[i].Kind {
		case screen.Word:
			switch text := s.Of(i); {
			case isWordOf(text, "by"):
				return true
			case isWordOf(text, "limit", "offset", "fetch", "for", "having", "window", "union", "except", "intersect"):
				return false
			}
		case screen.Quoted, screen.Number:
		case screen.Punct:
			if c := s.Of(i)[0]; c != ',' && c != '.' {
				return false
			}
		default:
			return false
		}
	}
	return false
}
