package wire

// onCopy passes on CopyData, CopyDone and CopyFail. PostgreSQL ignores them where no COPY runs, and so do we.
func (s *session) onCopy(m message) error {
	l := s.lock()
	if l == nil || l.back.failed || l.back.owed.empty() && !l.back.copyIn {
		if l != nil {
			l.mu.Unlock()
		}
		if err := s.discard(m.rest); err != nil {
			return ending(err)
		}
		return nil
	}
	s.front.batch.alive = false
	if m.kind != 'd' {
		if l.back.copyIn {
			l.back.copyDone = true
		} else {
			l.back.expect(answer{request: 'c'})
		}
	}
	l.out = append(l.out, m.raw...)
	l.streaming = m.rest > 0
	if err := s.sent(l); err != nil || m.rest == 0 {
		return err
	}
	return s.stream(l, m.rest)
}

// stream passes on the rest of a long CopyData. The server connection is nobody else's before the end of it; one that died
// gets nothing more.
func (s *session) stream(l *link, rest int) error {
	for rest > 0 {
		p, err := s.in.part(rest)
		if err != nil {
			return ending(err)
		}
		rest -= len(p)
		l.mu.Lock()
		if l.session == s {
			l.out = append(l.out, p...)
		}
		l.mu.Unlock()
		s.pending = l
		if err := s.flush(); err != nil {
			return err
		}
	}
	return s.streamed(l)
}

// streamed ends a long CopyData. Where the COPY failed meanwhile, what would have happened then happens now.
func (s *session) streamed(l *link) error {
	l.mu.Lock()
	l.streaming = false
	release := l.session == s && l.back.quiet() && !l.back.open && l.atReady(s)
	l.mu.Unlock()
	if release {
		l.pool.put(l)
	}
	s.pending = l
	return s.flush()
}
