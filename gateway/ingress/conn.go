package ingress

import (
	"io"
	"net"
	"sync/atomic"
	"time"
)

// mode is what the next byte of a connection is.
type mode uint8

const (
	inHead    mode = iota // of a request head
	inLength              // of a body with a known length
	inChunks              // of a chunked body
	inTunnel              // of something that is not HTTP any more
	isRefused             // nothing: the connection is over
)

// Conn passes on whole, sound request heads and well-framed bodies. A head is withheld until it is complete, so that the
// server never sees the beginning of a refused one. Like any connection it may be read by one goroutine at a time.
type Conn struct {
	net.Conn
	from   *Listener
	parser Parser
	chunks Chunks
	mode   mode
	// left is how much of a body with a known length is to come.
	left int64
	held held
	// refused is why the connection ends, nil where nothing is wrong.
	refused *Refused
	// headSince is when an incomplete head was first seen, zero where none is; hurried is true while our deadline stands.
	headSince time.Time
	hurried   bool
	// deadline is what the server set for reading, in nanoseconds since 1970, 0 for none.
	deadline atomic.Int64
}

func newConn(c net.Conn, l *Listener) *Conn {
	return &Conn{Conn: c, from: l, parser: Parser{limits: l.settings}}
}

// Read passes on judged bytes. A refused head is answered here; the server then gets io.EOF, as if the client had left.
// Broken framing of a body is a *Refusal as error: its answer is the handler's.
func (c *Conn) Read(p []byte) (int, error) {
	for len(p) > 0 {
		switch {
		case c.held.ready > 0:
			return c.held.pass(p), nil
		case c.mode == isRefused:
			return 0, io.EOF
		case c.refused != nil:
			return c.refuse(p)
		case c.held.fresh:
			c.judgeHeld()
			continue
		}
		if n, err := c.more(p); n > 0 || err != nil {
			return n, err
		}
	}
	return 0, nil
}

// small is the room below which a head is not read into the server's own buffer. The server reads one byte while it
// waits for the client to leave.
const small = 256

// more reads from the wire and judges what came. It returns the bytes of p that may pass at once.
func (c *Conn) more(p []byte) (int, error) {
	if c.mode == inHead && (len(c.held.bytes) > 0 || len(p) < small) {
		if len(p) > 1 {
			c.hurry()
		}
		n, err := c.held.read(c.Conn)
		if n > 0 {
			c.judgeHeld()
		}
		return 0, err
	}
	n, err := c.Conn.Read(p)
	if n == 0 {
		return 0, err
	}
	pass := c.judge(p[:n])
	c.held.keep(p[pass:n])
	return pass, err
}

func (c *Conn) judgeHeld() { c.held.ready = c.judge(c.held.bytes) }

// judge returns how many bytes of b may pass. b begins where the last judgement stopped.
func (c *Conn) judge(b []byte) (pass int) {
	c.held.fresh = false
	for pass < len(b) && c.refused == nil {
		switch c.mode {
		case inHead:
			n := c.judgeHead(b[pass:])
			if n == 0 {
				return pass
			}
			if pass += n; c.parser.head.Upgrade {
				// What follows may be frames; that shows when the server releases the connection, or reads on.
				c.held.fresh = pass < len(b)
				return pass
			}
		case inLength:
			step := min(c.left, int64(len(b)-pass))
			pass += int(step)
			if c.left -= step; c.left == 0 {
				c.mode = inHead
			}
		case inChunks:
			n, done, r := c.chunks.Feed(b[pass:])
			pass += n
			if done {
				c.mode = inHead
			}
			c.decline(r)
		default:
			return len(b)
		}
	}
	return pass
}

// judgeHead returns the length of the head at the beginning of b, 0 where it is not complete or refused.
func (c *Conn) judgeHead(b []byte) int {
	n, r := c.parser.Feed(b)
	c.decline(r)
	switch {
	case r != nil:
		return 0
	case n == 0:
		if c.headSince.IsZero() {
			c.headSince = time.Now()
		}
		return 0
	}
	c.calm()
	switch h := &c.parser.head; {
	case h.Chunked:
		c.mode = inChunks
	case h.Length > 0:
		c.mode, c.left = inLength, h.Length
	}
	return n
}

// hurry gives an incomplete head its time; the server, which has seen none of it, may think the connection idle.
func (c *Conn) hurry() {
	limit := c.from.settings.HeaderTimeout
	if limit == 0 || c.hurried || c.headSince.IsZero() {
		return
	}
	until := c.headSince.Add(limit)
	if d := c.deadline.Load(); d != 0 && d < until.UnixNano() {
		return
	}
	c.hurried = c.Conn.SetReadDeadline(until) == nil
}

// calm puts the server's deadline back once the head is complete.
func (c *Conn) calm() {
	c.headSince = time.Time{}
	if !c.hurried {
		return
	}
	c.hurried = false
	var theirs time.Time
	if d := c.deadline.Load(); d != 0 {
		theirs = time.Unix(0, d)
	}
	// A connection that takes no deadline is closed; the next read tells.
	_ = c.Conn.SetReadDeadline(theirs)
}

// SetReadDeadline sets the deadline of Read.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.note(t)
	return c.Conn.SetReadDeadline(t)
}

// SetDeadline sets the deadline of Read and Write.
func (c *Conn) SetDeadline(t time.Time) error {
	c.note(t)
	return c.Conn.SetDeadline(t)
}

func (c *Conn) note(t time.Time) {
	var ns int64
	if !t.IsZero() {
		ns = t.UnixNano()
	}
	c.deadline.Store(ns)
}

// ReadFrom copies src to the client; between two sockets the kernel moves the bytes.
func (c *Conn) ReadFrom(src io.Reader) (int64, error) {
	if rf, ok := c.Conn.(io.ReaderFrom); ok {
		return rf.ReadFrom(src)
	}
	return io.Copy(struct{ io.Writer }{c.Conn}, src)
}

// CloseWrite ends our direction and leaves the client's open.
func (c *Conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Conn.Close()
}

// Release ends the check, once the server has handed the connection over for a protocol that is not HTTP. It returns the
// bare connection and the bytes that were read from it and not passed on; c must not be read any more.
func (c *Conn) Release() (net.Conn, []byte) {
	c.mode, c.refused = inTunnel, nil
	return c.Conn, c.held.take()
}
