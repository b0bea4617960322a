package screen

// errorCast finds text made from other data and cast to a number, so that the error message tells it.
func errorCast() Rule {
	return rule("error-cast", 4, func(s *Statement) (int, int, string, bool) {
		for i := range s.Tokens {
			switch {
			case s.is(i) == wCast && s.mark(i+1) == '(':
				if end := s.closing(i + 1); s.isNumeric(end-1) && s.is(end-2) == wAs && s.tellsText(i+2, end-2) {
					return i, end + 1, "text cast to a number for its error", true
				}
			case s.isOp(i, "::") && s.isNumeric(i+1):
				if from := s.castFrom(i); s.tellsText(from, i) {
					return from, i + 2, "text cast to a number for its error", true
				}
			}
		}
		return 0, 0, "", false
	})
}

// castFrom returns where the operand of the :: at i begins.
func (s *Statement) castFrom(i int) int {
	from := i - 1
	if from < 0 {
		return i
	}
	if p := s.pairs[from]; p >= 0 && int(p) < from {
		from = int(p)
		if from > 0 && s.Tokens[from-1].Kind == Word && s.is(from-1) == noWord {
			from--
		}
	}
	return from
}

var numericTypes = set("int", "integer", "int4", "int8", "bigint", "smallint", "int2", "numeric", "decimal", "float", "real", "signed", "bool", "boolean")

func (s *Statement) isNumeric(i int) bool { return numericTypes[s.name(i)] }

// tellsText reports, within tokens [from, to), glued text around a query or a name of the server.
func (s *Statement) tellsText(from, to int) bool {
	glued, reads, chars := false, false, false
	for i := max(from, 0); i < to; i++ {
		name := s.name(i)
		switch {
		case s.isOp(i, "||"):
			glued = true
		case s.is(i) == wSelect, s.isCatalogRead(i):
			reads = true
		case serverNames[name]:
			return true
		case name == "chr" || name == "char":
			chars = true
		}
	}
	return glued && (reads || chars)
}

// serverNames are words and functions that tell of the server and its login.
var serverNames = set("version", "current_user", "session_user", "current_database", "inet_server_addr", "table_name", "column_name", "usename", "passwd", "rolpassword")

// charBuilding finds text built from character codes, which hides it from simpler filters.
func charBuilding() Rule {
	return rule("char-building", 4, func(s *Statement) (int, int, string, bool) {
		first, n := -1, 0
		for i := range s.Tokens {
			switch name := s.called(i); {
			case name == "chr" || name == "nchar":
				n++
			case name == "char" && i > 0 && !s.isOp(i-1, "::") && s.is(i-1) != wAs && s.Tokens[i-1].Kind != Word && (s.isValue(i+2) || s.isSigned(i+2)):
				n++
			default:
				continue
			}
			if first < 0 {
				first = i
			}
			if n >= 2 && s.isGlued(first, i) || n >= 3 {
				return first, i + 1, "text built from character codes", true
			}
		}
		return 0, 0, "", false
	})
}

func (s *Statement) isGlued(from, to int) bool {
	for i := from; i < to; i++ {
		if s.isOp(i, "||") || s.isOp(i, "+") {
			return true
		}
	}
	return false
}

// heavyQuery finds a query that counts rows made only to take time, inside another statement.
func heavyQuery() Rule {
	return rule("heavy", 4, func(s *Statement) (int, int, string, bool) {
		for i := range s.Tokens {
			if s.mark(i) != '(' || s.is(i+1) != wSelect || s.name(i+2) != "count" {
				continue
			}
			end := s.closing(i)
			for j := i + 3; j < end; j++ {
				if s.called(j) == "generate_series" && s.is(j-1) == wFrom && s.closing(j+1) == end-1 {
					return i, end + 1, "a count over generated rows", true
				}
			}
			if s.crossesItself(i+3, end) {
				return i, end + 1, "a count over a table crossed with itself", true
			}
		}
		return 0, 0, "", false
	})
}

// crossesItself reports three or more relations joined by commas alone, no WHERE, within tokens [from, to).
func (s *Statement) crossesItself(from, to int) bool {
	commas := 0
	for i := from; i < to; i++ {
		switch {
		case s.mark(i) == '(':
			i = s.closing(i)
		case s.is(i) == wWhere, s.is(i) == wJoin:
			return false
		case s.mark(i) == ',':
			commas++
		}
	}
	return commas >= 2
}
