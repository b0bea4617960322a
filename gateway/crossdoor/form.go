package crossdoor

import "strings"

// formScanner finds the pairs of an application/x-www-form-urlencoded text while it streams by (URL Standard, section 5.1).
// Values are emitted as they stand: their decodings are spellings.
type formScanner struct {
	emit func(key, value string)
	max  int // bytes kept of one name or value

	key, text []byte
	inValue   bool
	cut       bool
}

func (f *formScanner) feed(p []byte) {
	for _, c := range p {
		switch {
		case c == '&':
			f.finish()
		case c == '=' && !f.inValue:
			f.inValue = true
		case f.inValue:
			f.text = f.put(f.text, c)
		default:
			f.key = f.put(f.key, c)
		}
	}
}

func (f *formScanner) put(dst []byte, c byte) []byte {
	if len(dst) >= f.max {
		f.cut = true
		return dst
	}
	return append(dst, c)
}

// finish hands on the last pair.
func (f *formScanner) finish() {
	if len(f.key) > 0 || len(f.text) > 0 {
		f.emit(percentDecode(string(f.key), true), string(f.text))
	}
	f.key, f.text, f.inValue = f.key[:0], f.text[:0], false
}

// pairs keeps every pair of a form or query as inputs, and names that occur more than once joined, as apps do.
type pairs struct {
	entry *entry
	from  source
	seen  map[string][]string
}

// maxJoined bounds the names whose repeated values are joined.
const maxJoined = 32

func (p *pairs) add(key, raw string) {
	decoded := percentDecode(raw, true)
	p.entry.input(p.from, key, decoded)
	if raw != decoded {
		p.entry.input(p.from, key, raw)
	}
	if !isWord(key) {
		p.entry.input(p.from, "(key)", key)
	}
	if p.seen == nil {
		p.seen = make(map[string][]string, 8)
	}
	if _, known := p.seen[key]; known || len(p.seen) < maxJoined {
		p.seen[key] = append(p.seen[key], clip(decoded, 1024))
	}
}

// join keeps the joined values of repeated names.
func (p *pairs) join() {
	for key, all := range p.seen {
		if len(all) > 1 && len(all) <= maxJoined {
			p.entry.input(p.from, key, strings.Join(all, ","))
			p.entry.input(p.from, key, strings.Join(all, ", "))
		}
	}
}
