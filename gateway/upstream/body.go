package upstream

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// clientError is an answer that the client does not take any more.
type clientError struct{ err error }

func (e *clientError) Error() string { return "client: " + e.err.Error() }
func (e *clientError) Unwrap() error { return e.err }

// deliver sends the final answer to the client. Where the app breaks off, the client's answer breaks off too: it must
// never look complete.
func (x *exchange) deliver() {
	w, c := x.c.Writer, x.conn
	h := w.Header()
	x.answer.copyTo(h)
	if _, typed := h["Content-Type"]; !typed {
		h["Content-Type"] = nil // net/http would guess one
	}
	if x.upload != nil && !x.upload.ended() {
		h["Connection"] = []string{"close"}
		c.broken = true
	}
	w.WriteHeader(x.answer.status)
	w.WriteHeaderNow() // gin gives an empty 404 a body of its own otherwise
	c.begin(x.c.Request.Context(), time.Now(), x.u.settings.StreamIdle)
	err := x.send(w, isEvents(h["Content-Type"]))
	if x.upload != nil {
		x.upload.stop(x)
	}
	if err != nil {
		x.breakOff(err)
	}
	c.broken = c.broken || x.answer.close
	if x.answer.keepFor > 0 {
		c.keepFor = x.answer.keepFor
	}
	x.u.pool.give(c, time.Now())
	x.conn = nil
}

// send copies the body; one of events may be ended by EndStreams.
func (x *exchange) send(w gin.ResponseWriter, events bool) error {
	if events {
		x.u.streams.remember(x.conn)
		defer x.u.streams.forget(x.conn)
	}
	return x.copyBody(w)
}

// breakOff ends an answer that cannot be completed; net/http then closes the client's connection.
func (x *exchange) breakOff(err error) {
	var client *clientError
	if errors.As(err, &client) || errors.Is(x.conn.why(err), errClientGone) {
		x.u.parts.Logger.Debug("client left", "error", err)
		panic(http.ErrAbortHandler)
	}
	if errors.Is(x.conn.why(err), errStreamEnds) {
		x.u.parts.Logger.Debug("event stream cut", "error", errStreamEnds)
	} else {
		x.u.meter.failed.Add(1)
		x.u.breaker.late(errAppFault)
		x.u.parts.Logger.Warn("app broke off", "error", x.conn.why(err))
	}
	x.c.Writer.Flush() // what came is the client's; what did not, it will miss
	panic(http.ErrAbortHandler)
}

func (x *exchange) copyBody(w gin.ResponseWriter) error {
	a := &x.answer
	switch {
	case a.bodyless(x.c.Request.Method):
		return nil
	case a.chunked:
		return x.copyChunks(w)
	case a.length >= 0:
		return x.copyLength(w, a.length)
	}
	a.close = true
	return x.copyToEnd(w)
}

// copyLength copies left bytes.
func (x *exchange) copyLength(w gin.ResponseWriter, left int64) error {
	c := x.conn
	left, err := x.copyBuffered(w, left)
	if err != nil || left == 0 {
		return err
	}
	if rf, ok := w.(io.ReaderFrom); ok && left > largeSize {
		return x.splice(rf, left)
	}
	for c.enlarge(); left > 0 && err == nil; left, err = x.copyBuffered(w, left) {
		if err := c.fill(); err != nil {
			return brokenOff(err)
		}
	}
	return err
}

// brokenOff names the end of a connection inside a body.
func brokenOff(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// copyBuffered sends at most left of the bytes in the buffer and returns what is left.
func (x *exchange) copyBuffered(w io.Writer, left int64) (int64, error) {
	c := x.conn
	b := c.buffered()
	if int64(len(b)) > left {
		b = b[:left]
	}
	if len(b) == 0 {
		return left, nil
	}
	c.r += len(b)
	if _, err := w.Write(b); err != nil {
		return left, &clientError{err}
	}
	return left - int64(len(b)), nil
}

// spliceStep is how many bytes may flow before the sweeper is told.
const spliceStep = 1 << 20

// splice lets the kernel move left bytes where client and app are both bare sockets.
func (x *exchange) splice(w io.ReaderFrom, left int64) error {
	c := x.conn
	for left > 0 {
		step := &io.LimitedReader{R: c.Conn, N: min(left, spliceStep)}
		n, err := w.ReadFrom(step)
		left -= n
		c.moved()
		switch {
		case err != nil && c.why(nil) == nil && c.open():
			return &clientError{err}
		case err != nil:
			return err
		case step.N > 0:
			return io.ErrUnexpectedEOF
		}
	}
	return nil
}

// copyToEnd copies until the app closes the connection. Each piece goes out before the next is waited for.
func (x *exchange) copyToEnd(w gin.ResponseWriter) error {
	c := x.conn
	c.enlarge()
	for {
		if _, err := x.copyBuffered(w, largeSize*2); err != nil {
			return err
		}
		if err := flush(w); err != nil {
			return err
		}
		if err := c.fill(); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}

func flush(w gin.ResponseWriter) error {
	err := http.NewResponseController(w).Flush()
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		return &clientError{err}
	}
	return nil
}
