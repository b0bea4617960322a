// Package http1 serves HTTP/1 to an http.Handler, strictly and cheaply: one goroutine a connection, no timer a request, and
// buffers only while a request is under way.
package http1

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"sallyport/gateway/ingress"
)

// Server serves connections. Set its fields before Serve and leave them alone afterwards. It does what net/http's server does
// for a handler, and is stricter: heads and chunks that two servers could read differently are refused, no content type is
// guessed, no answer waits for a body that nobody reads.
//
// A handler must not use its Request, nor the Header of either side, after it has returned: their memory serves the
// connection's next request.
type Server struct {
	// Handler answers requests.
	Handler http.Handler
	// Head bounds request heads, and how long one may take to arrive.
	Head ingress.Settings
	// KeepAlive is how long a connection may wait for its next request, 0 for ever.
	KeepAlive time.Duration
	// Limits returns what takes the place of Head and KeepAlive, asked anew for each request; nil keeps those.
	Limits func() (ingress.Settings, time.Duration)
	// RefusalHeaders returns further header lines of each refusal, each ended by CRLF; nil adds none.
	RefusalHeaders func() []byte
	// OnRefusal is told of each refusal in the connection's goroutine; it must not block. nil tells nobody.
	OnRefusal func(ingress.Refused)
	// Logger hears of panics; nil discards.
	Logger *slog.Logger

	mu       sync.Mutex // guards what follows
	listener net.Listener
	conns    map[*conn]struct{}
	running  sync.WaitGroup

	closing atomic.Bool
	// now is the time of the last sweep, in nanoseconds since 1970; date the same as a Date header line.
	now  atomic.Int64
	date atomic.Pointer[dateLine]
}

// Serve serves the connections of l, or of what Move put in its place, until Shutdown or Close, and returns http.ErrServerClosed then, once every connection
// has ended and no goroutine is left. It closes l.
func (s *Server) Serve(l net.Listener) error {
	if !s.begin(l) {
		return errors.Join(http.ErrServerClosed, l.Close())
	}
	stop := make(chan struct{})
	var sweeping sync.WaitGroup
	sweeping.Go(func() { s.sweepUntil(stop) })
	err := s.accept()
	if !errors.Is(err, http.ErrServerClosed) {
		err = errors.Join(err, s.Close())
	}
	s.running.Wait()
	close(stop)
	sweeping.Wait()
	return err
}

// begin makes s ready; false where it was closed before.
func (s *Server) begin(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		s.listener = l
	} else {
		_ = l.Close() // Move was first
	}
	s.conns = map[*conn]struct{}{}
	if s.OnRefusal == nil {
		s.OnRefusal = func(ingress.Refused) {}
	}
	if s.Limits == nil {
		s.Limits = func() (ingress.Settings, time.Duration) { return s.Head, s.KeepAlive }
	}
	if s.RefusalHeaders == nil {
		s.RefusalHeaders = func() []byte { return nil }
	}
	if s.Logger == nil {
		s.Logger = slog.New(slog.DiscardHandler)
	}
	s.tick(time.Now())
	return !s.closing.Load()
}

// Move makes s accept on l from now on, and closes the listener that it has; connections that came by that are served on. It may be
// called at any time; after Shutdown or Close it closes l.
func (s *Server) Move(l net.Listener) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		return errors.Join(http.ErrServerClosed, l.Close())
	}
	before := s.listener
	s.listener = l
	if before == nil {
		return nil
	}
	return before.Close()
}

func (s *Server) listensOn() net.Listener {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.listener
}

// accept starts a goroutine for each connection that comes.
func (s *Server) accept() error {
	pause := 5 * time.Millisecond
	for {
		l := s.listensOn()
		raw, err := l.Accept()
		switch {
		case err == nil:
			pause = 5 * time.Millisecond
			s.start(raw)
		case s.closing.Load():
			return http.ErrServerClosed
		case l != s.listensOn(): // it has moved
		case !passing(err):
			return fmt.Errorf("accept: %w", err)
		default:
			// Too many files are open, or the client gave up meanwhile: others may have better luck.
			time.Sleep(pause)
			pause = min(2*pause, time.Second)
		}
	}
}

func passing(err error) bool {
	var no syscall.Errno
	return errors.As(err, &no) && slices.Contains(passingErrors, no)
}

// passingErrors are want of something that others give back, and what befell a single connection or its packets: accept(2) hands such errors
// of the network on and asks to be called again.
var passingErrors = []syscall.Errno{
	syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.ECONNRESET, syscall.EPROTO, syscall.EPERM,
	syscall.ENETDOWN, syscall.ENETUNREACH, syscall.EHOSTDOWN, syscall.EHOSTUNREACH, syscall.ENOPROTOOPT, syscall.EOPNOTSUPP, syscall.ETIMEDOUT,
}

// start serves raw in a goroutine of its own, unless s was closed meanwhile: nobody would look for it then.
func (s *Server) start(raw net.Conn) {
	c := newConn(s, raw)
	s.mu.Lock()
	closing := s.closing.Load()
	if !closing {
		s.conns[c] = struct{}{}
	}
	s.mu.Unlock()
	if closing {
		_ = raw.Close() // it has served nothing
		return
	}
	s.running.Go(func() {
		defer s.forget(c)
		c.serve()
	})
}

func (s *Server) forget(c *conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
}

// all returns the connections of now in space.
func (s *Server) all(space []*conn) []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		space = append(space, c)
	}
	return space
}
