package screen

// operandEnd returns the token after the condition that begins at i: the next AND, OR, comma, closing bracket or clause on its level.
func (s *Statement) operandEnd(i int) int {
	for ; i < len(s.Tokens); i++ {
		switch s.mark(i) {
		case '(', '[':
			i = s.closing(i)
			continue
		case ')', ']', ',', ';':
			return i
		}
		switch w := s.is(i); {
		case w == wAnd, w == wOr, w == wXor, endsCondition(w):
			return i
		case w == wCase:
			i = s.closing(i)
		}
	}
	return i
}

func endsCondition(w word) bool {
	switch w {
	case wGroup, wOrder, wLimit, wOffset, wHaving, wUnion, wIntersect, wExcept, wReturning, wWindow, wFor, wFetch, wWhen, wThen,
		wElse, wEnd, wAsc, wDesc, wJoin, wLeft, wRight, wInner, wFull, wCross, wNatural, wWhere:
		return true
	}
	return false
}

// isConstant reports that tokens [from, to) hold no column, parameter or subquery with a FROM, and at least one value.
func (s *Statement) isConstant(from, to int) bool {
	values := 0
	for i := from; i < to; i++ {
		switch t := &s.Tokens[i]; t.Kind {
		case Number, String:
			values++
		case Param, Other:
			return false
		case Quoted:
			return false
		case Word:
			switch w := t.word; {
			case w == wTrue, w == wFalse, w == wNull:
				values++
			case w == wFrom || w == wExists:
				return false
			case w != noWord:
			case !s.isConstantName(i):
				return false
			}
		}
	}
	return values > 0
}

// isConstantName reports a word that stands for no column: a type, or a function that gives the same for the same.
func (s *Statement) isConstantName(i int) bool {
	if s.isOp(i-1, "::") || s.is(i-1) == wAs {
		return true
	}
	name := s.name(i)
	if i+1 < len(s.Tokens) && s.Tokens[i+1].Kind == String {
		return literalTypes[name]
	}
	return s.mark(i+1) == '(' && pureFunctions[name] || s.mark(i+1) != '(' && s.mark(i-1) != '.' && s.mark(i+1) != '.' && infoWords[name]
}

// pureFunctions are those that attackers compare constants with.
var pureFunctions = set(
	"abs", "ascii", "bit_length", "btrim", "ceil", "char", "char_length", "character_length", "chr", "coalesce", "concat", "concat_ws",
	"exp", "floor", "greatest", "hex", "if", "ifnull", "initcap", "least", "left", "length", "len", "ln", "log", "lower", "lpad", "ltrim",
	"md5", "mid", "mod", "nullif", "octet_length", "ord", "pi", "position", "power", "repeat", "replace", "reverse", "right", "round",
	"rpad", "rtrim", "sign", "space", "sqrt", "strcmp", "strpos", "substr", "substring", "tochar", "to_char", "to_hex", "trim", "unhex",
	"upper", "version", "database", "current_database", "user", "cos", "sin", "tan",
)

// literalTypes may stand before a literal: date '2020-01-01'.
var literalTypes = set("date", "time", "timestamp", "timestamptz", "interval", "int", "integer", "numeric", "text", "varchar", "bool", "boolean", "json", "jsonb")

// infoWords are words without brackets that tell of the server, the same for each row.
var infoWords = set("current_user", "session_user", "user", "current_role", "current_catalog", "current_schema")

func set(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}

// strip drops brackets that hold all of [from, to).
func (s *Statement) strip(from, to int) (int, int) {
	for to-from >= 2 && s.mark(from) == '(' && int(s.pairs[from]) == to-1 {
		from, to = from+1, to-1
	}
	return from, to
}

// isSelfEqual reports "x op x" where op holds for equal operands.
func (s *Statement) isSelfEqual(from, to int) bool {
	from, to = s.strip(from, to)
	n := to - from
	if n < 3 || n%2 == 0 {
		return false
	}
	mid := from + n/2
	switch {
	case s.isOp(mid, "="), s.isOp(mid, ">="), s.isOp(mid, "<="), s.is(mid) == wLike, s.is(mid) == wIlike:
	default:
		return false
	}
	if isLiteral(s.Tokens[from].Kind) && n == 3 {
		return false // two literals are compared by value
	}
	for i := from; i < mid; i++ {
		j := mid + 1 + i - from
		bothLiteral := isLiteral(s.Tokens[i].Kind) && isLiteral(s.Tokens[j].Kind) // their values are not in the fingerprint
		if s.Tokens[i].Kind == Param || !bothLiteral && !foldsEqual(s.Of(i), s.Of(j)) {
			return false
		}
	}
	return true
}

func foldsEqual(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if lower[a[i]] != lower[b[i]] {
			return false
		}
	}
	return true
}
