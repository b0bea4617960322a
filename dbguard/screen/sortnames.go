package screen

// AnyName stands for whatever name an app may sort or group by: the filler for a name's place.
const AnyName = `"*"`

// SortNames calls each with the byte range of every name, dotted parts included, that stands alone in an ORDER BY or GROUP BY list.
// Apps let their users choose these; a structure with another name in such a place is the same structure.
func (s *Statement) SortNames(each func(start, end int)) {
	for i := 1; i < len(s.Tokens); i++ {
		if s.foldsTo(i, "by") && (s.foldsTo(i-1, "order") || s.foldsTo(i-1, "group")) {
			i = s.sortList(i+1, each)
		}
	}
}

// sortList reads a list from token i on and returns its last token.
func (s *Statement) sortList(i int, each func(start, end int)) int {
	for i < len(s.Tokens) {
		first, last := i, s.nameEnd(i)
		if last < first {
			return i
		}
		if next := last + 1; next == len(s.Tokens) || !s.isPunct(next, '(') {
			each(int(s.Tokens[first].Start), int(s.Tokens[last].End))
		}
		for i = last + 1; i < len(s.Tokens) && s.isDirection(i); {
			i++
		}
		if i == len(s.Tokens) || !s.isPunct(i, ',') {
			return i
		}
		i++
	}
	return i
}

// nameEnd returns the last token of the name that begins at i, i-1 where none does.
func (s *Statement) nameEnd(i int) int {
	if !s.isName(i) {
		return i - 1
	}
	for i+2 < len(s.Tokens) && s.isPunct(i+1, '.') && s.isName(i+2) {
		i += 2
	}
	return i
}

func (s *Statement) isName(i int) bool {
	return (s.Tokens[i].Kind == Word && !s.isValueWord(i)) || s.Tokens[i].Kind == Quoted
}

func (s *Statement) isPunct(i int, c byte) bool {
	return s.Tokens[i].Kind == Punct && s.text[s.Tokens[i].Start] == c
}

func (s *Statement) foldsTo(i int, want string) bool {
	return s.Tokens[i].Kind == Word && foldsTo(s.Of(i), want)
}

// isDirection reports ASC, DESC, NULLS FIRST and NULLS LAST.
func (s *Statement) isDirection(i int) bool {
	for _, w := range [...]string{"asc", "desc", "nulls", "first", "last"} {
		if s.foldsTo(i, w) {
			return true
		}
	}
	return false
}
