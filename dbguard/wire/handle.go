package wire

import "sallyport/dbguard"

// handle acts on one message of the client. A problem that it returns ends the session.
func (s *session) handle(m message) error {
	if m.rest > 0 {
		return s.handleLong(m)
	}
	switch m.kind {
	case 'Q':
		return s.onQuery(m)
	case 'P':
		return s.onParse(m)
	case 'B':
		return s.onStep(m, (*front).bind)
	case 'D':
		return s.onStep(m, (*front).describe)
	case 'E':
		return s.onStep(m, (*front).execute)
	case 'C':
		return s.onClose(m)
	case 'S':
		return s.onSync()
	case 'H':
		return s.onFlush(m)
	case 'd', 'c', 'f':
		return s.onCopy(m)
	case 'F':
		return s.onFunction(m)
	case 'X':
		return errTerminate
	}
	return fatal(codeProtocol, "invalid frontend message type %d", m.kind)
}

// handleLong acts on a message that was not read whole.
func (s *session) handleLong(m message) error {
	if m.kind == 'd' {
		return s.onCopy(m)
	}
	kind, size, most := m.kind, len(m.raw)+m.rest-headerSize, limit(m.kind)
	if err := s.discard(m.rest); err != nil {
		return ending(err)
	}
	return s.refuse(kind, refuse(codeTooLarge, "message of %d bytes is too large, the limit is %d", size, most))
}

// onQuery judges a Query message and sends it.
func (s *session) onQuery(m message) error {
	text, rest, ok := cutText(m.body())
	if !ok || len(rest) > 0 {
		return fatal(codeProtocol, "invalid Query message")
	}
	if s.ignoring() {
		return nil
	}
	v, marks, p := s.judgeOnce(string(text))
	if p != nil {
		return s.refuse('Q', p)
	}
	l, p := s.server(marks)
	if p == queued {
		s.judged = judged{v, marks}
		return errQueued
	}
	if p != nil {
		s.proxy.guard.Unserved(s.client, v, p)
		return s.refuse('Q', p)
	}
	s.front.batch.add(m.raw, v, marks)
	l.out = s.front.query(&l.back, l.out, m.raw, v, marks)
	return s.sent(l)
}

// onParse judges a Parse message and sends it.
func (s *session) onParse(m message) error {
	name, sql, ok := wellFormedParse(m.body())
	if !ok {
		return fatal(codeProtocol, "invalid Parse message")
	}
	if s.ignoring() {
		return nil
	}
	v, marks, p := s.judgeOnce(sql)
	if p != nil {
		return s.refuse('P', p)
	}
	if s.detached() && s.front.prepareLater(m.body()[len(name)+1:], name, v, marks) {
		s.local = append(s.local, '1', 0, 0, 0, 4)
		return nil
	}
	l, p := s.server(marks)
	if p == queued {
		s.judged = judged{v, marks}
		return errQueued
	}
	if p != nil {
		s.proxy.guard.Unserved(s.client, v, p)
		return s.refuse('P', p)
	}
	s.front.batch.add(m.raw, v, marks)
	l.out = s.front.parse(&l.back, l.out, m.raw, name, v, marks)
	return s.sent(l)
}

// judgeOnce is judge, but for a message that waited for a server connection since.
func (s *session) judgeOnce(sql string) (*dbguard.Verdict, *marks, *problem) {
	if j := s.judged; j.verdict != nil {
		s.judged = judged{}
		return j.verdict, j.marks, nil
	}
	return s.judge(sql)
}

// longText is how many bytes of SQL are too many to be read while others wait.
const longText = 8 << 10

// judge asks the guard about a text and reads what it may do to the session.
func (s *session) judge(sql string) (*dbguard.Verdict, *marks, *problem) {
	if len(sql) > longText {
		s.proxy.loop.relieve() // it takes a while
	}
	backslash := s.backslashQuotes()
	v, err := s.proxy.guard.Judge(dbguard.Query{SQL: sql, Client: s.client, BackslashQuotes: backslash})
	if err != nil {
		return nil, nil, refusal(err)
	}
	m := readMarks(sql, backslash)
	if m != nil && m.encoding != "" {
		return nil, nil, refuse(codeUnsupported, "client_encoding %q is not supported: its letters may hold bytes that read as quotes", m.encoding)
	}
	return v, m, nil
}

// backslashQuotes reports standard_conforming_strings = off in the session.
func (s *session) backslashQuotes() bool {
	if l := s.lock(); l != nil {
		defer l.mu.Unlock()
		return l.back.reported.backslashes
	}
	return s.front.told.backslashes
}

// onStep sends one of the messages that name a prepared statement or a portal.
func (s *session) onStep(m message, step func(*front, *back, []byte, []byte) ([]byte, *problem)) error {
	if s.ignoring() {
		return nil
	}
	l, p := s.server(nil)
	if p == queued {
		return errQueued
	}
	if p != nil {
		return s.refuse(m.kind, p)
	}
	s.front.batch.add(m.raw, nil, nil)
	l.out, p = step(&s.front, &l.back, l.out, m.raw)
	if p != nil {
		l.mu.Unlock()
		return p
	}
	return s.sent(l)
}

// onClose sends a Close message; without a server there is nothing but our own books to close.
func (s *session) onClose(m message) error {
	if s.ignoring() {
		return nil
	}
	if !s.detached() {
		return s.onStep(m, (*front).closing)
	}
	body := m.body()
	name, _, ok := cutText(body[min(1, len(body)):])
	if !ok {
		return fatal(codeProtocol, "invalid Close message")
	}
	if body[0] == 'S' {
		if s.front.closeNamed(string(name)); len(name) == 0 {
			s.front.unnamed = nil
		}
	}
	s.local = append(s.local, '3', 0, 0, 0, 4)
	return nil
}

// onSync sends a Sync, or answers it where no server is attached.
func (s *session) onSync() error {
	l := s.lock()
	if l == nil {
		s.front.skipping = false
		s.local = appendReady(s.local, s.front.status)
		return nil
	}
	if l.back.copyIn && !l.back.copyDone {
		l.mu.Unlock() // the server reads and ignores it
		return nil
	}
	s.front.batch.add(syncMessage, nil, nil)
	l.out = s.front.sync(&l.back, l.out)
	return s.sent(l)
}

// onFlush passes on a Flush; where the server owes nothing, the answers that we owe are given.
func (s *session) onFlush(m message) error {
	l := s.lock()
	if l == nil {
		return nil
	}
	if !l.back.onlyFakes() {
		s.front.batch.add(m.raw, nil, nil)
		l.out = append(l.out, m.raw...)
		return s.sent(l)
	}
	s.front.batch.alive = false
	if l.back.rest > 0 { // never in the middle of a message of the server
		l.back.flushed = true
		l.mu.Unlock()
		return nil
	}
	var out sink
	l.back.settle(&out)
	s.proxy.loop.lock(&s.wmu)
	l.mu.Unlock()
	s.write(&out)
	s.wmu.Unlock()
	return nil
}

// sent notes that l has something to write, and lets go of its mutex.
func (s *session) sent(l *link) error {
	l.touch()
	full := len(l.out) >= bufferSize
	l.mu.Unlock()
	s.pending = l
	if full {
		return s.flush()
	}
	return nil
}
