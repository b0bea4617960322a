package wire

import "time"

// atReady decides what follows when the server has answered everything: more of our own requests, waiting for the client, or the
// way back to the pool, which it reports. l.mu is held.
func (l *link) atReady(s *session) (release bool) {
	l.since = time.Time{}
	if l.orphan {
		l.orphan = false
		l.pong(nil)
		return l.free()
	}
	if s == nil || l.streaming {
		return false
	}
	if l.settingUp {
		l.settingUp = false
		l.settled <- struct{}{}
		return false
	}
	f := &s.front
	if s.gone.Load() {
		return l.farewell(f)
	}
	if l.back.status != 'I' {
		l.idle = l.pool.now()
		return false
	}
	l.idle = time.Time{}
	if !f.pooled {
		return false
	}
	if f.touched.any() && l.probe(f) {
		return false
	}
	if f.pins != 0 {
		return false
	}
	return l.leave()
}

// leave detaches the client and reports whether the link may go back to the pool now.
func (l *link) leave() bool {
	l.detach()
	return l.free()
}

// free reports whether the link may go back to the pool now; else it goes when its cancel request is through.
func (l *link) free() bool {
	if l.cancels > 0 {
		l.parked = true
		return false
	}
	return true
}

// probe asks the server what the session holds after a transaction that may have changed it; false where there is no need.
func (l *link) probe(f *front) bool {
	if f.touched.nothing(l.back.applied) {
		if f.touched.reset {
			f.own = f.startup
		}
		f.touched = touched{}
		return false
	}
	t := f.touched
	f.touched = touched{}
	l.probing = true
	l.back.caught = nil
	l.query(t.probe(l.back.applied), answer{catch: true, then: func() { l.probed(f, t) }})
	return true
}

// probed takes the answer to a probe about t. Where it failed, the session keeps its link for good, since nobody knows what it holds.
func (l *link) probed(f *front, t touched) {
	l.probing = false
	if l.back.caught == nil {
		l.pin(f, f.pins|pinUnknown)
		return
	}
	held, applied := t.read(l.back.caught, f.pins, l.back.applied)
	l.pin(f, held)
	l.back.applied = applied
	f.own = l.back.applied
	if t.reset {
		f.own = f.startup.under(l.back.applied)
	}
	l.back.caught = nil
}

// farewell cleans up behind a client that left, one step a call, and reports when the link may go back to the pool.
func (l *link) farewell(f *front) (release bool) {
	switch {
	case l.dedicated || l.closed:
		l.closed = true
		l.hangUp()
		return false
	case l.cancels > 0:
		l.parting = true // the cancel request must not hit what cleans up
		return false
	case l.back.status != 'I':
		l.ask("ROLLBACK")
		return false
	case f.pins != 0 || f.touched.any():
		l.pin(f, 0)
		f.touched = touched{}
		l.back.applied = values{}
		l.back.statements = newCache()
		l.back.unnamed = nil
		l.ask("DISCARD ALL")
		return false
	}
	return l.leave()
}

// ask sends a Query of ours, whose answer the client does not see.
func (l *link) ask(sql string) { l.query(sql, answer{}) }

// query is ask with what becomes of the answer. The server drops its unnamed statement at each Query.
func (l *link) query(sql string, a answer) {
	a.request, a.mode = 'Q', skip
	l.back.unnamed = nil
	l.expect(a)
	l.out = appendQuery(l.out, sql)
}

// expect notes a request of ours.
func (l *link) expect(a answer) {
	l.touch()
	l.back.expect(a)
}

// touch starts the clock of the query timeout where nothing ran.
func (l *link) touch() {
	l.idle = time.Time{}
	if l.since.IsZero() {
		l.since = l.pool.now()
		l.timedOut = false
	}
}

// pin notes what ties the client to the link, and counts the links that are tied.
func (l *link) pin(f *front, now pins) {
	switch {
	case f.pins == 0 && now != 0:
		l.pool.pinned.Add(1)
	case f.pins != 0 && now == 0:
		l.pool.pinned.Add(-1)
	}
	f.pins = now
	if l.session != nil {
		l.session.pinned.Store(uint32(now))
	}
}
