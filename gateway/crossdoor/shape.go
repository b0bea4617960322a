package crossdoor

import (
	"bytes"

	"sallyport/dbguard/screen"
)

// shape is a form of input that honest apps put into statements as it stands.
type shape uint8

const (
	anyShape   shape = iota
	valueShape       // a list of numbers, a dotted name, a sort order: never evidence
	namesShape       // a list of names: reported only
)

// shapeOf tells the shape of tokens first to last.
func shapeOf(s *screen.Statement, first, last int) shape {
	numbers, dotted, names, sort := true, true, true, sortsAt(s, first)
	for i := first; i <= last; i++ {
		text := s.Of(i)
		switch s.Tokens[i].Kind {
		case screen.Number:
			dotted, names = false, false
		case screen.Word, screen.Quoted:
			numbers = false
			if direction(text) {
				dotted, names = false, false
			}
		case screen.Punct:
			comma, dot := text[0] == ',', len(text) == 1 && text[0] == '.'
			numbers = numbers && comma
			dotted = dotted && dot
			names = names && (comma || dot)
			sort = sort && (comma || dot)
		case screen.Operator:
			if sign := len(text) == 1 && (text[0] == '-' || text[0] == '+'); !sign || i > first && s.Tokens[i-1].Kind != screen.Punct {
				numbers, sort = false, false
			}
			dotted, names = false, false
		default:
			return anyShape
		}
	}
	switch {
	case numbers || dotted || sort:
		return valueShape
	case names:
		return namesShape
	}
	return anyShape
}

func direction(word []byte) bool {
	return bytes.EqualFold(word, []byte("asc")) || bytes.EqualFold(word, []byte("desc"))
}

// sortsAt reports that token i stands in an ORDER BY or GROUP BY list: only names, commas, dots and directions lie between.
func sortsAt(s *screen.Statement, i int) bool {
	for n := 0; i > 0 && n < 64; n++ {
		i--
		switch s.Tokens[i].Kind {
		case screen.Word:
			if bytes.EqualFold(s.Of(i), []byte("by")) {
				return true
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
