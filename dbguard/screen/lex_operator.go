package screen

// maxOperator is PostgreSQL's NAMEDATALEN: an operator must be shorter, in bytes.
const maxOperator = 64

// lexOperator reads a comment or the longest operator at i: it is cut at a comment's start, and may end in + or - only where it
// holds one of ~ ! @ # % ^ & | ` ? (PostgreSQL, "Operators").
func (s *Statement) lexOperator(i int) int {
	t := s.text
	switch c := t[i]; {
	case c == '-' && s.at(i+1) == '-':
		return s.lexLine(i)
	case c == '/' && s.at(i+1) == '*':
		return s.lexBlock(i)
	}
	j, free := i, false
	for j < len(t) && classes[t[j]]&opchar != 0 {
		if j > i && (t[j] == '-' && s.at(j+1) == '-' || t[j] == '/' && s.at(j+1) == '*') {
			break
		}
		free = free || isFree(t[j])
		j++
	}
	if j-i > 1 && !free {
		for j-i > 1 && (t[j-1] == '+' || t[j-1] == '-') {
			j--
		}
	}
	if j-i >= maxOperator {
		s.fail(i, "operator too long")
	}
	return s.add(Operator, Plain, i, j)
}

// isFree reports a character that lets an operator end in + or -.
func isFree(c byte) bool {
	switch c {
	case '~', '!', '@', '#', '%', '^', '&', '|', '`', '?':
		return true
	}
	return false
}

func (s *Statement) comment(start, end int, block bool) int {
	s.Comments = append(s.Comments, Comment{Start: int32(start), End: int32(end), Before: int32(len(s.Tokens)), Block: block})
	return end
}

func (s *Statement) lexLine(i int) int {
	j := i + 2
	for j < len(s.text) && s.text[j] != '\n' && s.text[j] != '\r' {
		j++
	}
	return s.comment(i, j, false)
}

// lexBlock reads a comment that may hold comments.
func (s *Statement) lexBlock(i int) int {
	t, depth := s.text, 0
	for j := i; j+1 < len(t); j++ {
		switch {
		case t[j] == '/' && t[j+1] == '*':
			depth++
			j++
		case t[j] == '*' && t[j+1] == '/':
			j++
			if depth--; depth == 0 {
				return s.comment(i, j+1, true)
			}
		}
	}
	s.fail(i, "unterminated comment")
	return s.comment(i, len(t), true)
}
