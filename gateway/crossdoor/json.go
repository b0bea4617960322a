package crossdoor

import (
	"strings"
	"unicode/utf8"
)

// jsonScanner finds the strings of a JSON text while it streams by, keys included. It never fails: what is no JSON has no strings.
// It is a scanner, not a parser, so that a body of any size costs one pass and one string's memory.
type jsonScanner struct {
	emit func(key, text string, more int) // more bytes of the string follow, as squeeze counts them
	max  int                              // bytes kept of one string

	key     string // the last key
	text    []byte
	more    int
	inside  bool
	escape  uint8  // 0 none, 1 after a backslash, 2..5 inside \uXXXX
	code    rune   // the digits of \uXXXX so far
	pending string // a string that may be a key, until the next byte tells
	waiting bool

	items      []string // of the innermost list, which apps join
	itemsBytes int

	bare     []byte // what stands between two strings
	bareMore int
	odd      bool // it holds what JSON does not have there
}

// plainJSON are the bytes that JSON has between strings: punctuation, numbers, true, false and null.
var plainJSON = bytesOf("{}[],:+-.0123456789eEtruefalsn" + blanks)

// feed reads the next bytes of the text.
func (j *jsonScanner) feed(p []byte) {
	for i := 0; i < len(p); i++ {
		if p[i] == 0 { // half of a character in UTF-16: some parsers tell that by themselves, and no other text has it
			continue
		}
		if !j.inside {
			j.outside(p[i])
			continue
		}
		if j.escape > 0 {
			j.escaped(p[i])
			continue
		}
		switch c := p[i]; c {
		case '"':
			j.inside = false
			j.pending, j.waiting = string(j.text), true
		case '\\':
			j.escape = 1
		default:
			j.put(c)
		}
	}
}

// outside reads a byte between strings: a colon makes the string before it a key, anything else a value.
func (j *jsonScanner) outside(c byte) {
	if c != '"' {
		j.between(c)
	}
	switch {
	case c == '"':
		j.settle(false)
		j.settleBare()
		j.inside, j.text, j.more = true, j.text[:0], 0
	case c == ' ' || c == '\t' || c == '\n' || c == '\r':
	default:
		j.settle(c == ':')
		if c == '[' || c == ']' || c == '{' {
			j.list(c)
		}
	}
}

// between notes a byte between strings: of texts in the manner of JSON, such as GraphQL's and with other quotes, inputs stand there.
func (j *jsonScanner) between(c byte) {
	j.odd = j.odd || !plainJSON[c]
	switch {
	case len(j.bare) < j.max:
		j.bare = append(j.bare, c)
	case !dropped[c]:
		j.bareMore++
	}
}

// settleBare hands on what stood between the last string and here, where JSON would not have it.
func (j *jsonScanner) settleBare() {
	if j.odd {
		j.emit("", string(j.bare), j.bareMore)
	}
	j.bare, j.bareMore, j.odd = j.bare[:0], 0, false
}

// settle hands on the string before, now that its role is known.
func (j *jsonScanner) settle(isKey bool) {
	if !j.waiting {
		return
	}
	j.waiting = false
	if isKey {
		j.key = j.pending
		j.emit("(key)", j.pending, j.more)
		return
	}
	j.emit(j.key, j.pending, j.more)
	if j.itemsBytes += len(j.pending); j.itemsBytes <= maxJoinedBytes {
		j.items = append(j.items, j.pending)
	}
}

// list begins or ends a list; one of several strings is an input as a whole, too. With which bytes the app joins it need not be known but
// for commas, which do not count as blanks do.
func (j *jsonScanner) list(c byte) {
	if c == ']' && len(j.items) > 1 {
		j.emit(j.key, strings.Join(j.items, " "), 0)
	}
	j.items, j.itemsBytes = j.items[:0], 0
}

// finish ends the text; an unfinished string counts as one.
func (j *jsonScanner) finish() {
	if j.inside {
		j.inside = false
		j.pending, j.waiting = string(j.text), true
	}
	j.settle(false)
	j.settleBare()
}

func (j *jsonScanner) put(c byte) {
	if len(j.text) >= j.max {
		if !dropped[c] {
			j.more++
		}
		return
	}
	j.text = append(j.text, c)
}

// escaped reads a byte after a backslash (RFC 8259, section 7).
func (j *jsonScanner) escaped(c byte) {
	if j.escape == 1 {
		j.escape = 0
		switch c {
		case 'n':
			j.put('\n')
		case 't':
			j.put('\t')
		case 'r':
			j.put('\r')
		case 'b', 'f':
			j.put(' ')
		case 'u':
			j.escape, j.code = 2, 0
		default:
			j.put(c)
		}
		return
	}
	d := hexDigit(c)
	if d < 0 {
		j.escape = 0
		j.put(c)
		return
	}
	j.code = j.code<<4 | d
	if j.escape++; j.escape == 6 {
		j.escape = 0
		for _, b := range utf8.AppendRune(nil, j.code) {
			j.put(b)
		}
	}
}

// eachJSONString calls emit with each string of text.
func eachJSONString(text string, emit func(key, text string)) {
	j := jsonScanner{emit: func(key, text string, _ int) { emit(key, text) }, max: len(text)}
	j.feed([]byte(text))
	j.finish()
}
