package screen

import "strings"

// unionConstant finds UNION SELECT of constants only behind a SELECT from a table: how an attacker learns the number of columns.
func unionConstant() Rule {
	return rule("union-const", 5, func(s *Statement) (int, int, string, bool) {
		var reads [maxDepth + 1]bool // a FROM was seen, by depth of brackets
		depth := 0
		for i := range s.Tokens {
			switch s.mark(i) {
			case '(', '[':
				depth++
				reads[min(depth, maxDepth)] = false
			case ')', ']':
				depth = max(0, depth-1)
			case ';':
				reads[min(depth, maxDepth)] = false
			}
			if s.is(i) == wFrom {
				reads[min(depth, maxDepth)] = true
			}
			if s.is(i) != wUnion || !reads[min(depth, maxDepth)] {
				continue
			}
			from, to := s.unionList(i)
			if to > from && s.isConstantList(from, to) {
				return i, to, "UNION SELECT of constants", true
			}
		}
		return 0, 0, "", false
	})
}

// isConstantList is isConstant where each function and word of the list tells of the server only.
func (s *Statement) isConstantList(from, to int) bool {
	values := false
	for i := from; i < to; i++ {
		switch t := &s.Tokens[i]; t.Kind {
		case Number, String:
			values = true
		case Param, Quoted, Other:
			return false
		case Word:
			switch w := t.word; {
			case w == wNull, w == wTrue, w == wFalse:
				values = true
			case w == wFrom, w == wSelect:
				return false
			case w != noWord:
			case s.is(i-1) == wAs:
			case !s.isConstantName(i):
				return false
			}
		}
	}
	return values
}

// unionList returns the tokens of the select list or of the VALUES behind the UNION at i, none where a FROM with a table follows.
func (s *Statement) unionList(i int) (from, to int) {
	i++
	for s.is(i) == wAll || s.is(i) == wDistinct || s.mark(i) == '(' {
		i++
	}
	if s.is(i) != wSelect && s.is(i) != wValues {
		return 0, 0
	}
	for from, to = i+1, i+1; to < len(s.Tokens); to++ {
		switch s.mark(to) {
		case '(', '[':
			to = s.closing(to)
			continue
		case ')', ';':
			return from, to
		}
		switch s.is(to) {
		case wFrom:
			if s.name(to+1) == "dual" {
				return from, to
			}
			return 0, 0
		case wUnion, wOrder, wLimit, wOffset, wWhere, wInto, wIntersect, wExcept, wFetch, wGroup, wHaving:
			return from, to
		}
	}
	return from, min(to, len(s.Tokens))
}

// unionCatalog finds UNION with a SELECT from the catalogs behind a SELECT that reads none.
func unionCatalog() Rule {
	return rule("union-catalog", 5, func(s *Statement) (int, int, string, bool) {
		for i := range s.Tokens {
			switch {
			case s.isCatalogRead(i):
				return 0, 0, "", false // the statement is about the catalogs from the start
			case s.is(i) != wUnion:
				continue
			}
			for j := i + 1; j < len(s.Tokens) && s.mark(j) != ';'; j++ {
				if s.isCatalogRead(j) {
					return i, j + 1, "UNION with a SELECT from the system catalogs", true
				}
			}
			return 0, 0, "", false
		}
		return 0, 0, "", false
	})
}

// isCatalogRead reports a relation of the catalogs named at token i: behind FROM, JOIN or a comma.
func (s *Statement) isCatalogRead(i int) bool {
	switch s.is(i - 1) {
	case wFrom, wJoin:
	default:
		if s.mark(i-1) != ',' || s.mark(i+1) == '(' {
			return false
		}
	}
	name := s.name(i)
	if name == "pg_catalog" || name == "information_schema" {
		return s.mark(i+1) == '.'
	}
	return strings.HasPrefix(name, "pg_") && s.mark(i+1) != '(' && s.mark(i+1) != '.'
}
