package screen

// truncation finds a comment at the end that seems to hide the rest of the app's own statement.
func truncation() Rule {
	return Rule{Name: "truncation", Check: func(s *Statement) []Finding {
		s.index()
		n := len(s.Comments) - 1
		if n < 0 || int(s.Comments[n].Before) != len(s.Tokens) || len(s.Tokens) == 0 {
			return nil
		}
		reason := ""
		switch c := s.classOf(n); {
		case c == commentEmpty:
			reason = "an empty comment at the end"
		case c == commentTail:
			reason = "a comment that hides the end of a statement"
		case s.Fault == "unterminated comment":
			reason = "a comment that is never closed"
		case !s.isBalanced():
			reason = "a comment at the end and brackets left open"
		default:
			return nil
		}
		c := s.Comments[n]
		return []Finding{{Rule: "truncation", Reason: reason, Offset: int(c.Start), End: int(c.End), Weight: 4}}
	}}
}

// isBalanced reports that each bracket has its partner.
func (s *Statement) isBalanced() bool {
	for i := range s.Tokens {
		switch s.mark(i) {
		case '(', ')', '[', ']':
			if s.pairs[i] < 0 {
				return false
			}
		}
	}
	return true
}
