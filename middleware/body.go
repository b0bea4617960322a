package middleware

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/gin-gonic/gin"
)

// BodyError is a request body that did not arrive well; whoever reads it answers with Status and blames nobody else.
type BodyError struct {
	// Status is 413, 408, 400, or 499 where the client left.
	Status int
	text   string
	// stage is the stage whose limit the body broke, note what Explain tells of it.
	stage string
	note  *Decision
}

// Error says what was wrong.
func (e *BodyError) Error() string { return e.text }

// HTTPStatus returns Status, for callers that know no type of ours.
func (e *BodyError) HTTPStatus() int { return e.Status }

// The ways in which reading a request's body ends early. Reads return them wrapped; ask with errors.Is.
var (
	ErrBodyTooLarge  = &BodyError{http.StatusRequestEntityTooLarge, "request body is larger than body_max", stageBodySize, bodyTooLarge}
	ErrBodyTimeout   = &BodyError{http.StatusRequestTimeout, "request body stalled", stageDeadline, bodyTooSlow}
	ErrBodyMalformed = &BodyError{http.StatusBadRequest, "request body is malformed", stageIngress, bodyBroken}
	ErrClientGone    = &BodyError{statusClientGone, "client left before its body ended", stageIngress, bodyGone}
)

// BodyStatus returns the status that an error of reading or forwarding a request's body asks for, 0 where err has
// another cause.
func BodyStatus(err error) int {
	if b, ok := errors.AsType[*BodyError](err); ok {
		return b.Status
	}
	return 0
}

// body is a request's body under our limits. It outlives the exchange: a transport may go on reading it in a goroutine
// of its own after the answer was sent.
type body struct {
	from io.ReadCloser
	// request is whose Body we stand in for.
	request *http.Request
	// left is how many bytes may still come.
	left int64
	// identity knows which trailers the client could have forged.
	identity *identity
	// state is what became of the body, for the writer to see from another goroutine.
	state atomic.Pointer[BodyError]
	pace  *pace
}

// bodySize refuses a body that says it is too large before a byte of it is read, and counts the others.
func (d *door) bodySize(c *gin.Context) {
	r := c.Request
	x := of(c)
	if r.ContentLength > d.bodyMax {
		x.note(bodyAnnounced)
		Reject(c, stageBodySize, http.StatusRequestEntityTooLarge, "Content-Length is above body_max")
		return
	}
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return
	}
	x.note(bodyCounted)
	x.body = &body{from: r.Body, request: r, left: d.bodyMax, identity: &d.identity}
	x.body.stripTrailers()
	r.Body = x.body
}

// Read reads the next bytes; past the limit it returns ErrBodyTooLarge. Bytes within the limit come through first.
func (b *body) Read(p []byte) (int, error) {
	if failed := b.state.Load(); failed != nil {
		return 0, failed
	}
	if len(p) == 0 {
		return 0, nil
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	if b.pace != nil && !b.pace.before() {
		return 0, b.fail(ErrBodyTimeout)
	}
	n, err := b.from.Read(p)
	if int64(n) > b.left {
		return int(b.left), b.fail(ErrBodyTooLarge)
	}
	b.left -= int64(n)
	if b.pace != nil {
		b.pace.after(n, err)
	}
	switch err {
	case nil:
	case io.EOF:
		b.stripTrailers()
	default:
		err = b.fail(classify(err))
	}
	return n, err
}

// stripTrailers removes what only a trusted peer may say, which says it in the head: some servers join trailers with that.
func (b *body) stripTrailers() { b.identity.strip(b.request.Trailer, &client{}) }

// fail keeps the first failure and returns it.
func (b *body) fail(e *BodyError) error {
	b.state.CompareAndSwap(nil, e)
	return b.state.Load()
}

// Close ends reading.
func (b *body) Close() error {
	if b.pace != nil {
		b.pace.end()
	}
	return b.from.Close()
}

// blame returns the stage that a refusal with status belongs to and what there is to note of it: where this body broke a
// limit, that limit's, whoever was reading when it broke; note is nil elsewhere.
func (b *body) blame(stage string, status int) (string, *Decision) {
	if failed := b.state.Load(); failed != nil && failed.Status == status {
		return failed.stage, failed.note
	}
	return stage, nil
}

// letGo leaves the rest to net/http, which must find its own body again: by it it knows whether to linger before it
// closes the connection, and without that the client loses the answer to a reset.
func (b *body) letGo() {
	if b.pace != nil {
		b.pace.detach()
	}
	b.request.Body = b.from
}

// classify tells whose fault a failed read is. net/http names malformed chunks in text only, so what is neither a
// timeout nor a broken connection is malformed.
func classify(err error) *BodyError {
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return ErrBodyTimeout
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, http.ErrBodyReadAfterClose), isConnError(err):
		return ErrClientGone
	}
	return ErrBodyMalformed
}
