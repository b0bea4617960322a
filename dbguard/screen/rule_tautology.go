package screen

// tautology finds OR with a condition that holds for every row: a constant one, or x = x. AND with a constant is what ORMs write, and
// so is OR 1=0; two literals that plainly differ are left to probe.
func tautology() Rule {
	return Rule{Name: "tautology", Check: func(s *Statement) []Finding {
		s.index()
		for i := range s.Tokens {
			if w := s.is(i); w != wOr && w != wXor {
				continue
			}
			to := s.operandEnd(i + 1)
			reason, weight := s.alwaysTrue(i+1, to)
			if reason == "" {
				continue
			}
			start, end := s.span(i, to)
			return []Finding{{Rule: "tautology", Reason: reason, Offset: start, End: end, Weight: weight}}
		}
		return nil
	}}
}

// alwaysTrue says why the condition [from, to) may hold for each row; "" where it does not. A bare literal tells less: people type
// "2 or 3", and as a condition PostgreSQL takes only some of them.
func (s *Statement) alwaysTrue(from, to int) (reason string, weight int) {
	switch {
	case s.isSelfEqual(from, to):
		return "OR with a value compared to itself", 5
	case !s.isConstant(from, to) || s.differs(from, to):
		return "", 0
	case to-from == 1 && isLiteral(s.Tokens[from].Kind), to-from == 2 && s.isSigned(from):
		return "OR with a bare literal", 2
	}
	return "OR with a constant condition", 5
}

// differs reports just two literals compared by =, which differ.
func (s *Statement) differs(from, to int) bool {
	if to-from != 3 || !s.isOp(from+1, "=") || !isLiteral(s.Tokens[from].Kind) || !isLiteral(s.Tokens[from+2].Kind) {
		return false
	}
	c := s.compared(from, from+2)
	return c == comparedZero || c == comparedOther
}
