package crossdoor

import "strings"

// formScanner finds the pairs of an application/x-www-form-urlencoded text while it streams by (URL Standard, section 5.1).
// Values are emitted as they stand: their decodings are spellings.
type formScanner struct {
	emit func(key, value formText)
	max  int // bytes kept of one name or value

	key, value formText
	inValue    bool
}

// formText is a name or value as it stands, as far as it was kept.
type formText struct {
	raw  []byte
	more int // bytes that follow, decoded and as squeeze counts them

	escape int  // digits of %XX still to come, of the bytes that follow
	code   rune // those read
}

// put takes the next byte.
func (t *formText) put(c byte, max int) {
	if len(t.raw) < max {
		t.raw = append(t.raw, c)
		return
	}
	switch {
	case t.escape > 0 && hexDigit(c) >= 0:
		t.code = t.code<<4 | hexDigit(c)
		if t.escape--; t.escape == 0 && !dropped[byte(t.code)] {
			t.more++
		}
	case c == '%':
		t.escape, t.code = 2, 0
	case !dropped[c]:
		t.escape = 0
		t.more++
	}
}

// text is what was kept, without half an escape that the cut left.
func (t *formText) text() string {
	s := string(t.raw)
	if t.more == 0 {
		return s
	}
	if i := strings.LastIndexByte(s, '%'); i >= 0 && i > len(s)-3 {
		s = s[:i]
	}
	return s
}

func (t *formText) reset() { *t = formText{raw: t.raw[:0]} }

func (f *formScanner) feed(p []byte) {
	for _, c := range p {
		switch {
		case c == '&':
			f.finish()
		case c == '=' && !f.inValue:
			f.inValue = true
		case f.inValue:
			f.value.put(c, f.max)
		default:
			f.key.put(c, f.max)
		}
	}
}

// finish hands on the last pair.
func (f *formScanner) finish() {
	if len(f.key.raw) > 0 || len(f.value.raw) > 0 {
		f.emit(f.key, f.value)
	}
	f.key.reset()
	f.value.reset()
	f.inValue = false
}

// pairs keeps every pair of a form or query as inputs, and names that occur more than once joined, as apps do.
type pairs struct {
	entry *entry
	from  source
	joins joins
}

func (p *pairs) add(name, value formText) {
	key, raw := percentDecode(name.text(), true), value.text()
	decoded := percentDecode(raw, true)
	p.entry.piece(p.from, key, decoded, value.more)
	if raw != decoded {
		p.entry.piece(p.from, key, raw, value.more)
	}
	if !isWord(key) || name.more > 0 {
		p.entry.piece(p.from, "(key)", key, name.more)
		for part := range strings.FieldsFuncSeq(key, isBracket) { // filter[name][like], which apps take apart
			p.entry.input(p.from, "(key)", part)
		}
	}
	p.joins.add(key, decoded)
}

// isBracket reports what nested names are written with.
func isBracket(r rune) bool { return r == '[' || r == ']' || r == '.' }

// join keeps the joined values of repeated names.
func (p *pairs) join() { p.joins.keep(p.entry, p.from) }
