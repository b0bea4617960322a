package wire

// lose answers everything that is still owed to the client after its server connection died of p. It reports false where the
// client was in the middle of a message, so that nothing more can be said to it.
func (b *back) lose(f *front, p *problem, out *sink) bool {
	if b.rest > 0 && b.restForward {
		return false
	}
	inside := b.status == 'T' || b.status == 'E'
	if inside {
		f.status = 'E'
	}
	told, owed := b.failed, b.owed.waiting()
	for i := range owed {
		told = loseOne(&owed[i], p, f.status, told, out)
	}
	f.skipping = told || b.open && len(owed) == 0 && !inside
	if inside && len(owed) == 0 {
		f.lost = p
	}
	for i := len(owed) - 1; i >= 0; i-- {
		if owed[i].undo != nil {
			owed[i].undo()
		}
	}
	b.owed = answers{}
	return true
}

// loseOne answers one request and reports whether an error was told that only a Sync ends.
func loseOne(a *answer, p *problem, status byte, told bool, out *sink) bool {
	if a.mode == skip || a.request == 'c' {
		return told
	}
	if !told && a.code == "" {
		if a.commit {
			p = &problem{severity: p.severity, code: codeLostCommit, message: "connection lost while committing: the outcome is unknown", detail: p.message}
		}
		out.make(p.append(nil)...)
	}
	if a.request != 'Q' && a.request != 'S' {
		return true
	}
	out.make(appendReady(nil, status)...)
	return false
}

// watchLoss ends what was running.
func (b *back) watchLoss(p *problem) {
	owed := b.owed.waiting()
	if len(owed) > 0 && owed[0].verdict != nil {
		b.watch.ended(&owed[0], p.code, p.append(nil)[headerSize:])
	}
}
