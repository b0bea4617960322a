package screen

// maxSkeleton is the longest skeleton text, in bytes.
const maxSkeleton = 2 << 10

// Skeleton returns the statement for people: literals as ?, words folded, comments as /**/ or --, blanks as needed, at most 2 KB,
// cut with "…". It holds no literal and is safe to log.
func (s *Statement) Skeleton() string {
	out := make([]byte, 0, min(len(s.text)+16, maxSkeleton))
	next := 0
	for i := 0; i <= len(s.Tokens); i++ {
		for ; next < len(s.Comments) && int(s.Comments[next].Before) <= i; next++ {
			out = append(out, commentText(s.Comments[next].Block)...)
		}
		if i == len(s.Tokens) {
			break
		}
		if s.spaced(i) {
			out = append(out, ' ')
		}
		out = s.appendShown(out, i)
		if s.Tokens[i].Kind == Operator && s.isSign(i) {
			i++
		}
		if len(out) > maxSkeleton-len("…") {
			return string(out[:maxSkeleton-len("…")]) + "…"
		}
	}
	return string(out)
}

func commentText(block bool) string {
	if block {
		return " /**/"
	}
	return " --"
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
