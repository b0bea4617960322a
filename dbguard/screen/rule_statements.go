package screen

// stacked finds several statements in one text. Honest clients send them too, so it never refuses alone.
func stacked() Rule {
	return rule("stacked", 3, func(s *Statement) (int, int, string, bool) {
		if Statements(s) < 2 {
			return 0, 0, "", false
		}
		for i := range s.Tokens {
			if s.mark(i) == ';' && i > 0 {
				return i, i + 2, "several statements in one text", true
			}
		}
		return 0, 0, "", false
	})
}

// schemaChange finds a change of the schema behind a SELECT from a table. Migrations begin otherwise.
func schemaChange() Rule {
	return rule("ddl", 2, func(s *Statement) (int, int, string, bool) {
		if s.is(0) != wSelect {
			return 0, 0, "", false
		}
		reads := false
		for i := range s.Tokens {
			reads = reads || s.is(i) == wFrom
			if s.mark(i) != ';' {
				continue
			}
			if !reads {
				return 0, 0, "", false
			}
			switch s.is(i + 1) {
			case wDrop, wAlter, wCreate, wTruncate, wGrant:
				return i + 1, i + 2, "a change of the schema behind a query", true
			}
		}
		return 0, 0, "", false
	})
}

// brokenLexing finds text that PostgreSQL's scanner cannot read to its end. Letters behind a number weigh nothing: the server refuses
// them, and they are what a harmless "5g7" in the wrong place looks like.
func brokenLexing() Rule {
	return Rule{Name: "broken-lexing", Check: func(s *Statement) []Finding {
		if s.Fault == "" {
			return nil
		}
		weight := 3
		if s.Fault == junkFault || s.Fault == paramJunkFault {
			weight = 0
		}
		return []Finding{{Rule: "broken-lexing", Reason: s.Fault, Offset: s.FaultAt, End: len(s.text), Weight: weight}}
	}}
}

// secretCatalogs hold password hashes; nobody reads them through an app.
var secretCatalogs = set("pg_shadow", "pg_authid", "pg_user_mapping", "pg_largeobject")

// catalogRead finds a catalog read in a statement whose first FROM names a table of the app, or one that holds secrets.
func catalogRead() Rule {
	return rule("catalog", 2, func(s *Statement) (int, int, string, bool) {
		first := true
		for i := range s.Tokens {
			if s.isCatalogRead(i) {
				name := s.name(i)
				if !first || secretCatalogs[name] || secretCatalogs[s.name(i+2)] {
					return i, i + 1, "a read of the system catalogs", true
				}
				return 0, 0, "", false
			}
			if w := s.is(i - 1); first && (w == wFrom && s.mark(i) != '(' && s.mark(i+1) != '(') {
				first = false
			}
		}
		return 0, 0, "", false
	})
}

// probe finds conditions that only ask a question of the server: two literals compared, a character of a subquery.
func probe() Rule {
	return rule("probe", 3, func(s *Statement) (int, int, string, bool) {
		for i := range s.Tokens {
			switch s.is(i) {
			case wAnd, wOr, wHaving, wWhen:
				end := s.operandEnd(i + 1)
				if s.isProbe(i+1, end) {
					return i, end, "a condition that tells nothing of the row", true
				}
			}
			if s.readsLetter(i) {
				return i, i + 1, "one character of a subquery compared", true
			}
		}
		return 0, 0, "", false
	})
}

// isProbe reports a constant condition other than the ones that ORMs write: AND 1=1, AND 1=0, OR 1=0, true and false.
func (s *Statement) isProbe(from, to int) bool {
	if s.width(from, to) < 3 {
		return false
	}
	if s.isSubqueryTest(from, to) {
		return true
	}
	if !s.isConstant(from, to) && !s.isSelfEqual(from, to) {
		return false
	}
	if to-from == 3 && s.isOp(from+1, "=") && isLiteral(s.Tokens[from].Kind) && isLiteral(s.Tokens[from+2].Kind) {
		c := s.compared(from, from+2)
		return c == comparedEqual || c == comparedOther
	}
	return s.compares(from, to)
}

// compares reports an operator of comparison within [from, to).
func (s *Statement) compares(from, to int) bool {
	for i := from; i < to; i++ {
		switch w := s.is(i); {
		case w == wLike, w == wIlike, w == wIn, w == wBetween, w == wIs, w == wSimilar:
			return true
		case s.Tokens[i].Kind == Operator && (s.text[s.Tokens[i].Start] == '=' || s.text[s.Tokens[i].Start] == '<' ||
			s.text[s.Tokens[i].Start] == '>' || s.text[s.Tokens[i].Start] == '!'):
			return true
		}
	}
	return false
}

// isSubqueryTest reports a literal compared with a subquery: 1=(SELECT …), (SELECT …)=1.
func (s *Statement) isSubqueryTest(from, to int) bool {
	from, to = s.strip(from, to)
	if s.width(from, to) < 5 {
		return false
	}
	if s.mark(from) == '(' && s.is(from+1) == wSelect {
		sign := 0
		if s.isSigned(to - 2) {
			sign = 1
		}
		return s.isValue(to-1) && s.Tokens[to-2-sign].Kind == Operator
	}
	if s.isSigned(from) {
		from++
	}
	return s.isValue(from) && s.mark(from+2) == '(' && s.is(from+3) == wSelect && s.Tokens[from+1].Kind == Operator
}

// readsLetter reports ascii(substr(…)) or substr((SELECT …), …) at token i.
func (s *Statement) readsLetter(i int) bool {
	switch s.called(i) {
	case "ascii", "ord":
		n := s.called(i + 2)
		return n == "substr" || n == "substring" || n == "mid" || s.is(i+3) == wSelect
	case "substr", "substring", "mid":
		return s.mark(i+2) == '(' && s.is(i+3) == wSelect || serverNames[s.name(i+2)]
	}
	return false
}
