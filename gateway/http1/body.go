package http1

import (
	"io"
	"net/http"
	"net/textproto"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sallyport/gateway/ingress"
)

// body is the body of one request. It may be read by another goroutine than the handler's, which Close waits for.
type body struct {
	c       *conn
	request *http.Request
	chunked bool
	// ended is true once the whole body was read, broken once it cannot be, expected while the client waits for 100 Continue before
	// it sends anything.
	ended, broken, expected atomic.Bool

	mu sync.Mutex // guards what follows
	// left is how many bytes of a body with a known length are to come.
	left   int64
	chunks ingress.Chunks
	err    error
	closed bool
}

// Read reads the next bytes; io.EOF comes with the last of them. Broken framing is an *ingress.Refusal as error.
func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return 0, http.ErrBodyReadAfterClose
	}
	if len(p) == 0 {
		return 0, nil
	}
	return b.read(p)
}

func (b *body) read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if b.expected.Swap(false) {
		b.c.turn.answer.proceed()
	}
	var n int
	if b.chunked {
		n, b.err = b.readChunks(p)
	} else {
		n, b.err = b.readLength(p)
	}
	switch b.err {
	case nil:
	case io.EOF:
		b.ended.Store(true)
		b.c.watched.Store(true)
	default:
		b.broken.Store(true)
	}
	return n, b.err
}

// Close ends reading.
func (b *body) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	return nil
}

func (b *body) readLength(p []byte) (int, error) {
	n, err := b.bytes(p[:min(int64(len(p)), b.left)])
	if b.left -= int64(n); b.left == 0 {
		return n, io.EOF
	}
	return n, err
}

// fewBytes is the room below which the socket is read into the inbox and not into the reader's own.
const fewBytes = 2 << 10

// bytes reads bytes of the body as they stand.
func (b *body) bytes(p []byte) (int, error) {
	in := b.c.in
	if in.empty() {
		if len(p) >= fewBytes {
			n, err := b.c.raw.Read(p)
			if n > 0 {
				err = nil
			}
			return n, brokenOff(err)
		}
		if err := b.c.read(); err != nil {
			return 0, brokenOff(err)
		}
	}
	n := copy(p, in.buffered())
	in.r += n
	return n, nil
}

// brokenOff names the end of a connection inside a body.
func brokenOff(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// readChunks returns data of the running chunk, after the framing before it.
func (b *body) readChunks(p []byte) (int, error) {
	in := b.c.in
	for {
		if left := b.chunks.Left(); left > 0 {
			n, err := b.bytes(p[:min(uint64(len(p)), left)])
			b.chunks.Took(n)
			return n, err
		}
		n, done, refusal := b.chunks.Frame(in.buffered())
		in.r += n
		switch {
		case refusal != nil:
			return 0, b.refuse(refusal)
		case done:
			b.trailers()
			return 0, io.EOF
		case !in.empty():
			continue // data
		}
		if err := b.c.read(); err != nil {
			return 0, brokenOff(err)
		}
	}
}

// refuse tells of broken framing; the answer is the handler's, and the last of the connection.
func (b *body) refuse(r *ingress.Refusal) error {
	b.c.server.OnRefusal(ingress.Refused{Refusal: *r, Remote: b.c.raw.RemoteAddr(), Method: b.request.Method, Path: b.request.URL.EscapedPath()})
	return r
}

// trailers puts the fields after the last chunk where the handler finds them.
func (b *body) trailers() {
	for line := range strings.SplitSeq(string(b.chunks.Trailer()), "\r\n") {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		if b.request.Trailer == nil {
			b.request.Trailer = http.Header{}
		}
		key := textproto.CanonicalMIMEHeaderKey(name)
		b.request.Trailer[key] = append(b.request.Trailer[key], strings.Trim(value, " \t"))
	}
}

// skipMax is how many bytes of a body that nobody wants are read, so that the connection can go on.
const skipMax = 256 << 10

// skippable reports whether the rest of the body may be read after the answer. Of a client that waits for leave to send it,
// that has much to send, or whose body broke off or makes no sense, the connection is closed instead.
func (b *body) skippable() bool {
	return b.ended.Load() || b.request.ContentLength <= skipMax && !b.expected.Load() && !b.broken.Load()
}

// skipTime is how long the rest of such a body may take.
const skipTime = 5 * time.Second

// skip reads the rest, once nobody else does, and reports whether the next request may follow.
func (b *body) skip() bool {
	if b.ended.Load() {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	if b.c.setRead(time.Now().Add(skipTime)) != nil {
		return false
	}
	var drop [fewBytes]byte
	for skipped := 0; skipped < skipMax; {
		n, err := b.read(drop[:])
		if skipped += n; err != nil {
			return err == io.EOF
		}
	}
	return false
}
