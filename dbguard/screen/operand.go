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
	if i+1 < len(s.Tokens) && isLiteral(s.Tokens[i+1].Kind) {
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

// width returns the number of tokens in [from, to), signs of numbers not counted: fingerprints do not tell -1 from 1, so rules must not.
func (s *Statement) width(from, to int) int {
	n := 0
	for i := from; i < to; i++ {
		if !s.isSigned(i) {
			n++
		}
	}
	return n
}

// isSelfEqual reports "x op x" where op holds for equal operands. Literals within x are taken to be equal, since their values are not
// in the fingerprint; two bare literals are left to be compared.
func (s *Statement) isSelfEqual(from, to int) bool {
	from, to = s.strip(from, to)
	n := s.width(from, to)
	if n < 3 || n%2 == 0 {
		return false
	}
	mid := s.skip(from, n/2)
	switch {
	case s.isOp(mid, "="), s.isOp(mid, ">="), s.isOp(mid, "<="), s.is(mid) == wLike, s.is(mid) == wIlike:
	default:
		return false
	}
	left, right := s.skip(from, 0), s.skip(mid+1, 0)
	if n == 3 && isLiteral(s.Tokens[left].Kind) {
		return false
	}
	for ; left < mid; left, right = s.skip(left+1, 0), s.skip(right+1, 0) {
		bothLiteral := isLiteral(s.Tokens[left].Kind) && isLiteral(s.Tokens[right].Kind)
		if s.Tokens[left].Kind == Param || !bothLiteral && !foldsEqual(s.Of(left), s.Of(right)) {
			return false
		}
	}
	return true
}

// skip returns the token n tokens behind i, signs of numbers not counted.
func (s *Statement) skip(i, n int) int {
	for {
		for s.isSigned(i) {
			i++
		}
		if n == 0 {
			return i
		}
		n--
		i++
	}
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
