package crossdoor

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"html"
	"strings"
	"unicode/utf8"
)

// Bounds of the spellings of one input.
const (
	maxSpellings = 16
	maxDepth     = 4
	minPacked    = 8 // bytes of base64 or hex that are worth a try
)

// spellings calls emit with text and with each other way the app may read it: decoded, unescaped, unpacked. The order is breadth
// first; at most maxSpellings in all.
func spellings(text string, emit func(string)) {
	if m := marksOf(text); m == (marks{}) {
		emit(text)
		return
	}
	s := speller{queue: make([]spelling, 1, 8)}
	s.queue[0] = spelling{text, 0}
	for i := 0; i < len(s.queue) && i < maxSpellings; i++ {
		emit(s.queue[i].text)
		if s.queue[i].depth < maxDepth {
			s.expand(s.queue[i])
		}
	}
}

type spelling struct {
	text  string
	depth int
}

type speller struct{ queue []spelling }

// add queues text unless it is there already.
func (s *speller) add(text string, depth int) {
	if len(text) < 2 || len(s.queue) >= 2*maxSpellings {
		return
	}
	for _, q := range s.queue {
		if q.text == text {
			return
		}
	}
	s.queue = append(s.queue, spelling{text, depth})
}

// expand adds what each decoding makes of x. A decoding that does not apply costs one scan for its mark.
func (s *speller) expand(x spelling) {
	d := x.depth + 1
	m := marksOf(x.text)
	if m.percent {
		s.add(percentDecode(x.text, false), d)
	}
	if m.plus {
		s.add(percentDecode(x.text, true), d)
	}
	if m.backslash {
		s.add(unescape(x.text), d)
	}
	if m.ampersand {
		s.add(html.UnescapeString(x.text), d)
	}
	if m.wide {
		s.add(narrow(x.text), d)
		s.add(plain(x.text), d)
		s.add(ascii(x.text), d)
	}
	if n := len(x.text); m.brace && n > 2 && x.text[0] == '"' && x.text[n-1] == '"' { // a cookie, a cell of a table
		s.add(x.text[1:n-1], d)
	}
	if m.brace && strings.ContainsAny(x.text, "{[") {
		eachJSONString(x.text, func(_, v string) { s.add(v, d) })
	}
	if m.tag {
		s.add(without(x.text, "<", ">"), d)
	}
	if m.comment {
		s.add(without(x.text, "/*", "*/"), d)
	}
	if m.slug {
		s.add(strings.ReplaceAll(x.text, "-", " "), d)
	}
	if m.pieces {
		for piece := range strings.FieldsFuncSeq(x.text, func(r rune) bool { return r < 0x80 && betweenByte[byte(r)] }) {
			s.unpack(piece, d)
		}
	}
	if m.packed {
		s.unpack(x.text, d)
	}
}

// unpack adds the contents of base64, hex and JWT texts.
func (s *speller) unpack(text string, d int) {
	if len(text) < minPacked {
		return
	}
	if b, err := hex.DecodeString(strings.TrimPrefix(strings.TrimPrefix(text, "0x"), "\\x")); err == nil {
		s.add(string(readable(b)), d)
	}
	text, _, _ = strings.Cut(text, "--")            // and a signature
	for part := range strings.SplitSeq(text, ".") { // JWT: header.payload.signature (RFC 7519); others have the payload first
		if b := base64Decode(part); b != nil {
			s.add(string(b), d)
		}
	}
}

// base64Decode reads standard and URL alphabets with or without padding and line ends; nil where text is neither or holds no text.
func base64Decode(text string) []byte {
	clean := strings.TrimRight(text, "=\r\n")
	clean = base64Letters.Replace(clean)
	b, err := base64.RawStdEncoding.DecodeString(clean)
	if err != nil {
		return nil
	}
	return readable(b)
}

// base64Letters maps the URL alphabet to the standard one.
var base64Letters = strings.NewReplacer("-", "+", "_", "/", "\r", "", "\n", "")

// readable is b where it is UTF-8 without control bytes, what an app would put into SQL; where few bytes are not, the rest, since apps
// strip those or nobody may be fooled by one. NULs do not count: they are half of a character in UTF-16. It is nil else.
func readable(b []byte) []byte {
	bad, nulls := 0, 0
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		switch {
		case r == 0:
			nulls++
		case r == utf8.RuneError && size == 1, isControl(r):
			bad++
		}
		i += size
	}
	switch n := len(b) - nulls; {
	case n < 2 || bad*8 > n:
		return nil
	case bad+nulls == 0:
		return b
	}
	return bytes.Map(func(r rune) rune {
		if r == utf8.RuneError || r == 0 || isControl(r) {
			return -1
		}
		return r
	}, b)
}

func isControl(r rune) bool { return r < ' ' && r != '\n' && r != '\t' && r != '\r' || r == 0x7f }

// marks tell which decodings can apply to a text.
type marks struct{ percent, plus, backslash, ampersand, wide, brace, tag, comment, slug, pieces, packed bool }

func marksOf(s string) marks {
	m := marks{packed: len(s) >= minPacked, pieces: len(s) >= minPacked}
	dash, sharp := false, false
	for i := range len(s) {
		switch c := s[i]; {
		case c == '%':
			m.percent = true
		case c == '+':
			m.plus = true
		case c == '\\':
			m.backslash = true
		case c == '&':
			m.ampersand = true
		case c == '{' || c == '[' || c == '"':
			m.brace = true
		case c >= 0x80:
			m.wide = true
		case c == '<':
			m.tag = true
		case c == '*':
			m.comment = m.comment || i > 0 && s[i-1] == '/'
		}
		dash, sharp = dash || s[i] == '-', sharp || sharpByte[s[i]]
		if !packedByte[s[i]] {
			m.packed = false
			m.pieces = m.pieces && betweenByte[s[i]]
		}
	}
	m.slug, m.pieces = dash && sharp, m.pieces && !m.packed
	return m
}

// betweenByte are what stands between packed pieces, such as a data: URL's and those of cookies; sharpByte what no slug has but one that
// somebody tries.
var (
	betweenByte = bytesOf(":;,|~!")
	sharpByte   = bytesOf("'\"()<>=;")
)

// packedByte are the bytes that base64, hex and JWT texts have.
var packedByte = packedBytes()

func packedBytes() (table [256]bool) {
	for c := range 256 {
		table[c] = c == '+' || c == '/' || c == '-' || c == '_' || c == '=' || c == '.' || c == '\\' || c == '\r' || c == '\n' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
	}
	return table
}
