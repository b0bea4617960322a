package screen

import (
	"bytes"
	"encoding/hex"
	"slices"
)

// A skeleton is a statement's structure as bytes, from which fingerprints are made and templates are kept. An element is
//
//	a word                folded, then end
//	a quoted identifier   itself, then end
//	an operator           elemOperator, itself, then end; punctuation just itself
//	a value               elemValue: a literal with its sign, NULL, TRUE, FALSE or DEFAULT where a value stands
//	a parameter           elemParam
//	a comment             elemComment and its class
//
// All that the built-in rules and Cost look at is in it, so that a verdict may be kept by fingerprint: what two compared literals
// say of each other (elemCompared), the text of a DO body, the character after UESCAPE, and a fault.
const (
	elemEnd      = 0
	elemValue    = 1
	elemParam    = 2
	elemComment  = 3
	elemOperator = 4
	elemCompared = 5
	elemBody     = 6
	elemFault    = 7
	elemOther    = 14
)

// String returns f in hexadecimal.
func (f Fingerprint) String() string { return hex.EncodeToString(f[:]) }

// Fingerprint returns the hash of the exact structure: literals apart, each list with its length. It allocates nothing.
func (s *Statement) Fingerprint(k Key) Fingerprint { return sipHash(k, s.Structure()) }

// Loose returns the hash of the structure with runs of values collapsed to one and runs of equal rows to one, so that IN lists and
// bulk inserts of any length are one structure; collapsed reports that there was something to collapse.
func (s *Statement) Loose(k Key) (f Fingerprint, collapsed bool) {
	b := s.structure(true)
	n := len(b)
	f = sipHash(k, b)
	return f, n != len(s.structure(false))
}

// Structure returns the skeleton's bytes; good until the next call of a method of s.
func (s *Statement) Structure() []byte { return s.structure(false) }

// structure writes the skeleton into the scratch of s.
func (s *Statement) structure(loose bool) []byte {
	w := skeletonWriter{s: s, out: slices.Grow(s.skeleton[:0], len(s.text)+3*len(s.Tokens)+2*len(s.Comments)), loose: loose}
	if loose {
		s.rows = [maxRowDepth]row{}
	}
	next := 0
	for i := 0; i < len(s.Tokens); i++ {
		for next < len(s.Comments) && int(s.Comments[next].Before) <= i {
			w.comment(next)
			next++
		}
		i = w.token(i)
	}
	for ; next < len(s.Comments); next++ {
		w.comment(next)
	}
	if s.Fault != "" {
		w.out = append(append(append(w.out, elemFault), s.Fault...), elemEnd)
	}
	s.skeleton = w.out
	return w.out
}

// skeletonWriter appends elements to out.
type skeletonWriter struct {
	s     *Statement
	out   []byte
	loose bool
	do    bool // the statement at hand is DO: its literals are code
	depth int
}

// token appends the element of token i and returns the last token that it covers.
func (w *skeletonWriter) token(i int) int {
	s := w.s
	t := &s.Tokens[i]
	switch t.Kind {
	case Word:
		if classes[s.text[t.Start]]&special != 0 {
			if s.isValueWord(i) {
				w.value(elemValue)
				break
			}
			w.do = w.do || foldsTo(s.Of(i), "do") && (i == 0 || s.mark(i-1) == ';')
		}
		w.folded(s.text[t.Start:t.End])
	case Quoted:
		w.raw(i)
	case Param:
		w.value(elemParam)
	case Number, String:
		w.literal(i)
	case Operator:
		if s.isSign(i) {
			w.value(elemValue)
			return i + 1
		}
		w.out = append(w.out, elemOperator)
		w.raw(i)
	case Punct:
		w.punct(i)
	default:
		w.out = append(w.out, elemOther, s.text[t.Start])
	}
	return i
}

// folded appends a word and its end; structure left room for it.
func (w *skeletonWriter) folded(b []byte) {
	n := len(w.out)
	if cap(w.out)-n <= len(b) {
		w.out = slices.Grow(w.out, len(b)+1)
	}
	w.out = w.out[:n+len(b)+1]
	to := w.out[n:]
	for i := range b {
		to[i] = lower[b[i]]
	}
	to[len(b)] = elemEnd
}

func (w *skeletonWriter) raw(i int) { w.out = append(append(w.out, w.s.Of(i)...), elemEnd) }

// value appends an element of one byte; loose, "value , value" is one value.
func (w *skeletonWriter) value(e byte) {
	if n := len(w.out); w.loose && n >= 2 && w.out[n-1] == ',' && w.out[n-2] == e {
		w.out = w.out[:n-1]
		return
	}
	w.out = append(w.out, e)
}

func (w *skeletonWriter) literal(i int) {
	s := w.s
	w.value(elemValue)
	if i == 0 {
		return
	}
	switch {
	case w.do && s.Tokens[i].Kind == String, s.afterUescape(i), foldsTo(s.Of(i-1), "language"):
		w.out = append(w.out, elemBody)
		w.raw(i)
	case s.mark(i-1) == '=' && isLiteral(s.Tokens[max(0, i-2)].Kind) && !s.isSigned(i-3):
		w.out = append(w.out, elemCompared, s.compared(i-2, i))
	}
}

func (s *Statement) afterUescape(i int) bool {
	return i >= 2 && s.Tokens[i-2].Form == Unicode && s.Tokens[i-1].Kind == Word && bytes.EqualFold(s.Of(i-1), []byte("uescape"))
}

func isLiteral(k Kind) bool { return k == Number || k == String }

// The ways two literals compare: 1=1 and 0=0, 1=0 and 0=1 (which ORMs write), others that are or may be equal, others that differ.
const (
	comparedOne   = 'a'
	comparedZero  = 'b'
	comparedEqual = 'c'
	comparedOther = 'd'
)

// compared says how literals i and j compare.
func (s *Statement) compared(i, j int) byte {
	a, b := s.Of(i), s.Of(j)
	same := bytes.Equal(a, b)
	switch {
	case isBit(a) && isBit(b) && same:
		return comparedOne
	case isBit(a) && isBit(b):
		return comparedZero
	case !same && s.isPlain(i) && s.isPlain(j) && s.Tokens[i].Kind == s.Tokens[j].Kind:
		return comparedOther
	}
	return comparedEqual
}

func isBit(b []byte) bool { return len(b) == 1 && (b[0] == '0' || b[0] == '1') }

// isPlain reports a literal whose text is its value: '…' without quotes inside, or decimal digits without a leading zero.
func (s *Statement) isPlain(i int) bool {
	b := s.Of(i)
	if s.Tokens[i].Kind == String {
		return s.Tokens[i].Form == Plain && b[0] == '\'' && bytes.Count(b, []byte("'")) == 2
	}
	for _, c := range b {
		if classes[c]&digit == 0 {
			return false
		}
	}
	return b[0] != '0'
}
