package http1

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// framing is how the client learns where an answer's body ends.
type framing uint8

const (
	undecided framing = iota
	bodyless          // there is none
	byLength          // by Content-Length
	byChunks          // by the last chunk
	byClose           // by the end of the connection
)

// response is the http.ResponseWriter of one request. Status and fields are written down when the status is set, and sent
// with the first bytes of the body: one write is enough for most answers.
type response struct {
	c       *conn
	request *http.Request
	header  http.Header
	// body is the request's, nil where there is none.
	body *body
	// out is what is to be sent, beginning with the head; held is body that waits for its length to be known. Both are in
	// lent, which is nil while there is nothing to be sent.
	out, held []byte
	lent      *outbox
	vector    [3][]byte
	buffers   net.Buffers

	// status is 0 before it is set.
	status  int
	framing framing
	// length is what the handler says of the body's length, -1 where it says nothing; sent is how much it has written.
	length, sent int64
	// close is true where the connection ends with this answer.
	close, taken bool
	// trailers are the names that the handler announced.
	trailers []string
	err      error

	wire sync.Mutex // guards the order of 100 Continue and the final head
	// leave is true while 100 Continue may be sent.
	leave bool
}

// begin makes w the answer to r.
func (w *response) begin(c *conn, r *http.Request, close bool) {
	w.c, w.request, w.close, w.length, w.leave = c, r, close, -1, true
}

// Header returns the fields of the answer; what is set after the status are trailers.
func (w *response) Header() http.Header { return w.header }

// WriteHeader sets the status. An informational one is sent at once, with the fields that are set.
func (w *response) WriteHeader(status int) {
	switch {
	case w.taken || w.status != 0:
		return
	case status < 100 || status > 999:
		panic(fmt.Sprintf("http1: status %d", status))
	case status < 200 && status != http.StatusSwitchingProtocols:
		w.inform(status)
		return
	}
	if w.body != nil {
		w.wire.Lock()
		w.leave = false
		w.wire.Unlock()
	}
	w.status = status
	w.head()
}

// inform sends an informational answer, which HTTP/1.0 does not know.
func (w *response) inform(status int) {
	if w.request.ProtoMinor == 0 {
		return
	}
	w.wire.Lock()
	defer w.wire.Unlock()
	if status == http.StatusContinue && w.body != nil {
		w.body.expected.Store(false)
	}
	b := appendStatus(nil, status)
	for name, values := range w.header {
		if name != "Content-Length" && name != "Transfer-Encoding" {
			b = appendField(b, name, values)
		}
	}
	w.send(append(b, "\r\n"...))
}

// proceed tells a client that waits for it to send its body.
func (w *response) proceed() {
	w.wire.Lock()
	defer w.wire.Unlock()
	if w.leave {
		w.send([]byte("HTTP/1.1 100 Continue\r\n\r\n"))
	}
}

// allowsBody reports whether an answer with the status may have a body.
func allowsBody(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// Write sends p, or keeps it for a little while.
func (w *response) Write(p []byte) (int, error) {
	if w.taken {
		return 0, http.ErrHijacked
	}
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	switch {
	case len(p) == 0:
		return 0, w.err
	case !allowsBody(w.status):
		return 0, http.ErrBodyNotAllowed
	case w.length >= 0 && w.sent+int64(len(p)) > w.length:
		return 0, http.ErrContentLength
	}
	w.sent += int64(len(p))
	if w.framing == undecided {
		if w.length < 0 && w.trailers == nil && len(w.held)+len(p) <= heldMax {
			w.held = append(w.held, p...)
			return len(p), w.err
		}
		w.decide(false)
	}
	if w.framing == bodyless { // HEAD
		return len(p), w.err
	}
	w.emit(p)
	return len(p), w.err
}

// WriteString sends s.
func (w *response) WriteString(s string) (int, error) { return w.Write([]byte(s)) }

// FlushError sends what is kept.
func (w *response) FlushError() error {
	if w.taken {
		return http.ErrHijacked
	}
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.framing == undecided {
		w.decide(false)
	}
	w.flush()
	return w.err
}

// Flush sends what is kept.
func (w *response) Flush() { _ = w.FlushError() }

// SetReadDeadline bounds reading of the request's body; it may strike a quarter of a second late.
func (w *response) SetReadDeadline(t time.Time) error { return w.c.setRead(t) }

// SetWriteDeadline bounds writing of the answer; it may strike a quarter of a second late.
func (w *response) SetWriteDeadline(t time.Time) error { return w.c.setWrite(t) }

// EnableFullDuplex changes nothing: the body may always be read after the answer has begun.
func (w *response) EnableFullDuplex() error { return nil }

// ReadFrom copies src; between two sockets, or from a file, the kernel moves the bytes.
func (w *response) ReadFrom(src io.Reader) (int64, error) {
	if w.status == 0 && !w.taken {
		w.WriteHeader(http.StatusOK)
	}
	limited, ok := src.(*io.LimitedReader)
	kernel, able := w.c.raw.(io.ReaderFrom)
	if !ok || !able || w.taken || w.length < 0 || limited.N > w.length-w.sent || w.request.Method == http.MethodHead || !allowsBody(w.status) {
		buf := make([]byte, 32<<10)
		return io.CopyBuffer(struct{ io.Writer }{w}, src, buf)
	}
	if w.framing == undecided {
		w.decide(false)
	}
	if w.flush(); w.err != nil {
		return 0, w.err
	}
	n, err := kernel.ReadFrom(limited)
	w.sent += n
	return n, err
}

// announces reports whether the handler named name as a trailer.
func (w *response) announces(name string) bool {
	return w.trailers != nil && slices.Contains(w.trailers, name)
}

var (
	_ http.Hijacker = (*response)(nil)
	_ http.Flusher  = (*response)(nil)
	_ io.ReaderFrom = (*response)(nil)
)
