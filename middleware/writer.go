package middleware

import (
	"bufio"
	"io"
	"net"
	"net/http"

	"github.com/gin-gonic/gin"
)

// writer stands between the handlers and net/http. Our headers are put on when the final status is sent, so that they
// come once on every answer whoever wrote it; informational answers (1xx) pass at once and bare.
type writer struct {
	// inner is gin's writer, which must learn of status and size; raw is net/http's.
	inner gin.ResponseWriter
	raw   http.ResponseWriter
	x     *exchange
	// past counts bytes that went to raw past inner.
	past int64
	// hijacked is true once the connection is somebody else's.
	hijacked bool
}

var _ gin.ResponseWriter = (*writer)(nil)

// Header returns the header map of the answer.
func (w *writer) Header() http.Header { return w.raw.Header() }

// Unwrap lets http.ResponseController reach the connection.
func (w *writer) Unwrap() http.ResponseWriter { return w.raw }

// WriteHeader sends an informational status at once and keeps a final one until the first byte of the body, a flush, or
// the end of the chain: gin's renderers set headers after the status.
func (w *writer) WriteHeader(status int) {
	if status >= 100 && status < 200 && status != http.StatusSwitchingProtocols {
		if !w.inner.Written() {
			removeBanners(w.Header())
			w.raw.WriteHeader(status)
		}
		return
	}
	w.inner.WriteHeader(status)
}

// WriteHeaderNow sends status and headers unless that has happened.
func (w *writer) WriteHeaderNow() {
	if w.inner.Written() {
		return
	}
	if w.x.dressed && w.inner.Status() != http.StatusSwitchingProtocols {
		w.x.dress(w.raw.Header())
	}
	w.x.armWrite(w.raw)
	w.inner.WriteHeaderNow()
}

// Write sends b after status and headers.
func (w *writer) Write(b []byte) (int, error) {
	w.ready()
	return w.inner.Write(b)
}

// WriteString sends s after status and headers.
func (w *writer) WriteString(s string) (int, error) {
	w.ready()
	return w.inner.WriteString(s)
}

// ready sends the header where that is due and gives the connection time for the next bytes.
func (w *writer) ready() {
	if !w.inner.Written() {
		w.WriteHeaderNow()
		return
	}
	w.x.keepWriting(w.raw)
}

// spliceStep is how many bytes one splice may move before the write deadline is moved on.
const spliceStep = 1 << 20

// ReadFrom copies src to the client; between two sockets the kernel moves the bytes.
func (w *writer) ReadFrom(src io.Reader) (int64, error) {
	rf, ok := w.raw.(io.ReaderFrom)
	if !ok {
		return io.Copy(struct{ io.Writer }{w}, src)
	}
	step := io.LimitedReader{R: src}
	left := int64(1<<63 - 1)
	if lr, ok := src.(*io.LimitedReader); ok {
		step.R, left = lr.R, lr.N
		defer func() { lr.N = left }()
	}
	var total int64
	for left > 0 {
		w.ready()
		step.N = min(left, spliceStep)
		n, err := rf.ReadFrom(&step)
		total += n
		left -= n
		w.past += n
		if err != nil || step.N > 0 {
			return total, err
		}
	}
	return total, nil
}

// Flush sends what is buffered.
func (w *writer) Flush() { _ = w.FlushError() }

// FlushError is Flush for http.ResponseController.
func (w *writer) FlushError() error {
	w.ready()
	return http.NewResponseController(w.raw).Flush()
}

// Hijack hands the connection over; nothing of ours touches it afterwards.
func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if _, ok := w.raw.(http.Hijacker); !ok {
		return nil, nil, http.ErrNotSupported
	}
	was := w.inner.Status()
	w.inner.WriteHeader(http.StatusSwitchingProtocols)
	conn, rw, err := w.inner.Hijack()
	if err != nil {
		w.inner.WriteHeader(was)
		return nil, nil, err
	}
	w.hijacked = true
	w.x.disarm(conn)
	return conn, rw, nil
}

// CloseNotify is there for gin's interface; use the request's context.
func (w *writer) CloseNotify() <-chan bool { return w.inner.CloseNotify() }

// Pusher returns nil: HTTP/2 push is dead.
func (w *writer) Pusher() http.Pusher { return nil }

// Status returns the status that was or will be sent.
func (w *writer) Status() int { return w.inner.Status() }

// Written reports whether status and headers are out.
func (w *writer) Written() bool { return w.hijacked || w.inner.Written() }

// Size returns the bytes of the body that were written, -1 where nothing was.
func (w *writer) Size() int {
	if !w.inner.Written() {
		return -1
	}
	return int(w.bytes())
}

func (w *writer) bytes() int64 { return max(int64(w.inner.Size()), 0) + w.past }
