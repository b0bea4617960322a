package wire

import "bytes"

// bind sends a Bind message.
func (f *front) bind(b *back, dst, raw []byte) ([]byte, *problem) {
	into, rest, ok := cutText(raw[headerSize:])
	name, tail, ok2 := cutText(rest)
	if !ok || !ok2 {
		return dst, fatal(codeProtocol, "invalid Bind message")
	}
	dst, p := f.statement(b, dst, string(name))
	if p == nil && f.pooled && !f.mayBeSQL(name) {
		return f.fail(b, dst, 'B', missing(string(name))), nil
	}
	b.open = true
	f.openPortal(into, p)
	b.expect(answer{request: 'B', of: p})
	if !f.pooled || p == nil || len(name) == 0 {
		return append(dst, raw...), nil
	}
	start := len(dst)
	dst = appendText(append(startMessage(dst, 'B'), raw[headerSize:headerSize+len(into)+1]...), p.text.name)
	return endMessage(append(dst, tail...), start), nil
}

// mayBeSQL reports that a statement that was not prepared by message may have been by SQL PREPARE, which keeps its server connection: the
// server knows it by this name. Ours, of which other clients' are, are nobody's to name.
func (f *front) mayBeSQL(name []byte) bool {
	return f.pins&pinPrepare != 0 && len(name) > 0 && !bytes.HasPrefix(name, []byte(statementPrefix))
}

// openPortal notes what a portal runs. Portals of ended transactions are forgotten when there are many.
func (f *front) openPortal(name []byte, p *prepared) {
	if at := f.portals[string(name)]; at != nil {
		*at = portal{of: p}
		return
	}
	if len(f.portals) >= maxPerClient {
		clear(f.portals)
	}
	f.portals[string(name)] = &portal{of: p}
}

func missing(name string) *problem {
	if name == "" {
		return refuse(codeNoStatement, "unnamed prepared statement does not exist")
	}
	return refuse(codeNoStatement, "prepared statement %q does not exist", name)
}

// describe sends a Describe message.
func (f *front) describe(b *back, dst, raw []byte) ([]byte, *problem) {
	body := raw[headerSize:]
	name, _, ok := cutText(body[min(1, len(body)):])
	if len(body) == 0 || !ok {
		return dst, fatal(codeProtocol, "invalid Describe message")
	}
	if body[0] != 'S' || !f.pooled {
		b.open = true
		b.expect(answer{request: 'D'})
		return append(dst, raw...), nil
	}
	dst, p := f.statement(b, dst, string(name))
	if p == nil && !f.mayBeSQL(name) {
		return f.fail(b, dst, 'D', missing(string(name))), nil
	}
	b.open = true
	b.expect(answer{request: 'D', of: p})
	if p == nil || len(name) == 0 {
		return append(dst, raw...), nil
	}
	start := len(dst)
	return endMessage(appendText(append(startMessage(dst, 'D'), 'S'), p.text.name), start), nil
}

// execute sends an Execute message.
func (f *front) execute(b *back, dst, raw []byte) ([]byte, *problem) {
	name, rest, ok := cutText(raw[headerSize:])
	if !ok || len(rest) != 4 {
		return dst, fatal(codeProtocol, "invalid Execute message")
	}
	b.open = true
	a := answer{request: 'E'}
	if at := f.portals[string(name)]; at != nil && at.of != nil {
		a.of, a.marks = at.of, at.of.marks
		if !at.counted {
			a.verdict, at.counted = at.of.verdict, true
		}
		if m := a.marks; m != nil {
			a.commit = m.commit
			dst = f.deallocateExecute(b, dst, m, &a)
		}
	}
	b.expect(a)
	return append(dst, raw...), nil
}

// closing sends a Close message; a statement of the client stays on the server for the next one.
func (f *front) closing(b *back, dst, raw []byte) ([]byte, *problem) {
	body := raw[headerSize:]
	name, _, ok := cutText(body[min(1, len(body)):])
	if len(body) == 0 || !ok {
		return dst, fatal(codeProtocol, "invalid Close message")
	}
	b.open = true
	if body[0] != 'S' || !f.pooled || len(name) == 0 || f.named[string(name)] == nil && f.mayBeSQL(name) {
		if !f.pooled && body[0] == 'S' {
			f.forget(string(name))
		}
		if body[0] == 'S' && len(name) == 0 && f.pooled {
			f.unnamed, b.unnamed = nil, nil
		}
		b.expect(answer{request: 'C'})
		return append(dst, raw...), nil
	}
	b.expect(answer{request: 'C', mode: fake, undo: f.closeNamed(string(name))})
	return dst, nil
}

// closeNamed drops a named statement and returns what takes that back.
func (f *front) closeNamed(name string) (undo func()) {
	p := f.named[name]
	if p == nil {
		return nil
	}
	tail := bytes.Clone([]byte(p.text.tail))
	f.forget(name)
	return func() {
		if f.named[name] != nil {
			return // prepared anew since
		}
		p.text = f.library.take(tail)
		f.keep(name, p) // the same, so that what prepared it can be taken back too
	}
}
