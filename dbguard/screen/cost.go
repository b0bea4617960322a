package screen

import "math/bits"

// The weights of complexity, measured on honest clients (the heaviest statements of Prisma, psql, JDBC and pg_dump stay below 400)
// and on statements made to hurt.
const (
	costJoin, costCross, costUnlinked, costSelect, costSetOp = 15, 5, 40, 25, 20
	costLogic, costOver, costLike, costDistinct              = 2, 10, 5, 5
	costRecursive, costList, costStatement                   = 150, 10, 50
	freeDepth                                                = 8
	maxCost                                                  = 1 << 30
)

// Cost returns the complexity of s, in points; the default limit is 1000.
func Cost(s *Statement) int {
	s.index()
	c := costCounter{s: s}
	for i := range s.Tokens {
		c.token(i)
	}
	unlinked := max(0, c.cross-c.links)
	deep := max(0, min(c.deepest, 1<<14)-freeDepth)
	total := c.work/10 + costJoin*c.joins + costCross*c.cross + costUnlinked*min(unlinked, 1<<12)*min(unlinked, 1<<12) +
		costSelect*max(0, c.selects-1) + c.points + deep*deep + costStatement*max(0, c.statements-1)
	if c.recursive { // once: one is enough to go on for ever, and asyncpg's question for types has three
		total += costRecursive
	}
	if c.listed > 1 {
		total += costList * bits.Len(uint(c.listed-1))
	}
	return min(total, maxCost)
}

// costCounter walks a statement once.
type costCounter struct {
	s *Statement

	work, joins, cross, links, selects, points, deepest, listed, statements int

	recursive bool

	depth  int
	row    int  // the end of the repeated row we are in
	schema bool // in a statement that defines things, before any SELECT of it: migrations may be long
	again  bool // in a statement that is one before it with other values
	first  int  // the token that the statement at hand begins with
	seen   shapes
	frames [64]frame
}

// frame is what stands open at one depth of brackets.
type frame struct{ query, from bool }

func (c *costCounter) frame() *frame { return &c.frames[min(c.depth, len(c.frames)-1)] }

func (c *costCounter) token(i int) {
	if i == 0 || c.s.mark(i-1) == ';' {
		c.begin(i)
	}
	listed := c.inList(i)
	if !listed && !c.schema && !c.again {
		c.work++
	}
	switch c.s.Tokens[i].Kind {
	case Word:
		c.word(i)
		if !c.schema && c.s.is(i) == noWord && c.s.mark(i+1) == '(' && !(c.again && c.isNamed(i)) {
			c.points++
		}
	case Quoted:
		if !c.schema && c.s.mark(i+1) == '(' && !(c.again && c.isNamed(i)) {
			c.points++
		}
	case Operator:
		c.operator(i)
	case Punct:
		if !listed || c.s.mark(i) != ',' {
			c.punct(i)
		}
	}
}

// begin takes the statement at token i. One that stood there before with other values counts as an element of a list does, with what it
// calls and reads: drivers send a batch so, psycopg2's execute_batch a hundred statements at a time.
func (c *costCounter) begin(i int) {
	c.schema, c.again, c.first = c.definesSchema(i), false, i
	if c.schema || c.s.mark(i) == ';' {
		return
	}
	if c.again = c.seen.repeated(c.s, i); c.again {
		c.listed++
		return
	}
	c.statements++
}

// isNamed reports that the name at i is that of a table behind INTO or of a statement behind EXECUTE, and calls nothing.
func (c *costCounter) isNamed(i int) bool {
	for c.s.mark(i-1) == '.' {
		i -= 2
	}
	return c.s.is(i-1) == wInto || c.s.is(i-1) == wExecute
}

// definesSchema reports a statement that begins at token i and defines things; it costs no work, so that migrations may be long.
func (c *costCounter) definesSchema(i int) bool {
	switch c.s.is(i) {
	case wCreate, wAlter, wDrop, wComment, wGrant, wRevoke:
		return true
	}
	return false
}

// inList reports a token that lists collapse: "value , value" counts as one value, and a row behind a row only by its words.
func (c *costCounter) inList(i int) bool {
	s := c.s
	if s.mark(i) == '(' && s.mark(i-1) == ',' && s.mark(i-2) == ')' {
		c.row = max(c.row, s.closing(i))
	}
	value := s.isValue(i)
	after := s.mark(i-1) == ',' && s.isValue(i-2) || s.isSigned(i-1) && s.mark(i-2) == ',' && s.isValue(i-3)
	switch {
	case value && (after || i < c.row || s.mark(i+1) == ',' && (s.isValue(i+2) || s.isSigned(i+2))):
		c.listed++
		return after || i < c.row
	case s.mark(i) == ',':
		return s.isValue(i-1) && (s.isValue(i+1) || s.isSigned(i+1)) || i < c.row || s.mark(i-1) == ')' && s.mark(i+1) == '('
	case s.isSigned(i):
		return true
	case i <= c.row && s.Tokens[i].Kind == Punct:
		return true
	}
	return i < c.row && s.isOp(i-1, "::")
}

func (c *costCounter) punct(i int) {
	switch c.s.mark(i) {
	case '(', '[':
		if c.depth++; c.depth < len(c.frames) {
			c.frames[c.depth] = frame{}
		}
		c.deepest = max(c.deepest, c.depth)
	case ')', ']':
		c.depth = max(0, c.depth-1)
	case ',':
		if c.frame().from {
			c.cross++
		}
	case ';':
		*c.frame() = frame{}
	}
}

func (c *costCounter) operator(i int) {
	s := c.s
	switch b := s.Of(i); {
	case b[0] == '=' && len(b) == 1:
		if s.isColumn(i-1) && s.isColumn(i+1) {
			c.links++
		}
	case b[0] == '~', len(b) > 1 && b[0] == '!' && b[1] == '~':
		c.points += costLike
	}
}

// isColumn reports a name at token i that is no keyword we know.
func (s *Statement) isColumn(i int) bool {
	return i >= 0 && i < len(s.Tokens) && (s.Tokens[i].Kind == Quoted || s.Tokens[i].Kind == Word && s.Tokens[i].word == noWord)
}

func (c *costCounter) word(i int) {
	switch f := c.frame(); c.s.is(i) {
	case wSelect:
		if !c.again || i > c.first { // a repeated one counts where it reads something: see wFrom
			c.selects++
		}
		c.schema = false
		*f = frame{query: true}
	case wUpdate, wDelete:
		*f = frame{query: true}
	case wFrom:
		f.from = f.query && c.s.is(i-1) != wDistinct
		if f.from && c.again && c.depth == 0 && c.s.is(c.first) == wSelect {
			c.selects++
		}
	case wUsing:
		f.from = f.from || f.query && c.s.mark(i+1) != '(' && c.s.mark(i-1) == 0 && !c.ordered(i)
	case wJoin:
		c.joins++
	case wCross:
		if c.s.is(i+1) == wJoin {
			c.cross++
		}
	case wUnion, wIntersect, wExcept:
		c.points += costSetOp
		f.from = false
	case wWhere, wGroup, wOrder, wHaving, wLimit, wOffset, wReturning, wWindow, wSet, wFor, wFetch:
		f.from = false
	case wAnd, wBetweenAnd, wOr:
		if !c.again {
			c.points += costLogic
		}
	case wOver:
		c.points += costOver
	case wLike, wIlike, wSimilar:
		c.points += costLike
	case wDistinct:
		c.points += costDistinct
	case wRecursive:
		c.recursive = true
	}
}

// ordered reports that USING at i belongs to ORDER BY.
func (c *costCounter) ordered(i int) bool {
	for k := i - 1; k >= 0 && k > i-8; k-- {
		if c.s.is(k) == wBy {
			return true
		}
	}
	return false
}
