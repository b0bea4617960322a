package wire

import "bytes"

// errorResponse takes an error of the server. A FATAL one is left to the driver, since the connection behind it is gone.
func (b *back) errorResponse(m []byte, out *sink, t *turn) bool {
	body := m[headerSize:]
	code := errorField(body, 'C')
	if s := severity(body); s == "FATAL" || s == "PANIC" {
		t.fatal = append([]byte(nil), body...)
		return false
	}
	a := b.owed.first()
	if a == nil {
		return b.pass(true, m, out)
	}
	passed, outdated := false, code == codeUnsupported && a.of != nil && errorField(body, 'R') == "RevalidateCachedQuery"
	if outdated {
		a.of.text.changed()
	}
	switch {
	case outdated && b.watch.stale(a):
		out.reset() // nothing of it was written yet
	case a.mode == skip:
		b.keepFailure(body)
	case a.refusal != nil:
		out.make(a.refusal...)
	case b.override != nil:
		out.make(b.override.append(nil)...)
		b.override = nil
	case b.reason != nil && code == codeCancelled:
		out.make(b.reason.append(nil)...)
	default:
		passed = b.passError(a, m, out)
		b.began = true
	}
	b.fail(a, code, body)
	return passed
}

// passError passes on an error; where it names a prepared statement, by the name that the client knows.
func (b *back) passError(a *answer, m []byte, out *sink) bool {
	if a.of == nil || a.of.text.name == "" || !bytes.Contains(m, []byte(a.of.text.name)) {
		return b.pass(true, m, out)
	}
	body := bytes.ReplaceAll(m[headerSize:], []byte(`"`+a.of.text.name+`"`), []byte(`"`+a.of.name+`"`))
	out.make(appendMessage(nil, m[0], body...)...)
	return false
}

// severity is the one that no language setting translates.
func severity(body []byte) string {
	if v := errorField(body, 'V'); v != "" {
		return v
	}
	return errorField(body, 'S')
}

func (b *back) keepFailure(body []byte) {
	if b.failure == nil {
		b.failure = append([]byte(nil), body...)
	}
}

// fail moves the queue after an error: a Query still gets its ReadyForQuery, everything else is skipped to the next Sync.
func (b *back) fail(a *answer, code string, body []byte) {
	b.copyIn, b.copyDone = false, false
	b.watchFailure(a, code, body)
	if a.request == 'Q' || a.request == 'S' {
		return
	}
	b.began = false
	failed := a.failed
	if !b.owed.dropToSync() {
		b.failed = true
	}
	if failed != nil {
		failed()
	}
}

// watchFailure reports an error of a statement, also of one that failed before it could run.
func (b *back) watchFailure(a *answer, code string, body []byte) {
	if a.refusal != nil || a.code != "" {
		return
	}
	a.code = code
	switch {
	case a.verdict != nil:
		b.watch.ended(a, code, body)
		a.verdict = nil
	case a.of != nil && a.of.verdict != nil && a.mode == forward:
		b.watch.failed(a, code, body)
	}
}

// readyForQuery ends a Query or a Sync.
func (b *back) readyForQuery(m []byte, out *sink, t *turn) bool {
	if len(m) > headerSize {
		b.status = m[headerSize]
	}
	b.copyIn, b.copyDone = false, false
	b.reason = nil
	a := b.owed.first()
	if a == nil {
		return false
	}
	if b.status == 'I' {
		b.override = nil
	}
	passed := b.pass(a.mode == forward, m, out)
	b.done("", nil)
	b.settle(out)
	if b.owed.empty() {
		b.open, t.ready = false, true
	}
	return passed
}
