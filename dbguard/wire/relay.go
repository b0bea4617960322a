package wire

import "maps"

// maxDecoded is the longest body in bytes that is looked into; longer ones pass unread.
const maxDecoded = 1 << 20

// turn is what one read from the server amounted to.
type turn struct {
	// used is how many bytes of the read were consumed; the rest is the beginning of a message that must come whole.
	used int
	// ready reports that the last thing said was ReadyForQuery with nothing more owed.
	ready bool
	// params reports that a ParameterStatus came, told that the client got it.
	params, told bool
	// fatal is the body of a FATAL error, after which the server closes.
	fatal []byte
}

// relay reads messages of the server out of buf and gives the client's part to out. It looks at headers only, but for the few
// kinds that move the state.
func (b *back) relay(buf []byte, out *sink) turn {
	var t turn
	if b.rest > 0 {
		t.used = b.finish(buf, out)
	}
	for b.rest == 0 && len(buf)-t.used >= headerSize {
		m := buf[t.used:]
		if n := b.rows(m, out); n > 0 {
			t.used += n
			t.ready = false
			continue
		}
		size := headerSize + bodySize(m)
		if size < headerSize || m[0] == 'Z' && size != headerSize+1 {
			t.fatal = []byte("\x00") // no PostgreSQL says so
			return t
		}
		if len(m) < size && b.wants(m[0]) && size <= maxDecoded {
			return t
		}
		whole := m[:min(size, len(m))]
		t.used += len(whole)
		b.rest = size - len(whole)
		b.restForward = b.take(m[0], whole, out, &t)
	}
	return t
}

// rows passes on the whole rows, and pieces of COPY data, that m begins with, and returns their length; 0 where the next message
// needs a closer look.
func (b *back) rows(m []byte, out *sink) int {
	if m[0] != 'D' && m[0] != 'd' {
		return 0
	}
	a := b.owed.first()
	if a == nil || a.mode != forward || a.request != 'Q' && a.request != 'E' {
		return 0
	}
	n := 0
	for len(m)-n >= headerSize && (m[n] == 'D' || m[n] == 'd') {
		size := bodySize(m[n:])
		if size < 0 || size > len(m)-n-headerSize {
			break
		}
		n += headerSize + size
	}
	if n > 0 {
		out.add(m[:n])
		b.began = true
	}
	return n
}

// finish passes on, or drops, what was missing of the last message.
func (b *back) finish(buf []byte, out *sink) int {
	n := min(b.rest, len(buf))
	if b.restForward {
		out.add(buf[:n])
	}
	b.rest -= n
	if b.rest == 0 && b.flushed {
		b.flushed = false
		b.settle(out)
	}
	return n
}

// wants reports the kinds whose body the state machine reads.
func (b *back) wants(kind byte) bool {
	switch kind {
	case 'E', 'Z', 'S', 'C':
		return true
	case 'D':
		a := b.owed.first()
		return a != nil && a.catch
	}
	return false
}

// take moves the state by one message and reports whether the client gets it.
func (b *back) take(kind byte, m []byte, out *sink, t *turn) bool {
	b.settle(out)
	t.ready = false
	switch kind {
	case 'N', 'A':
		return b.pass(kind == 'A' || !b.skipping(), m, out)
	case 'S':
		b.parameter(m, t)
		t.told = t.told || !b.skipping()
		return b.pass(!b.skipping(), m, out)
	case 'E':
		return b.errorResponse(m, out, t)
	case 'Z':
		return b.readyForQuery(m, out, t)
	}
	a := b.owed.first()
	if a == nil {
		return false
	}
	if kind == 'D' && a.catch && b.caught == nil {
		b.caught = append([]byte(nil), m[headerSize:]...)
	}
	passed := b.pass(a.mode == forward, m, out)
	b.began = b.began || passed
	b.advance(kind, m, a)
	return passed
}

func (b *back) pass(passing bool, m []byte, out *sink) bool {
	if passing {
		out.add(m)
	}
	return passing
}

// skipping reports that the answer at the head is none of the client's business.
func (b *back) skipping() bool {
	a := b.owed.first()
	return a != nil && a.mode == skip
}

// advance takes the answer at the head where kind ends it.
func (b *back) advance(kind byte, m []byte, a *answer) {
	switch kind {
	case 'G':
		b.copyIn, b.copyDone = true, b.owed.dropInCopy()
	case 'C', 'I', 's':
		b.copyIn, b.copyDone = false, false
		a.ran++
		if kind == 'C' && a.verdict != nil {
			a.rows += rowsOf(m[headerSize:])
		}
		if a.request == 'E' {
			b.done("", nil)
		}
	case '1', '2', '3':
		if a.request == closes(kind) {
			if kind == '1' && a.of != nil {
				a.of.text.valid.Store(true)
			}
			b.done("", nil)
		}
	case 'T', 'n':
		if a.request == 'D' {
			b.done("", nil)
		}
	}
}

// closes is the request that an acknowledgement belongs to.
func closes(kind byte) byte {
	switch kind {
	case '1':
		return 'P'
	case '2':
		return 'B'
	}
	return 'C'
}

// parameter notes a ParameterStatus.
func (b *back) parameter(m []byte, t *turn) {
	name, rest, ok := cutText(m[headerSize:])
	if !ok {
		return
	}
	value, _, _ := cutText(rest)
	if was, known := b.reported.of[string(name)]; known && was == string(value) {
		return
	}
	of := maps.Clone(b.reported.of)
	if of == nil {
		of = map[string]string{}
	}
	of[string(name)] = string(value)
	b.reported = newValues(of)
	t.params = true
}

// rowsOf is the count at the end of a CommandComplete's tag, 0 where it has none: "SELECT 5", "INSERT 0 5".
func rowsOf(tag []byte) int64 {
	n, factor := int64(0), int64(1)
	for i := len(tag) - 2; i >= 0 && tag[i] >= '0' && tag[i] <= '9' && factor < 1e15; i-- {
		n += int64(tag[i]-'0') * factor
		factor *= 10
	}
	return n
}
