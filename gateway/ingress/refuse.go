package ingress

import (
	"bytes"
	"io"
	"time"
)

// Bounds of the last words on a connection.
const (
	answerTime = time.Second            // for the answer to be taken
	lingerTime = 500 * time.Millisecond // for the client to read it before the connection is cut
	lingerMax  = 64 << 10               // bytes that are read and dropped meanwhile
)

// decline remembers why the connection ends; nil changes nothing.
func (c *Conn) decline(r *Refusal) {
	if r == nil {
		return
	}
	c.refused = &Refused{Refusal: *r, Remote: c.RemoteAddr()}
	if p := &c.parser; p.marks.line {
		path, _, _ := bytes.Cut(p.head.Target, []byte("?"))
		c.refused.Method = string(p.head.Method)
		c.refused.Path = string(path[:min(len(path), 256)])
	}
}

// refuse ends the connection. Broken framing of a body is told to the reader; a bad head is answered here.
func (c *Conn) refuse(p []byte) (int, error) {
	if c.mode == inHead && len(p) == 1 {
		return c.waitForTurn()
	}
	inBody := c.mode != inHead
	c.mode = isRefused
	c.held.release()
	c.from.parts.OnRefusal(*c.refused)
	if inBody {
		return 0, &c.refused.Refusal
	}
	c.sayNo()
	return 0, io.EOF
}

// waitForTurn blocks while the server still answers the request before: it reads one byte only to learn whether the
// client leaves, and our answer must not stand inside its own. It ends that read by a deadline when it is done.
func (c *Conn) waitForTurn() (int, error) {
	var drop [1 << 10]byte
	for range lingerMax / len(drop) {
		if _, err := c.Conn.Read(drop[:]); err != nil {
			return 0, err
		}
	}
	return 0, io.EOF
}

// sayNo answers and lingers: closing with unread bytes would reset the connection and take the answer with it.
func (c *Conn) sayNo() {
	now := time.Now()
	if c.Conn.SetWriteDeadline(now.Add(answerTime)) != nil {
		return
	}
	if _, err := c.Conn.Write(c.refused.answer(c.from.parts.Headers, now)); err != nil {
		return
	}
	if c.CloseWrite() != nil || c.Conn.SetReadDeadline(now.Add(lingerTime)) != nil {
		return
	}
	// Whatever still comes, or that nothing does, is the same to us.
	_, _ = io.CopyN(io.Discard, c.Conn, lingerMax)
}
