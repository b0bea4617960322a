package wire

import "sallyport/dbguard"

// parse sends a Parse message, or not where the server has the statement already.
func (f *front) parse(b *back, dst, raw []byte, name string, v *dbguard.Verdict, m *marks) []byte {
	tail := raw[headerSize+len(name)+1:]
	if !f.pooled {
		p := &prepared{text: &text{}, verdict: v, marks: m}
		undo := f.keep(name, p)
		b.open = true
		b.expect(answer{request: 'P', of: p, undo: undo})
		return append(dst, raw...)
	}
	if p := f.mayKeep(name, len(tail)); p != nil {
		return f.fail(b, dst, 'P', p)
	}
	b.open = true
	if m != nil && m.deallocate != "" {
		tail = f.deallocateTail(tail, m)
	}
	if name == "" {
		p := &prepared{text: &text{tail: string(tail)}, verdict: v, marks: m}
		undo, undoOnServer := f.keep(name, p), b.takeUnnamed(p)
		b.expect(answer{
			request: 'P', of: p, undo: func() { undo(); undoOnServer() },
			failed: func() { f.unnamed, b.unnamed = nil, nil }, // the server drops the old one first
		})
		return appendParse(dst, "", p.text.tail)
	}
	p := &prepared{text: f.library.take(tail), verdict: v, marks: m}
	undo := f.keep(name, p)
	if b.statements.has(p.text) {
		b.expect(answer{request: 'P', mode: fake, of: p, undo: undo})
		return dst
	}
	return f.prepare(b, dst, p, forward, undo)
}

// prepareLater keeps a statement whose text a server took before, for when it is used; no server is needed now. It reports
// false where the text is new, or there is something against it.
func (f *front) prepareLater(tail []byte, name string, v *dbguard.Verdict, m *marks) bool {
	if !f.pooled || name == "" || f.status != 'I' || m != nil && m.deallocate != "" || f.mayKeep(name, len(tail)) != nil {
		return false
	}
	t := f.library.takeValid(tail)
	if t == nil {
		return false
	}
	f.keep(name, &prepared{text: t, verdict: v, marks: m})
	return true
}

// mayKeep is the problem with one more statement of n bytes; nil where there is none.
func (f *front) mayKeep(name string, n int) *problem {
	if name == "" {
		return nil
	}
	if f.named[name] != nil {
		return refuse(codeDuplicate, "prepared statement %q already exists", name)
	}
	if len(f.named) >= maxPerClient || f.textBytes+n > maxPreparedText {
		return refuse(codeLimit, "too many prepared statements: %d held, %d bytes; limits are %d and %d", len(f.named), f.textBytes, maxPerClient, maxPreparedText)
	}
	return nil
}

// keep puts p under name and returns what takes that back, unless another took its place since.
func (f *front) keep(name string, p *prepared) (undo func()) {
	if name == "" {
		before := f.unnamed
		f.unnamed = p
		return func() {
			if f.unnamed == p {
				f.unnamed = before
			}
		}
	}
	p.name = name
	f.named[name] = p
	f.textBytes += len(p.text.tail)
	return func() {
		if f.named[name] == p {
			f.forget(name)
		}
	}
}

// forget drops a named statement of the client.
func (f *front) forget(name string) {
	p := f.named[name]
	if p == nil {
		return
	}
	delete(f.named, name)
	f.textBytes -= len(p.text.tail)
	if f.pooled {
		f.library.drop(p.text)
	}
}

// prepare sends a Parse for p under its name on the server, and a Close before it where there is no room.
func (f *front) prepare(b *back, dst []byte, p *prepared, how mode, undo func()) []byte {
	if t, full := b.statements.oldest(); full && !b.statements.knows(p.text) {
		dst = closeOnServer(b, dst, t)
	} else if b.statements.knows(p.text) {
		dst = closeOnServer(b, dst, p.text)
	}
	t := p.text
	b.statements.put(t)
	b.expect(answer{request: 'P', mode: how, of: p, undo: func() {
		b.statements.remove(t)
		if undo != nil {
			undo()
		}
	}})
	return appendParse(dst, p.text.name, p.text.tail)
}

// appendParse appends a Parse message.
func appendParse(dst []byte, name, tail string) []byte {
	start := len(dst)
	return endMessage(append(appendText(startMessage(dst, 'P'), name), tail...), start)
}

// closeOnServer sends a Close for t, which the client does not see.
func closeOnServer(b *back, dst []byte, t *text) []byte {
	was, _ := b.statements.remove(t)
	b.expect(answer{request: 'C', mode: inject, undo: func() { b.statements.restore(was) }})
	return appendClose(dst, t.name)
}

// appendClose appends a Close message for a prepared statement.
func appendClose(dst []byte, name string) []byte {
	start := len(dst)
	return endMessage(appendText(append(startMessage(dst, 'C'), 'S'), name), start)
}

// takeUnnamed notes that the server's unnamed statement is p now, and returns what takes that back, unless there is another since.
func (b *back) takeUnnamed(p *prepared) (undo func()) {
	before := b.unnamed
	b.unnamed = p
	return func() {
		if b.unnamed == p {
			b.unnamed = before
		}
	}
}

// statement finds the client's statement by name and makes sure that the server has it; nil and unchanged where it does not exist.
func (f *front) statement(b *back, dst []byte, name string) ([]byte, *prepared) {
	if name != "" {
		p := f.named[name]
		if p != nil && f.pooled && !b.statements.has(p.text) {
			dst = f.prepare(b, dst, p, inject, nil)
		}
		return dst, p
	}
	p := f.unnamed
	if !f.pooled || p == nil || b.unnamed == p {
		return dst, p
	}
	b.expect(answer{request: 'P', mode: inject, of: p, undo: b.takeUnnamed(p)})
	return appendParse(dst, "", p.text.tail), p
}
