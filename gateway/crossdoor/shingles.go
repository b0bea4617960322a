package crossdoor

import (
	"strings"
	"time"
)

// Bounds of shingles: tokens of one, bytes that all that grew must have, and how many tokens that may be.
const (
	shingleTokens = 3
	minGrown      = 5
	maxGrown      = 64
)

// addShingles looks, where nothing was confirmed and a known statement grew, for the request of whose input a piece from the middle is what
// grew: a cell of a table, what stands between two marks. Each three tokens in a row that an input holds are one shingle; they must be all
// that grew.
func (w *Window) addShingles(m *matcher, ev *evidence) {
	j := &m.judge
	s := j.statement
	if len(ev.best) > 0 && ev.best[0].verdict >= hard {
		return
	}
	from, to, ok := j.growth()
	if !ok || to-from < shingleTokens || to-from > maxGrown || int(s.Tokens[to-1].End-s.Tokens[from].Start) < minGrown {
		return
	}
	folded := string(m.folded[:min(len(m.folded), m.gapAt)]) // of a long statement the beginning
	if int(s.Tokens[to-1].End) > len(folded) {
		return
	}
	for i, e := range m.entries {
		if e.late.Load() || m.isTime(i, 8) && time.Now().After(j.deadline) {
			return
		}
		values, _ := e.view()
		for k := range values {
			if v := &values[k]; !e.reportOnly && !v.word && j.holdsGrowth(folded, v.text, from, to) {
				sp := j.over(from, to, span{value: v})
				ev.add(proof{entry: e, verdict: confirmed, span: sp})
				break
			}
		}
	}
}

// holdsGrowth reports that tokens [from, to) of the statement, which is folded, stand in text, three in a row, but for literals of the
// app's own at either end.
func (j *judge) holdsGrowth(folded, text string, from, to int) bool {
	s := j.statement
	covered, own := from, 0 // tokens before covered are found, or the app's own
	for i := from; i+shingleTokens <= to; i++ {
		start, end := int(s.Tokens[i].Start), int(s.Tokens[i+shingleTokens-1].End)
		if !strings.Contains(text, folded[start:end]) {
			continue
		}
		for ; covered < i; covered++ {
			if own++; own > maxOwn || !isText(s.Tokens[covered].Kind) {
				return false
			}
		}
		covered = max(covered, i+shingleTokens)
	}
	if covered == from {
		return false
	}
	for ; covered < to; covered++ {
		if own++; own > maxOwn || !isText(s.Tokens[covered].Kind) {
			return false
		}
	}
	return true
}
