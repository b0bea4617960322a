package screen

import "bytes"

// walk calls f with the bytes [from, to) of each element of a skeleton, until f returns false.
func walk(structure []byte, f func(from, to int) bool) {
	for i := 0; i < len(structure); {
		to := i + elementLen(structure[i:])
		if !f(i, to) {
			return
		}
		i = to
	}
}

// elementLen returns the length of the element that b begins with.
func elementLen(b []byte) int {
	switch c := b[0]; c {
	case elemValue, elemParam:
		return 1
	case elemComment, elemCompared, elemOther:
		return min(2, len(b))
	case elemOperator, elemBody, elemFault, '"':
	default:
		if classes[c]&letter == 0 {
			return 1
		}
	}
	if n := bytes.IndexByte(b, elemEnd); n >= 0 {
		return n + 1
	}
	return len(b)
}

// canonical returns a text whose skeleton is structure: each literal is '?'. It serves to keep structures in files; ok is false where
// no such text was found.
func canonical(structure []byte) (text string, ok bool) {
	out := make([]byte, 0, 2*len(structure))
	walk(structure, func(from, to int) bool {
		out = appendCanonical(out, structure, from, to)
		return true
	})
	s := Read(string(out), Options{})
	defer s.Release()
	return string(out), s.Fault == "" && bytes.Equal(s.Structure(), structure)
}

// appendCanonical appends the element [from, to) of structure.
func appendCanonical(out, structure []byte, from, to int) []byte {
	e := structure[from:to]
	switch c := e[0]; c {
	case elemValue:
		return append(out, valueText(structure, from)...)
	case elemParam:
		return append(out, "$1 "...)
	case elemComment:
		return append(out, commentTexts[e[1]]...)
	case elemOperator:
		return append(append(out, e[1:len(e)-1]...), ' ')
	case elemCompared:
		return out // valueText took care of it
	case elemBody:
		if n := len(out); n >= 4 && string(out[n-4:]) == "'?' " {
			out = out[:n-4]
		}
		return append(append(out, e[1:len(e)-1]...), ' ')
	case elemOther:
		return append(out, e[1], ' ')
	default:
		if len(e) == 1 {
			return append(out, c, ' ')
		}
	}
	return append(append(out, e[:len(e)-1]...), ' ')
}

// commentTexts are comments of each class; the first line keeps to itself, the others stand at the end.
var commentTexts = map[byte]string{
	commentPlain: "-- ?\n", commentBlock: "/**/ ", commentVersion: "/*!*/ ", commentEmpty: "--", commentTail: "--'",
}

var equalsSign = []byte{elemOperator, '=', elemEnd}

// valueText returns the literal for the value at i: '?', or what compares as the marker behind says.
func valueText(structure []byte, i int) string {
	if rest := structure[i+1:]; bytes.HasPrefix(rest, equalsSign) && len(rest) >= 6 && rest[3] == elemValue && rest[4] == elemCompared {
		if rest[5] == comparedOne || rest[5] == comparedZero {
			return "1 "
		}
		return "'?' "
	}
	if i+2 < len(structure) && structure[i+1] == elemCompared {
		switch structure[i+2] {
		case comparedOne:
			return "1 "
		case comparedZero:
			return "0 "
		case comparedOther:
			return "'!' "
		}
		return "'?' "
	}
	if i >= 4 && structure[i-4] == elemValue && bytes.Equal(structure[i-3:i], equalsSign) {
		return "-1 " // a literal here would be compared
	}
	return "'?' "
}
