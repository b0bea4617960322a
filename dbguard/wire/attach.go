package wire

// server returns the client's server connection with its mutex held, borrowing one where none is attached. m are the marks of
// what the client wants to run.
func (s *session) server(m *marks) (*link, *problem) {
	if l := s.lock(); l != nil {
		if p := s.mayRun(l, m); p != nil {
			l.mu.Unlock()
			return nil, p
		}
		return l, nil
	}
	if err := s.flush(); err != nil {
		return nil, fatal(codeLost, "client went away")
	}
	l, p := s.borrow(s.defers)
	if p != nil {
		return nil, p
	}
	if p := s.mayRun(l, m); p != nil {
		release := l.atReady(s)
		l.mu.Unlock()
		if release {
			l.pool.put(l)
		}
		return nil, p
	}
	return l, nil
}

// borrow gets a server connection from the pool, makes it the client's, and returns it with its mutex held. Where there is none it
// waits, or returns queued where it may be deferred. One that is lost before anything of the client was sent is no loss.
func (s *session) borrow(deferred bool) (*link, *problem) {
	for lost := 0; ; {
		l, p := s.proxy.pool.acquire(s.proxy.ctx, s, deferred)
		if p != nil {
			return nil, p
		}
		s.proxy.loop.lock(&l.mu)
		if !l.attach(s) {
			l.mu.Unlock()
			continue
		}
		p = s.setUp(l)
		if p == nil {
			return l, nil
		}
		if lost++; lost == maxLost || !l.isClosed() || s.hungUp.Load() {
			return nil, p
		}
	}
}

// maxLost is how many server connections in a row may be lost while they are made to look like a client's own.
const maxLost = 3

func (l *link) isClosed() bool {
	l.pool.proxy.loop.lock(&l.mu)
	defer l.mu.Unlock()
	return l.closed
}

// mayRun is what stands against running a statement with the marks m on l; nil where nothing does.
func (s *session) mayRun(l *link, m *marks) *problem {
	if l.back.copyIn && !l.back.copyDone {
		return fatal(codeProtocol, "unexpected message during COPY from stdin")
	}
	pool := l.pool
	if m != nil && m.pins != 0 && s.front.pooled && s.front.pins == 0 && pool.pinned.Load() >= pool.mostPinned.Load() {
		p := refuse(codeTooMany, "%s would keep a server connection, and %d of %d are kept already", m.pins, pool.pinned.Load(), pool.snapshot().Max)
		p.hint = "End a session that holds such state, or raise pool.pins."
		return p
	}
	return nil
}

// setUp makes a borrowed link look like the client's own: its settings, what it was told of the server, and a failed transaction
// where it lost one. It is called with l.mu held, and returns with it unless there is a problem.
func (s *session) setUp(l *link) *problem {
	f := &s.front
	if sql := change(l.back.applied, f.own); sql != "" {
		if p := l.apply(sql); p != nil {
			return p
		}
		l.back.applied = f.own
	}
	if f.told.of != nil && f.told.sig != l.back.reported.sig {
		s.tellParameters(l)
	}
	if f.status == 'E' {
		l.ask("BEGIN")
		l.ask(failingStatement)
		l.back.override = f.lost
		f.batch.alive = false
		f.status, f.lost = 'I', nil
	}
	return nil
}

// apply runs sql on a link that was just attached and waits for it. Where it fails, nothing of it holds, and the link goes back.
func (l *link) apply(sql string) *problem {
	l.settingUp = true
	l.back.failure = nil
	l.ask(sql)
	l.mu.Unlock()
	if l.flush() != nil {
		l.hangUp()
	}
	l.pool.proxy.loop.relieve()
	<-l.settled
	l.mu.Lock()
	var p *problem
	switch {
	case l.back.failure != nil:
		p = fromFatal(l.back.failure)
	case l.closed: // between its answer and here
		p = linkLost()
	default:
		return nil
	}
	l.back.failure = nil
	release := false
	if !l.closed {
		release = l.leave()
	}
	l.mu.Unlock()
	if release {
		l.pool.put(l)
	}
	p.severity = severityError
	return p
}

// tellParameters tells the client what of l differs from what it was told; l.mu is held.
func (s *session) tellParameters(l *link) {
	reported := l.back.reported
	for name, value := range reported.of {
		if s.front.told.of[name] != value {
			s.local = appendParameter(s.local, name, value)
		}
	}
	s.front.told = reported
	l.tells(s)
	defer l.telling.Store(nil)
	s.proxy.loop.lock(&s.wmu)
	if !s.gone.Load() {
		if _, err := s.conn.Write(s.local); err != nil {
			s.hangUp()
		}
	}
	s.wmu.Unlock()
	s.local = s.local[:0]
}
