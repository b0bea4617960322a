package wire

import "sallyport/dbguard"

// maxBatch is how many bytes of a client's messages are kept for a retry.
const maxBatch = 32 << 10

// batch is what a client sent since it got its server connection, for as long as nothing was answered: the server may be lost, or
// may find that what it prepared is out of date, and then it can be sent again.
type batch struct {
	// alive reports that it is whole and unanswered; readOnly that running it twice does no harm.
	alive, readOnly bool
	bytes           []byte
	messages        []batched
}

// batched is one message in a batch.
type batched struct {
	end     int
	verdict *dbguard.Verdict
	marks   *marks
}

// begin starts anew for a link that was just attached.
func (b *batch) begin() {
	b.alive, b.readOnly = true, true
	b.bytes, b.messages = b.bytes[:0], b.messages[:0]
}

// add keeps a message, v and m where it has a text that was judged.
func (b *batch) add(raw []byte, v *dbguard.Verdict, m *marks) {
	if !b.alive {
		return
	}
	if len(b.bytes)+len(raw) > maxBatch {
		b.alive = false
		return
	}
	b.bytes = append(b.bytes, raw...)
	b.messages = append(b.messages, batched{end: len(b.bytes), verdict: v, marks: m})
	b.readOnly = b.readOnly && (v == nil || v.ReadOnly) && !m.lasting()
}

// each calls f for each message; it stops where f returns false.
func (b *batch) each(f func(raw []byte, v *dbguard.Verdict, m *marks) bool) {
	start := 0
	for _, m := range b.messages {
		if !f(b.bytes[start:m.end], m.verdict, m.marks) {
			return
		}
		start = m.end
	}
}

// prepares reports that the batch itself prepares or describes a statement with the text t, so that its client expects no
// particular columns yet.
func (b *batch) prepares(f *front, t *text) bool {
	found := false
	b.each(func(raw []byte, _ *dbguard.Verdict, _ *marks) bool {
		body := raw[headerSize:]
		switch {
		case raw[0] == 'P':
			_, tail, _ := cutText(body)
			found = found || string(tail) == t.tail
		case raw[0] == 'D' && body[0] == 'S':
			name, _, _ := cutText(body[1:])
			p := f.named[string(name)]
			found = found || p != nil && p.text == t
		}
		return !found
	})
	return found
}

// resend sends the batch to b's server, and returns dst with it.
func (f *front) resend(b *back, dst []byte) []byte {
	f.batch.each(func(raw []byte, v *dbguard.Verdict, m *marks) bool {
		switch raw[0] {
		case 'Q':
			dst = f.query(b, dst, raw, v, m)
		case 'P':
			name, _, _ := wellFormedParse(raw[headerSize:])
			f.forget(name) // the first try may have come this far
			dst = f.parse(b, dst, raw, name, v, m)
		case 'B':
			dst, _ = f.bind(b, dst, raw)
		case 'D':
			dst, _ = f.describe(b, dst, raw)
		case 'E':
			dst, _ = f.execute(b, dst, raw)
		case 'C':
			dst, _ = f.closing(b, dst, raw)
		case 'S':
			dst = f.sync(b, dst)
		case 'H':
			dst = append(dst, raw...)
		}
		return true
	})
	f.batch.alive = false
	return dst
}
