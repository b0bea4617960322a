package crossdoor

import (
	"bytes"
	"strings"

	"sallyport/dbguard/screen"
)

// wasSplit reports a list that the app split and quoted itself: literals and commas, of a value without a quote that could have made them,
// or whose quotes are all escaped inside.
func (j *judge) wasSplit(sp span, r reach) bool {
	if sp.how == exact || r.tokens() < 2 {
		return false
	}
	for i := r.first; i <= r.last; i++ {
		switch k := j.statement.Tokens[i].Kind; {
		case k == screen.String || k == screen.Number || k == screen.Punct && j.statement.Of(i)[0] == ',':
		default:
			return false
		}
	}
	return !strings.ContainsAny(sp.value.text, `'"\`) || j.spells(sp.value.text, r)
}

// spells reports that the literals of r, read, and its commas are text, blanks apart: each byte of it is where it belongs.
func (j *judge) spells(text string, r reach) bool {
	var list []byte
	for i := r.first; i <= r.last; i++ {
		token := j.statement.Of(i)
		if j.statement.Tokens[i].Kind == screen.String {
			if len(token) < 2 || token[0] != '\'' || token[len(token)-1] != '\'' {
				return false // written in another way than apps do who split
			}
			token = bytes.ReplaceAll(token[1:len(token)-1], []byte("''"), []byte("'"))
		}
		list = append(list, token...)
	}
	return strings.EqualFold(withoutBlanks(string(list)), withoutBlanks(text))
}

// withoutBlanks leaves out blanks, and the plus signs that stand for them in forms.
func withoutBlanks(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(blanks+"+", r) {
			return -1
		}
		return r
	}, s)
}
