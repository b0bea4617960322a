package screen

import "slices"

// word is a keyword that rules, costs and clauses know; 0 is any other token.
type word uint16

const (
	noWord word = iota
	wAll
	wAlter
	wAnd
	wAny
	wArray
	wAs
	wAsc
	wAtomic
	wBegin
	wBetween
	wBetweenAnd // the AND of BETWEEN, which no text names
	wBy
	wCall
	wCase
	wCast
	wCollate
	wComment
	wCopy
	wCreate
	wCross
	wDeclare
	wDelay
	wDelete
	wDesc
	wDistinct
	wDo
	wDrop
	wElse
	wEnd
	wEscape
	wExcept
	wExec
	wExecute
	wExists
	wExplain
	wFalse
	wFetch
	wFor
	wFrom
	wFull
	wFunction
	wGrant
	wGroup
	wHaving
	wIlike
	wIn
	wInner
	wInsert
	wIntersect
	wInto
	wIs
	wIsnull
	wJoin
	wLanguage
	wLeft
	wLike
	wLimit
	wMerge
	wNatural
	wNot
	wNotnull
	wNull
	wOffset
	wOn
	wOr
	wOrder
	wOver
	wProcedure
	wProgram
	wRecursive
	wReturning
	wRevoke
	wRight
	wRow
	wSelect
	wSet
	wShow
	wSimilar
	wSome
	wStdin
	wStdout
	wSymmetric
	wSystem
	wTable
	wThen
	wTo
	wTrue
	wTruncate
	wUnion
	wUnknown
	wUpdate
	wUsing
	wValues
	wWaitfor
	wWhen
	wWhere
	wWindow
	wWith
	wXor
)

var wordNames = [...]string{
	wAll: "all", wAlter: "alter", wAnd: "and", wAny: "any", wArray: "array", wAs: "as", wAsc: "asc", wAtomic: "atomic",
	wBegin: "begin", wBetween: "between", wBy: "by", wCall: "call", wCase: "case", wCast: "cast", wCollate: "collate", wComment: "comment",
	wCopy: "copy", wCreate: "create", wCross: "cross", wDeclare: "declare", wDelay: "delay", wDelete: "delete", wDesc: "desc",
	wDistinct: "distinct", wDo: "do", wDrop: "drop", wElse: "else", wEnd: "end", wEscape: "escape", wExcept: "except",
	wExec: "exec", wExecute: "execute", wExists: "exists", wExplain: "explain", wFalse: "false", wFetch: "fetch", wFor: "for",
	wFrom: "from", wFull: "full", wFunction: "function", wGrant: "grant", wGroup: "group", wHaving: "having", wIlike: "ilike",
	wIn: "in", wInner: "inner", wInsert: "insert", wIntersect: "intersect", wInto: "into", wIs: "is", wIsnull: "isnull",
	wJoin: "join", wLanguage: "language", wLeft: "left", wLike: "like", wLimit: "limit", wMerge: "merge", wNatural: "natural",
	wNot: "not", wNotnull: "notnull", wNull: "null", wOffset: "offset", wOn: "on", wOr: "or", wOrder: "order", wOver: "over",
	wProcedure: "procedure", wProgram: "program", wRecursive: "recursive", wReturning: "returning", wRevoke: "revoke", wRight: "right", wRow: "row",
	wSelect: "select", wSet: "set", wShow: "show", wSimilar: "similar", wSome: "some", wStdin: "stdin", wStdout: "stdout",
	wSymmetric: "symmetric", wSystem: "system", wTable: "table", wThen: "then", wTo: "to", wTrue: "true", wTruncate: "truncate",
	wUnion: "union", wUnknown: "unknown", wUpdate: "update", wUsing: "using", wValues: "values", wWaitfor: "waitfor",
	wWhen: "when", wWhere: "where", wWindow: "window", wWith: "with", wXor: "xor",
}

var wordByName = byName()

func byName() map[string]word {
	m := make(map[string]word, len(wordNames))
	for w, name := range wordNames {
		if name != "" {
			m[name] = word(w)
		}
	}
	return m
}

// wordLengths has, by first letter, a bit for each length of a word.
var wordLengths = lengthsByLetter()

func lengthsByLetter() (t [256]uint64) {
	for name := range wordByName {
		t[name[0]] |= 1 << len(name)
	}
	return t
}

// maxWord is above the longest name that any table here holds, in bytes.
const maxWord = 64

// fold writes b in lower case into buf; ok is false where it is too long to be in any table.
func fold(buf *[maxWord]byte, b []byte) (folded []byte, ok bool) {
	if len(b) > maxWord {
		return nil, false
	}
	for i, c := range b {
		buf[i] = lower[c]
	}
	return buf[:len(b)], true
}

// index fills the words and bracket pairs of s, once.
func (s *Statement) index() {
	if s.indexed {
		return
	}
	s.indexed = true
	s.pairs, s.deepest = s.pairs[:0], 0
	x := indexer{s: s, open: s.open[:0], cases: s.cases[:0]}
	var buf [maxWord]byte
	s.pairs = slices.Grow(s.pairs, len(s.Tokens))
	for i := range s.Tokens {
		t := &s.Tokens[i]
		s.pairs = append(s.pairs, -1)
		switch t.Kind {
		case Word:
			if wordLengths[lower[s.text[t.Start]]]>>uint(t.End-t.Start)&1 == 0 {
				break // most names end here, for a tenth of what the table costs
			}
			if b, ok := fold(&buf, s.Of(i)); ok {
				t.word = x.meant(wordByName[string(b)], i)
			}
		case Punct:
			x.bracket(i)
		}
	}
	s.open, s.cases = x.open, x.cases
}

// indexer walks the tokens of s once and notes what belongs together.
type indexer struct {
	s           *Statement
	open, cases []int32 // brackets and CASEs not closed yet
	between     uint64  // a bit per depth of brackets: a BETWEEN waits for its AND
}

// bracket notes the bracket at i and its partner.
func (x *indexer) bracket(i int) {
	switch x.s.text[x.s.Tokens[i].Start] {
	case '(', '[':
		x.open = append(x.open, int32(i))
		x.s.deepest = max(x.s.deepest, len(x.open))
		x.between &^= x.level()
	case ')', ']':
		if n := len(x.open); n > 0 {
			x.join(x.open[n-1], i)
			x.open = x.open[:n-1]
		}
	}
}

// level is the bit of the depth at hand; those beyond maxDepth share one.
func (x *indexer) level() uint64 { return 1 << min(len(x.open), maxDepth-1) }

func (x *indexer) join(from int32, to int) { x.s.pairs[from], x.s.pairs[to] = int32(to), from }

// meant returns the word at i, with CASE and END joined and the AND of BETWEEN told from the others.
func (x *indexer) meant(w word, i int) word {
	switch w {
	case wBetween:
		x.between |= x.level()
	case wAnd:
		if x.between&x.level() != 0 {
			x.between &^= x.level()
			return wBetweenAnd
		}
	case wCase:
		x.cases = append(x.cases, int32(i))
		x.s.deepest = max(x.s.deepest, len(x.cases))
	case wEnd:
		if n := len(x.cases); n > 0 {
			x.join(x.cases[n-1], i)
			x.cases = x.cases[:n-1]
		}
	}
	return w
}

// is returns the keyword at token i, 0 beyond the ends and for all other tokens.
func (s *Statement) is(i int) word {
	if i < 0 || i >= len(s.Tokens) {
		return noWord
	}
	return s.Tokens[i].word
}

// mark returns the byte of a punctuation of one byte or an operator of one byte at token i, else 0.
func (s *Statement) mark(i int) byte {
	if i < 0 || i >= len(s.Tokens) {
		return 0
	}
	if t := &s.Tokens[i]; (t.Kind == Punct || t.Kind == Operator) && t.End-t.Start == 1 {
		return s.text[t.Start]
	}
	return 0
}

// closing returns the partner of the bracket or CASE at i, or the last token where it was never closed.
func (s *Statement) closing(i int) int {
	if p := s.pairs[i]; int(p) > i {
		return int(p)
	}
	return len(s.Tokens) - 1
}

// isOp reports that token i is the operator op.
func (s *Statement) isOp(i int, op string) bool {
	return i >= 0 && i < len(s.Tokens) && (s.Tokens[i].Kind == Operator || s.Tokens[i].Kind == Punct) && string(s.Of(i)) == op
}
