package screen

import "bytes"

// maxRowDepth bounds the nesting in which equal rows are collapsed.
const maxRowDepth = 16

// row is where the bracket that is open at one depth began in the skeleton, and the one that closed last there; 0 is none.
type row struct{ open, from, to int }

// punct appends punctuation; loose, a row equal to the one before it is dropped.
func (w *skeletonWriter) punct(i int) {
	t := &w.s.Tokens[i]
	c := w.s.text[t.Start]
	if t.End-t.Start > 1 {
		w.out = append(append(w.out, elemOperator), w.s.text[t.Start:t.End]...)
		w.out = append(w.out, elemEnd)
		return
	}
	w.out = append(w.out, c)
	w.do = w.do && c != ';'
	switch {
	case !w.loose:
	case c == '(':
		if w.depth < maxRowDepth {
			w.s.rows[w.depth].open = len(w.out) - 1
		}
		if w.depth++; w.depth < maxRowDepth {
			w.s.rows[w.depth] = row{}
		}
	case c == ')' && w.depth > 0:
		if w.depth--; w.depth < maxRowDepth {
			w.closed()
		}
	}
}

// closed drops the row that just ended where it equals the one that ended right before it.
func (w *skeletonWriter) closed() {
	r := &w.s.rows[w.depth]
	if r.to > r.from && r.to+1 == r.open && w.out[r.to] == ',' && bytes.Equal(w.out[r.from:r.to], w.out[r.open:]) {
		w.out = w.out[:r.to]
		return
	}
	r.from, r.to = r.open, len(w.out)
}
