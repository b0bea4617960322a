package upstream

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// smallBody is the size up to which a body is read before the app is asked, in bytes: a slow client then holds no
// connection to the app, and the app gets the request in one piece.
const smallBody = 16 << 10

// prepareBody reads a small body behind the head, or gets an upload ready.
func (x *exchange) prepareBody() error {
	r := x.c.Request
	switch {
	case r.Body == nil || r.ContentLength == 0:
		return nil
	case r.ContentLength < 0 || r.ContentLength > smallBody:
		x.upload = &upload{body: r.Body, chunked: r.ContentLength < 0, request: r, result: make(chan error, 1)}
		return nil
	}
	head := len(x.out)
	for int64(cap(x.out)) < int64(head)+r.ContentLength {
		x.out = append(x.out[:cap(x.out)], 0)
	}
	x.out = x.out[:head+int(r.ContentLength)]
	_, err := io.ReadFull(r.Body, x.out[head:])
	return err
}

// upload sends a body while the answer is awaited.
type upload struct {
	body    io.Reader
	chunked bool
	// request is whose Trailer follows a chunked body.
	request *http.Request
	// result gets the outcome once: nil, a *bodyFault, or what hindered writing.
	result chan error
	// over is true once the outcome was taken; outcome is it.
	over    bool
	outcome error
}

// piece is a buffer with room for a chunk's size before its data and the line end behind it.
const (
	sizeRoom  = 10
	pieceSize = 32 << 10
)

var pieces = sync.Pool{New: func() any { b := make([]byte, sizeRoom+pieceSize+2); return &b }}

// start sends the body in a goroutine of its own, which stop waits for.
func (p *upload) start(x *exchange) {
	// Without this the server would take the rest of the body for itself once the answer begins.
	_ = http.NewResponseController(x.c.Writer).EnableFullDuplex()
	c := x.conn
	go func() {
		err := p.send(c)
		p.result <- err
		var body *bodyFault
		if errors.As(err, &body) {
			// The app must see that the request is not whole, and whoever waits for its answer must stop.
			_ = c.SetDeadline(time.Unix(1, 0))
		}
	}()
}

// send copies the body. Where the app does not take all of it, a chunked body is still read to its end: only that shows
// whether it is sound and small enough, whatever the app says of it.
func (p *upload) send(c *conn) error {
	piece := *pieces.Get().(*[]byte)
	defer func() { pieces.Put(&piece) }()
	var deaf error
	for {
		c.hold(true)
		n, err := p.body.Read(piece[sizeRoom : sizeRoom+pieceSize])
		c.hold(false)
		if n > 0 && deaf == nil {
			if _, deaf = c.Write(p.frame(piece, n)); deaf != nil && !p.chunked {
				return deaf
			}
		}
		switch {
		case err == io.EOF && deaf == nil:
			return p.finish(c)
		case err == io.EOF:
			return deaf
		case err != nil:
			return &bodyFault{err}
		}
	}
}

// frame returns the n bytes of data in piece, as a chunk where the body is chunked.
func (p *upload) frame(piece []byte, n int) []byte {
	if !p.chunked {
		return piece[sizeRoom : sizeRoom+n]
	}
	var digits [sizeRoom]byte
	size := append(strconv.AppendInt(digits[:0], int64(n), 16), "\r\n"...)
	from := sizeRoom - len(size)
	copy(piece[from:], size)
	copy(piece[sizeRoom+n:], "\r\n")
	return piece[from : sizeRoom+n+2]
}

// finish sends the last chunk and the trailers.
func (p *upload) finish(c *conn) error {
	if !p.chunked {
		return nil
	}
	end := []byte("0\r\n")
	for key, values := range p.request.Trailer {
		if !trails(p.request, key) {
			continue
		}
		for _, v := range values {
			end = appendField(end, key, v)
		}
	}
	_, err := c.Write(append(end, "\r\n"...))
	return err
}

// ended reports whether the body was sent to its end.
func (p *upload) ended() bool {
	if p.over {
		return p.outcome == nil
	}
	select {
	case p.outcome = <-p.result:
		p.over = true
	default:
	}
	return p.over && p.outcome == nil
}

// wait waits for the outcome.
func (p *upload) wait() error {
	if !p.over {
		p.outcome, p.over = <-p.result, true
	}
	return p.outcome
}

// stop ends an upload that nobody waits for: the client's connection is of no use afterwards. The stage that paces the body may move
// the deadline once more at the same moment, so it is set again until it strikes.
func (p *upload) stop(x *exchange) {
	again := time.NewTicker(sweepEvery)
	defer again.Stop()
	for !p.ended() && !p.over {
		_ = http.NewResponseController(x.c.Writer).SetReadDeadline(time.Unix(1, 0))
		_ = x.conn.SetWriteDeadline(time.Unix(1, 0))
		select {
		case p.outcome = <-p.result:
			p.over = true
		case <-again.C:
		}
	}
}

// settle brings the answer's head and the body together: err is what came of reading the head. The fault of a client in
// its body goes before anything the app says.
func (p *upload) settle(x *exchange, err error) error {
	if !p.ended() && err == nil && p.chunked {
		x.conn.begin(x.c.Request.Context(), time.Now(), min(x.u.settings.Timeout, deafAfter))
		_ = p.wait()
		x.conn.resume()
	}
	if errors.Is(err, errClientGone) {
		_ = p.wait() // a failed read of the body ends the request's context too, and knows better why
	}
	x.conn.broken = x.conn.broken || p.outcome != nil
	var body *bodyFault
	if p.over && errors.As(p.outcome, &body) {
		return p.outcome
	}
	if err != nil {
		p.stop(x)
	}
	return err
}

// deafAfter is how long an app that has answered already may take nothing more of a body.
const deafAfter = 5 * time.Second
