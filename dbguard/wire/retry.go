package wire

// mayRetry reports that what s sent to l, which died, can be sent to another server: nothing of it was answered, and it never left,
// or does no harm twice. A retry that loses its server before that was sent anything looks for another itself. l.mu is held.
func (l *link) mayRetry(s *session) bool {
	b := &s.front.batch
	return s.retrying.Load() == nil && b.alive && len(b.messages) > 0 && (b.readOnly || !l.wrote) && l.back.status == 'I' && !l.timedOut && l.back.override == nil
}

// again sends the client's batch to another server. Where there is none, it gives the answers that stand in otherwise. It is
// called in the dead link's goroutine, while the client's own waits for retrying to end.
func (s *session) again(otherwise sink, skipping bool, done chan struct{}) {
	f := &s.front
	l, p := s.borrow(false)
	if p != nil {
		s.giveUpRetry(p)
		f.skipping = skipping
		s.wmu.Lock()
		s.write(&otherwise)
		s.wmu.Unlock()
	} else {
		l.out = f.resend(&l.back, l.out)
		l.touch()
		l.mu.Unlock()
		if l.flush() != nil {
			l.hangUp()
		}
	}
	s.retrying.Store(nil)
	close(done)
}

// giveUpRetry ends the permit that was kept for the retry.
func (s *session) giveUpRetry(p *problem) {
	if s.permit != nil {
		s.permit.End(p)
		s.permit = nil
	}
}

// settle waits until no retry is under way.
func (s *session) settle() {
	if done := s.retrying.Load(); done != nil {
		if w := s.waiting.Load(); w != nil && s.gone.Load() {
			s.proxy.pool.giveUp(w, refuse(codeCancelled, "client went away"))
		}
		s.proxy.loop.relieve()
		<-*done
	}
}

// stale makes session hear that the server's prepared statement is out of date. It reports true where the batch can be sent again
// once the server is through with it: the client, which prepared it just now, need not know.
func (s *session) stale(a *answer) bool {
	l, f := s.link.Load(), &s.front
	if l == nil || !f.pooled || !f.batch.alive || l.back.status != 'I' || !f.batch.prepares(f, a.of.text) {
		return false
	}
	rest := l.back.owed.waiting()
	if len(rest) == 0 || rest[len(rest)-1].request != 'S' || count(rest, 'S') != 1 || l.cancels > 0 {
		return false
	}
	l.cancels++ // the client's goroutine waits at the fence
	l.fence = make(chan struct{})
	l.rerun = true
	last := &rest[len(rest)-1]
	last.mode = skip
	last.then = func() {
		l.out = f.resend(&l.back, l.out)
		l.endRerun()
	}
	return true
}

// endRerun opens the fence that stale closed; l.mu is held.
func (l *link) endRerun() {
	if l.rerun {
		l.rerun = false
		l.cancels--
		close(l.fence)
	}
}

func count(list []answer, request byte) int {
	n := 0
	for i := range list {
		if list[i].request == request {
			n++
		}
	}
	return n
}
