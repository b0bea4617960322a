package wire

import "strings"

// deallocateQuery makes DEALLOCATE and DISCARD ALL in the Query that begins at start mean the client's statements, whose names
// the server does not know.
func (f *front) deallocateQuery(b *back, dst []byte, start int, m *marks, a *answer) []byte {
	p := f.named[m.deallocate]
	switch {
	case !m.single && len(m.deallocations) > 0:
		return f.deallocateSome(b, dst, start, m.deallocations, a)
	case m.deallocateAll || m.discardAll:
		f.deallocateAll(b, a)
	case p != nil && m.single:
		dst = dst[:start]
		if !b.statements.has(p.text) {
			dst = f.prepare(b, dst, p, skip, nil)
			b.expect(answer{request: 'S', mode: skip})
			dst = append(dst, 'S', 0, 0, 0, 4)
		}
		f.deallocateOne(b, m.deallocate, p, a)
		dst = appendQuery(dst, deallocateText(p))
	}
	return dst
}

// deallocateSome does so for a text of several statements, of which those after an error will not run.
func (f *front) deallocateSome(b *back, dst []byte, start int, all []deallocation, a *answer) []byte {
	sql := string(dst[start+headerSize : len(dst)-1])
	dst = dst[:start]
	var text strings.Builder
	var undo []func()
	var of []int
	used, prepares := 0, false
	for _, d := range all {
		one := answer{}
		switch p := f.named[d.name]; {
		case d.name == "":
			f.deallocateAll(b, &one)
		case p != nil:
			if !b.statements.has(p.text) {
				dst, prepares = f.prepare(b, dst, p, skip, nil), true
			}
			f.deallocateOne(b, d.name, p, &one)
			text.WriteString(sql[used:d.start] + `"` + p.text.name + `"`)
			used = d.end
		default:
			continue
		}
		undo, of = append(undo, one.undo), append(of, d.statement)
	}
	a.undoAfter = func(n int) {
		for i := len(undo) - 1; i >= 0 && of[i] > n; i-- {
			undo[i]()
		}
	}
	undoAfter := a.undoAfter
	a.undo = func() { undoAfter(0) }
	if prepares {
		b.expect(answer{request: 'S', mode: skip})
		dst = append(dst, syncMessage...)
	}
	text.WriteString(sql[used:])
	return appendQuery(dst, text.String())
}

func deallocateText(p *prepared) string { return `DEALLOCATE "` + p.text.name + `"` }

// deallocateTail is the tail of a Parse message for DEALLOCATE with the name that the server knows.
func (f *front) deallocateTail(tail []byte, m *marks) []byte {
	p := f.named[m.deallocate]
	if p == nil || !m.single {
		return tail
	}
	return append(appendText(nil, deallocateText(p)), 0, 0)
}

// deallocateExecute notes what running a prepared DEALLOCATE or DISCARD ALL does.
func (f *front) deallocateExecute(b *back, dst []byte, m *marks, a *answer) []byte {
	if !f.pooled {
		return dst
	}
	p := f.named[m.deallocate]
	switch {
	case m.deallocateAll || m.discardAll:
		f.deallocateAll(b, a)
	case p != nil && m.single:
		if !b.statements.has(p.text) {
			dst = f.prepare(b, dst, p, inject, nil)
		}
		f.deallocateOne(b, m.deallocate, p, a)
	}
	return dst
}

// deallocateOne forgets a statement on both sides.
func (f *front) deallocateOne(b *back, name string, p *prepared, a *answer) {
	was, _ := b.statements.remove(p.text)
	undo := f.closeNamed(name)
	a.undo = func() { undo(); b.statements.restore(was) }
}

// deallocateAll forgets all named statements on both sides; the unnamed one lives on. Taking that back leaves alone what was prepared since.
func (f *front) deallocateAll(b *back, a *answer) {
	named, cached := f.named, b.statements
	f.named, f.textBytes, b.statements = map[string]*prepared{}, 0, newCache()
	for _, p := range named {
		f.library.drop(p.text)
	}
	a.undo = func() {
		for name, p := range named {
			if f.named[name] == nil {
				f.library.hold(p.text)
				f.named[name] = p
				f.textBytes += len(p.text.tail)
			}
		}
		b.statements.join(cached)
	}
}
