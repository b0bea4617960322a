package wire

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"sallyport/dbguard"
)

// errTerminate is why a session ends whose client said so.
var errTerminate = errors.New("client terminated")

// lastWordWithin is how long a client may take to read why its session ends.
const lastWordWithin = time.Second

// session is one client that logged in. Its own goroutine reads the client; the attached link's goroutine writes to it.
type session struct {
	proxy *proxy
	conn  net.Conn
	swift *swift // conn, where it is one
	// raw is the connection as it was accepted, without TLS.
	raw    net.Conn
	in     inbox
	client dbguard.Client
	since  time.Time
	key    cancelKey

	// front is guarded as its comment says.
	front front
	// link is the server connection at hand; nil while there is none.
	link atomic.Pointer[link]
	// retrying is closed when a retry after the loss of a server is over; nil while there is none.
	retrying atomic.Pointer[chan struct{}]
	// handling is held by who handles the client's messages and guards the fields down to hungUp: its own goroutine between two
	// waits for its client, or who goes on with it; see errQueued.
	handling sync.Mutex
	// queued is its place in the pool's queue while its message waits in the inbox; nil while none does. judged is about that
	// message, granted what it waited for.
	queued  *waiter
	judged  judged
	granted grant
	// defers says that a message may be put off until there is a server connection.
	defers bool
	// called says that its own goroutine has to come back, and why, where it is not nil, that it ends.
	called bool
	why    error
	// hungUp reports that the connection is to end.
	hungUp atomic.Bool

	// waiting is its place in the pool's queue; nil while it does not wait.
	waiting atomic.Pointer[waiter]
	// pinned are the pins of front, for those who must not wait for a mutex.
	pinned atomic.Uint32
	// gone reports that nothing must be written to the client any more.
	gone atomic.Bool

	wmu sync.Mutex // held while writing to the client, so that answers of two server connections keep their order
	// local are answers of our own that were not written yet; the client's goroutine has them.
	local []byte
	// pending is the link that has unwritten requests of this client; the client's goroutine has it.
	pending *link

	// permit is of the statement that runs; the link's mutex guards it.
	permit *dbguard.Permit
}

// serve answers the client until it leaves. The error is why: errTerminate, errGone, or a *problem that it is told.
func (s *session) serve() error {
	for {
		if s.swift != nil {
			if err := s.serveSwiftly(); err != nil {
				return err
			}
		}
		if !s.in.ready() {
			if err := s.flush(); err != nil {
				return err
			}
		}
		m, err := s.in.next()
		if err != nil {
			return ending(err)
		}
		s.handling.Lock()
		err = errGone
		if !s.gone.Load() {
			err = s.handle(m)
		}
		s.handling.Unlock()
		if err != nil {
			return err
		}
	}
}

// serveSwiftly answers the messages that come in whole, and returns nil before one that must be read piece by piece.
func (s *session) serveSwiftly() (why error) {
	answer := func(n int) (done bool) {
		s.in.took(n)
		done, why = s.answer()
		return done
	}
	s.handling.Lock()
	done, err := s.answer()
	s.handling.Unlock()
	if done {
		return err
	}
	err = s.swift.each(&s.handling, s.in.room, answer)
	s.handling.Lock()
	defer s.handling.Unlock()
	if called, why := s.recalled(); called {
		return why
	}
	if err != nil {
		return ending(err)
	}
	return why
}

// answer handles the whole messages that are there, and reports whether that is all it can do; s.handling is held.
func (s *session) answer() (done bool, why error) {
	if s.called {
		return true, s.why
	}
	if s.queued != nil {
		if s.in.w-s.in.r <= bufferSize {
			s.proxy.pool.grown(s.queued)
			return false, nil
		}
		s.insist()
	}
	s.defers = true
	defer func() { s.defers = false; s.giveBack() }()
	for s.in.whole() {
		if s.gone.Load() {
			return true, errGone // it was told that this did not run
		}
		m, err := s.in.next()
		if err != nil {
			return true, ending(err)
		}
		switch p := s.handle(m); {
		case p == errQueued:
			s.in.unread(m)
			return false, nil
		case p != nil:
			return true, p
		}
	}
	if s.in.ready() {
		return true, nil
	}
	err := s.flush()
	return err != nil, err
}

// ending makes of a read error why the session ends.
func ending(err error) error {
	var p *problem
	if errors.As(err, &p) {
		return p
	}
	return errGone
}

// flush writes what the messages read so far led to.
func (s *session) flush() error {
	if len(s.local) > 0 {
		s.proxy.loop.lock(&s.wmu)
		_, err := s.conn.Write(s.local)
		s.wmu.Unlock()
		s.local = s.local[:0]
		if err != nil {
			return errGone
		}
	}
	if l := s.pending; l != nil {
		s.pending = nil
		if l.flush() != nil {
			l.hangUp() // its goroutine answers the client
		}
	}
	return nil
}

// write passes on what a link gathered; s.wmu is held. A client that cannot be written to is gone.
func (s *session) write(out *sink) {
	if s.gone.Load() {
		return
	}
	if out.writeTo(s.conn) != nil {
		s.hangUp()
	}
}

// hangUp ends the client's connection from any goroutine and without waiting; its own notices, closes it and cleans up.
func (s *session) hangUp() {
	s.hungUp.Store(true)
	_ = s.conn.SetDeadline(longAgo)
}

// lock returns the attached link with its mutex held, nil where none is attached.
func (s *session) lock() *link {
	for {
		l := s.link.Load()
		if l == nil {
			if s.retrying.Load() == nil {
				return nil
			}
			s.settle()
			continue
		}
		s.proxy.loop.lock(&l.mu)
		if l.session == s {
			if l.cancels == 0 {
				return l
			}
			fence := l.fence
			l.mu.Unlock()
			s.proxy.loop.relieve()
			<-fence
			continue
		}
		l.mu.Unlock()
	}
}

// leave ends the session's business: what runs is cancelled and the link cleaned up behind it.
func (s *session) leave(why error) {
	var p *problem
	if errors.As(why, &p) {
		_ = s.conn.SetWriteDeadline(time.Now().Add(lastWordWithin)) // for what is being said, too
		s.proxy.loop.lock(&s.wmu)
		s.lastWord(p.asFatal())
	}
	s.gone.Store(true)
	_ = s.conn.Close()
	s.withdraw()
	s.settle()
	l := s.link.Load()
	if l == nil {
		return
	}
	l.mu.Lock()
	if l.session != s {
		l.mu.Unlock()
		return
	}
	release := l.abandon(s)
	l.mu.Unlock()
	if release {
		l.pool.put(l)
	}
	if l.flush() != nil {
		l.hangUp()
	}
}

// endWith says a last word, where nothing else is being said, and closes the client's connection; its goroutine notices. It may be
// called from any goroutine, and never waits for a client that does not read.
func (s *session) endWith(p *problem) {
	if !s.tryEndWith(p) {
		s.hangUp()
	}
}

// tryEndWith is endWith where nothing else is being said; where something is, it does nothing and reports false.
func (s *session) tryEndWith(p *problem) bool {
	if !s.wmu.TryLock() {
		return false
	}
	s.lastWord(p)
	return true
}

// dismiss ends a session that has no statement under way, and tells it p. It does nothing where it has one, or where something is
// being said: a client that hears p may send again what it got no answer to.
func (s *session) dismiss(p *problem) {
	if !s.handling.TryLock() {
		return
	}
	defer s.handling.Unlock()
	if s.queued == nil && s.idle() {
		s.tryEndWith(p)
	}
}

// idle reports that s has no server connection and waits for none; s.handling is held.
func (s *session) idle() bool {
	return s.link.Load() == nil && s.waiting.Load() == nil && s.retrying.Load() == nil &&
		s.link.Load() == nil // which a retry that has just ended may have got
}

// lastWord says p and closes the client's connection. It is called with s.wmu held and returns without.
func (s *session) lastWord(p *problem) {
	if !s.gone.Swap(true) {
		_ = s.conn.SetWriteDeadline(time.Now().Add(lastWordWithin))
		_, _ = s.conn.Write(p.append(nil))
	}
	s.wmu.Unlock()
	s.hangUp()
}

// abandon begins the cleanup behind s; l.mu is held.
func (l *link) abandon(s *session) (release bool) {
	b := &l.back
	cleanEnd := s.pending == nil && !l.streaming
	switch {
	case b.quiet() && !b.open && !l.streaming:
		return l.farewell(&s.front)
	case !cleanEnd:
		l.pool.proxy.cancelThenClose(l)
		return false
	}
	if b.open {
		l.fail()
	}
	l.pool.proxy.chase(l)
	return false
}

// fail ends an open pipeline without committing what it did: a Sync alone would.
func (l *link) fail() {
	if !l.back.failed {
		l.expect(answer{request: 'P', mode: skip})
		l.out = appendParse(l.out, statementPrefix+"refused", failingStatement+"\x00\x00\x00")
	}
	l.back.failed = false
	l.expect(answer{request: 'S', mode: skip})
	l.out = append(l.out, 'S', 0, 0, 0, 4)
}

// began, ended, failed and marked make session the watcher of its link.
func (s *session) began(a *answer) {
	var since time.Time
	if s.permit == nil {
		s.permit = s.proxy.guard.Start(s.client, a.verdict)
		since = s.permit.Began()
	} else { // of the first try
		since = s.proxy.now()
	}
	if l := s.link.Load(); l != nil {
		l.since, l.locks = since, lockWaits{}
	}
}

func (s *session) ended(a *answer, code string, body []byte) {
	if s.permit == nil {
		return
	}
	s.permit.Rows = a.rows
	if l := s.link.Load(); l != nil {
		s.permit.LockWait = l.locks.all()
	}
	s.permit.End(endError(code, body))
	s.permit = nil
}

func (s *session) failed(a *answer, code string, body []byte) {
	s.proxy.guard.Start(s.client, a.of.verdict).End(endError(code, body))
}

func (s *session) marked(a *answer) {
	if !s.front.pooled {
		return
	}
	s.front.touched.add(a.marks, s.front.pins)
	if l := s.link.Load(); l != nil {
		l.pin(&s.front, s.front.pins|a.marks.pins) // until the probe tells the truth
	}
}

// detached reports that no server is attached, so that front is the client's goroutine's alone.
func (s *session) detached() bool {
	l := s.lock()
	if l != nil {
		l.mu.Unlock()
	}
	return l == nil
}

// discard reads and drops the rest of a message.
func (s *session) discard(rest int) error {
	for rest > 0 {
		p, err := s.in.part(rest)
		if err != nil {
			return err
		}
		rest -= len(p)
	}
	return nil
}
