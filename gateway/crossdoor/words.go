package crossdoor

import (
	"bytes"
	"strings"

	"sallyport/dbguard/screen"
)

// Words are names or keywords. One token wherever they stand, they can leave no literal and add nothing, and apps put names from requests
// into statements every day; so they are kept apart and are evidence in one place only: where a column is compared with itself.

// word is an input of letters, digits and underscores that begins with none of the digits.
type word struct {
	text   string
	source source
	param  string
}

// Bounds of words: bytes of one, as long as a name may be (PostgreSQL's NAMEDATALEN), and what one costs beside its text.
const (
	maxWord      = 63
	wordOverhead = 48
)

// keepWord keeps text where it may be a name.
func (e *entry) keepWord(from source, param, text string) {
	if text = strings.Trim(text, `"`+blanks); text == "" {
		return
	}
	if len(text) > maxWord || '0' <= text[0] && text[0] <= '9' || !isWord(text) {
		return
	}
	w := word{text: lower(clip(text, maxWord)), source: from, param: clip(param, 64)}
	cost := int64(len(w.text) + wordOverhead)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.gone || len(e.words) >= e.limits.Values || e.bytes+cost > e.limits.RequestMax || e.held.Load()+cost > e.limits.Memory {
		return
	}
	e.words = append(e.words, w)
	e.bytes += cost
	e.held.Add(cost)
}

// addWords looks for a column that is compared with itself (id = id, true for every row) by the name that a request in flight holds: where
// a number belonged.
func (w *Window) addWords(m *matcher, s *screen.Statement, ev *evidence) {
	for i := range s.Tokens {
		if !isName(s.Tokens[i].Kind) || !comparesWithItself(s, i, i) {
			continue
		}
		name := string(appendLower(nil, bareName(s.Of(i))))
		at := span{start: int(s.Tokens[i].Start), end: int(s.Tokens[i].End)}
		for _, e := range m.entries {
			if held, ok := e.word(name); ok {
				at.value = &value{text: name, source: held.source, param: held.param, word: true}
				p := proof{entry: e, late: e.late.Load(), verdict: hard, alone: hard, span: at}
				if p.late || e.reportOnly {
					p.verdict = seen
				}
				ev.add(p)
			}
		}
	}
}

// word returns the request's word of that text.
func (e *entry) word(text string) (word, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, w := range e.words {
		if w.text == text {
			return w, true
		}
	}
	return word{}, false
}

// comparesWithItself reports that tokens first to last, a name with or without its table's, are what = compares the same column with, or
// the first that IN does.
func comparesWithItself(s *screen.Statement, first, last int) bool {
	left := first - 2 // the last token before what compares
	switch {
	case left < 0:
		return false
	case left > 0 && s.Of(first - 1)[0] == '(' && isWordOf(s.Of(left), "in"):
		left--
	case !bytes.Equal(s.Of(first-1), []byte("=")):
		return false
	}
	if !isName(s.Tokens[left].Kind) || !bytes.EqualFold(bareName(s.Of(left)), bareName(s.Of(last))) {
		return false
	}
	if last+1 < len(s.Tokens) && s.Tokens[last+1].Kind != screen.Word {
		c := s.Of(last + 1)[0]
		if c != ')' && c != ';' && c != ',' {
			return false
		}
	}
	return isOperandPlace(s, first) && !isAliased(s, left, first, last)
}

func isName(k screen.Kind) bool { return k == screen.Word || k == screen.Quoted }

// bareName is a name without the quotes that it may have.
func bareName(name []byte) []byte { return bytes.Trim(name, `"`) }

// isAliased reports that both sides name a table, and different ones: a join.
func isAliased(s *screen.Statement, left, first, last int) bool {
	dotted := left >= 2 && s.Of(left - 1)[0] == '.'
	return dotted && last > first && !bytes.EqualFold(s.Of(left-2), s.Of(first))
}
