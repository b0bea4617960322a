package screen

// maxSkeleton is the longest skeleton text, in bytes.
const maxSkeleton = 2 << 10

// Skeleton returns the statement for people: literals as ?, words folded, comments as /**/ or --, blanks as needed, at most 2 KB,
// cut with "…". It holds no literal and is safe to log.
func (s *Statement) Skeleton() string {
	if all := s.Marked(0, 0); len(all) > 0 {
		return all[0].Text
	}
	return ""
}

// Piece is a part of a skeleton.
type Piece struct {
	Text string `json:"text"`
	// Mark is true for what bytes of interest became.
	Mark bool `json:"mark,omitempty"`
}

// Marked is Skeleton in pieces: tokens and comments that the bytes [start, end) touch are marked, the blanks between them too.
func (s *Statement) Marked(start, end int) []Piece {
	w := pieceWriter{out: make([]byte, 0, min(len(s.text)+16, maxSkeleton))}
	touched := func(from, to int32) bool { return int(from) < end && int(to) > start }
	next := 0
	for i := 0; i <= len(s.Tokens) && !w.full(); i++ {
		for ; next < len(s.Comments) && int(s.Comments[next].Before) <= i; next++ {
			c := s.Comments[next]
			w.begin(touched(c.Start, c.End), true)
			w.out = append(w.out, commentText(c.Block)...)
		}
		if i == len(s.Tokens) {
			break
		}
		t := s.Tokens[i]
		w.begin(touched(t.Start, t.End), s.spaced(i))
		w.out = s.appendShown(w.out, i)
		if t.Kind == Operator && s.isSign(i) {
			i++
		}
	}
	return w.end()
}

// pieceWriter collects pieces: out holds the text of the one at hand, size that of those before.
type pieceWriter struct {
	pieces []Piece
	out    []byte
	size   int
	marked bool
}

// begin prepares for one more element: marked or not, with a blank before it or not. A blank beside a mark is not marked.
func (w *pieceWriter) begin(marked, spaced bool) {
	if spaced && marked && !w.marked {
		w.out = append(w.out, ' ')
		spaced = false
	}
	if marked != w.marked {
		w.cut()
		w.marked = marked
	}
	if spaced {
		w.out = append(w.out, ' ')
	}
}

// cut ends the piece at hand.
func (w *pieceWriter) cut() {
	if len(w.out) > 0 {
		w.pieces = append(w.pieces, Piece{string(w.out), w.marked})
	}
	w.size += len(w.out)
	w.out = w.out[:0]
}

// full reports that the longest text is reached.
func (w *pieceWriter) full() bool { return w.size+len(w.out) > maxSkeleton-len("…") }

// end returns the pieces, cut to the longest text.
func (w *pieceWriter) end() []Piece {
	if over := w.size + len(w.out) - (maxSkeleton - len("…")); over > 0 {
		w.out = append(w.out[:max(len(w.out)-over, 0)], "…"...)
	}
	w.cut()
	return w.pieces
}

func commentText(block bool) string {
	if block {
		return "/**/"
	}
	return "--"
}

// appendShown appends token i as a skeleton shows it.
func (s *Statement) appendShown(out []byte, i int) []byte {
	b := s.Of(i)
	switch t := &s.Tokens[i]; {
	case t.Kind == Word && !s.isValueWord(i):
		for _, c := range b[:min(len(b), maxSkeleton)] {
			out = append(out, lower[c])
		}
		return out
	case t.Kind == Word, isLiteral(t.Kind), t.Kind == Operator && s.isSign(i):
		return append(out, '?')
	}
	return append(out, b[:min(len(b), maxSkeleton)]...)
}

// spaced reports a blank before token i.
func (s *Statement) spaced(i int) bool {
	if i == 0 {
		return false
	}
	switch c := s.text[s.Tokens[i].Start]; {
	case s.Tokens[i].Kind == Punct && c != '(' && c != '[':
		return false
	case c == '(' && s.Tokens[i].Kind == Punct:
		return s.Tokens[i-1].Kind == Operator || s.mark(i-1) == ','
	}
	if s.Tokens[i-1].Kind == Punct {
		b := s.Of(i - 1)[0]
		return b == ',' || b == ')' || b == ';' || b == ']'
	}
	return true
}
