package wire

import (
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// linkLost is what a client hears of a server connection that just broke.
func linkLost() *problem { return fatal(codeLost, "the connection to the database was lost") }

// errServerClosed is why a link ends that the server closed.
var errServerClosed = errors.New("server closed the connection")

// link is one server connection. Its own goroutine reads it, for as long as it lives; whoever has something to say writes.
type link struct {
	pool   *pool
	conn   net.Conn
	swift  *swift // conn, where it is one
	secure *tls.Config
	pid    uint32
	secret []byte
	born   time.Time
	// idleSince is when it came back to the pool, as tick; the pool's mutex guards it.
	idleSince int64
	// dedicated reports session mode: it serves one client and is closed after it.
	dedicated bool

	mu   sync.Mutex // guards everything below, and the front of the attached session
	back back
	// session is the attached client; nil while idle. It stays until its cleanup ended where the client is gone.
	session *session
	// out is what has to be written, spare an empty buffer to take its place; writing says that somebody is at it.
	out, spare []byte
	writing    bool
	closed     bool
	// wrote reports that something was written since the client came; rerun that its batch is being sent again.
	wrote, rerun bool
	// orphan reports that the link goes back to the pool when our own request is answered: a health check, or the rollback of the
	// transaction of a client that lost the link to the idle limit.
	orphan bool
	// pinged takes the outcome of a health check over this link, of size one; nil while there is none.
	pinged chan error
	// streaming reports that the client is in the middle of a message whose beginning the server has.
	streaming bool
	// settingUp says that the attaching goroutine waits on settled for the end of our own requests.
	settingUp, probing bool
	settled            chan struct{}
	// cancels counts cancel requests on their way; fence is closed when there are none any more. parked says that the pool gets
	// the link then, parting that the cleanup behind its client goes on then.
	cancels         int
	fence           chan struct{}
	parked, parting bool
	// timedOut reports that the query timeout cancelled what runs.
	timedOut bool
	// since is when the statement that runs began, idle when the client last left the server waiting inside a transaction; zero
	// where neither is the case.
	since, idle time.Time
	// locks is how long what runs waited for locks.
	locks lockWaits
	sink  sink

	// holder is the session, and heldSince since when, as tick, for those who must not wait for mu.
	holder    atomic.Pointer[session]
	heldSince atomic.Int64
	// telling is the client that is being written to, nil where none is, and tellingSince since when, as tick.
	telling      atomic.Pointer[session]
	tellingSince atomic.Int64
}

// read relays until the server connection ends. It is the link's goroutine.
func (l *link) read() {
	in := &stream{link: l, buf: make([]byte, bufferSize)}
	if l.swift != nil {
		_ = l.swift.each(nobody{}, in.room, in.took) // whatever it is, the connection is lost
	}
	for in.end == nil {
		got, err := l.conn.Read(in.room())
		if got > 0 && in.took(got) || err != nil {
			break
		}
	}
	if in.end == nil {
		in.end = linkLost()
	}
	l.lost(in.end)
}

// stream is what came from a server and was not relayed yet.
type stream struct {
	link *link
	buf  []byte
	n    int
	// end is why it is over; nil while it is not, or where the connection just broke.
	end *problem
}

// nobody is a lock that nobody else wants.
type nobody struct{}

func (nobody) Lock()         {}
func (nobody) Unlock()       {}
func (nobody) TryLock() bool { return true }

// room is where the next bytes go.
func (in *stream) room() []byte { return in.buf[in.n:] }

// took relays n bytes more and reports whether that was the end.
func (in *stream) took(n int) (over bool) {
	in.n += n
	used, end := in.link.process(in.buf[:in.n])
	if in.end = end; end != nil {
		return true
	}
	in.n = copy(in.buf, in.buf[used:in.n])
	if in.n == len(in.buf) {
		in.buf = append(in.buf, make([]byte, len(in.buf))...)
	} else if len(in.buf) > bufferSize && in.n < bufferSize {
		in.buf = append(make([]byte, 0, bufferSize), in.buf[:bufferSize]...)
	}
	return false
}

// process takes what was read. It reports how much it used, and why the link is over where it is.
func (l *link) process(buf []byte) (used int, end *problem) {
	loop := l.pool.proxy.loop
	loop.lock(&l.mu)
	s := l.session
	t := l.back.relay(buf, &l.sink)
	if t.fatal != nil {
		l.mu.Unlock()
		l.deliver(s)
		return 0, fromFatal(t.fatal)
	}
	said := s != nil && len(l.sink.parts) > 0
	if said {
		s.front.batch.alive = false
		l.tells(s)
		loop.lock(&s.wmu) // before s is let go: its next server connection must not answer first
	}
	if t.told && s != nil {
		s.front.told = l.back.reported
	}
	release := t.ready && l.atReady(s)
	if s != nil && !t.ready && l.idle.IsZero() && l.back.quiet() {
		l.since, l.idle = time.Time{}, l.pool.now() // a pipeline that its client leaves open
	}
	l.mu.Unlock()
	if said {
		l.say(s, &l.sink)
	}
	l.sink.reset()
	if t.params {
		l.pool.report(l)
	}
	if release {
		l.pool.put(l)
	}
	if l.flush() != nil {
		return 0, linkLost()
	}
	return t.used, nil
}

// deliver writes what was gathered for s before the link ended.
func (l *link) deliver(s *session) {
	if s != nil && len(l.sink.parts) > 0 {
		s.front.batch.alive = false
		l.tells(s)
		l.pool.proxy.loop.lock(&s.wmu)
		l.say(s, &l.sink)
	}
	l.sink.reset()
}

// tells notes that s is being told something. It comes before s.wmu is locked, since that may wait for s to read, too.
func (l *link) tells(s *session) {
	l.tellingSince.Store(l.pool.tick.Load())
	l.telling.Store(s)
}

// say passes on what was gathered for s. It is called with s.wmu held and returns without.
func (l *link) say(s *session, out *sink) {
	s.write(out)
	s.wmu.Unlock()
	l.telling.Store(nil)
}

// fromFatal is a server's FATAL error as its client will see it.
func fromFatal(body []byte) *problem {
	if len(body) < 2 {
		return fatal(codeLost, "the database broke the protocol")
	}
	return &problem{
		severity: severityFatal, code: errorField(body, 'C'), message: errorField(body, 'M'),
		detail: errorField(body, 'D'), hint: errorField(body, 'H'),
	}
}

// flush writes what is to be written. It never waits for another writer: that one takes it along.
func (l *link) flush() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.writing {
		return nil
	}
	l.writing = true
	defer func() { l.writing = false }()
	for len(l.out) > 0 {
		b := l.out
		l.out, l.spare = l.spare[:0], nil
		l.wrote = true
		l.mu.Unlock()
		_, err := l.conn.Write(b)
		l.mu.Lock()
		if cap(b) <= bufferSize {
			l.spare = b[:0]
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// hangUp ends the link from any goroutine and without waiting; its own notices and closes the connection.
func (l *link) hangUp() { _ = l.conn.SetDeadline(longAgo) }

// attach gives the link to s and reports whether it is still alive; the caller has it from the pool. l.mu is held.
func (l *link) attach(s *session) bool {
	if l.closed {
		return false
	}
	l.session = s
	l.back.watch = s
	l.wrote = false
	if s.retrying.Load() == nil {
		s.front.batch.begin()
	}
	l.holder.Store(s)
	l.heldSince.Store(l.pool.tick.Load())
	s.link.Store(l)
	return true
}

// detach takes the link from its client; l.mu is held.
func (l *link) detach() {
	l.session.link.Store(nil)
	l.session = nil
	l.back.watch, l.back.override = unwatched{}, nil
	l.since, l.idle = time.Time{}, time.Time{}
	l.timedOut = false
	l.holder.Store(nil)
}

// unwatched is the watcher of a link without a client.
type unwatched struct{}

func (unwatched) began(*answer)                  {}
func (unwatched) ended(*answer, string, []byte)  {}
func (unwatched) failed(*answer, string, []byte) {}
func (unwatched) marked(*answer)                 {}
func (unwatched) stale(*answer) bool             { return false }
