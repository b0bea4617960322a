package wire

// lost ends the link after its connection died of p: its client is told, and lives on where it can.
func (l *link) lost(p *problem) {
	_ = l.conn.Close()
	l.mu.Lock()
	wasIdle := l.session == nil && !l.parked
	l.closed = true
	l.pong(errServerClosed)
	s := l.session
	if l.settingUp {
		l.settingUp = false
		l.back.failure = p.append(nil)[headerSize:]
		l.settled <- struct{}{}
	}
	if s != nil {
		l.tell(s, p)
	} else {
		l.mu.Unlock()
	}
	l.pool.lost(l, wasIdle)
}

// tell gives the client what it is owed, and detaches it. It is called with l.mu held and returns without.
func (l *link) tell(s *session, p *problem) {
	if l.timedOut {
		p = refuse(codeCancelled, "canceling statement due to query timeout of %s", s.proxy.queryTimeout())
	}
	f := &s.front
	gone := s.gone.Load()
	keep := f.pooled && f.pins == 0 && !gone && !l.probing // else nobody knows what the client had set
	said := *p
	if keep {
		said.severity = severityError
	}
	l.endRerun()
	var out sink
	retry := keep && l.mayRetry(s)
	if !retry {
		l.back.watchLoss(&said)
	}
	alive := l.back.lose(f, &said, &out) && keep
	if !keep {
		out.reset()
		out.make(p.asFatal().append(nil)...)
	}
	l.pin(f, 0)
	if retry && alive {
		done := make(chan struct{})
		s.retrying.Store(&done)
		l.detach()
		l.mu.Unlock()
		skipping := f.skipping
		f.skipping = false
		l.pool.proxy.work.Go(func() { s.again(out, skipping, done) })
		return
	}
	l.detach()
	l.tells(s)
	s.wmu.Lock()
	l.mu.Unlock()
	l.say(s, &out)
	if !alive {
		s.hangUp()
	}
}
