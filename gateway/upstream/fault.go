package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
)

// StatusClientGone is logged where the client left before the answer; nothing is sent. The number is nginx's.
const StatusClientGone = 499

// fault is why an exchange ended without the app's answer.
type fault struct {
	// status is what the client is answered.
	status int
	// app is true where the app is to blame; only that counts against it.
	app bool
	// reason is a sentence for the log.
	reason string
}

// dialError is a connection to the app that did not come about; nothing was sent.
type dialError struct{ err error }

func (e *dialError) Error() string { return e.err.Error() }
func (e *dialError) Unwrap() error { return e.err }

func (e *dialError) timeout() bool {
	var timed net.Error
	return errors.Is(e.err, context.DeadlineExceeded) || errors.As(e.err, &timed) && timed.Timeout()
}

// What a connection that ended too early left us with: nothing, or the beginning of an answer. Only after nothing may the request be
// sent again.
var (
	errNoAnswer = errors.New("the connection ended without an answer")
	errCutShort = errors.New("the connection ended inside the head of an answer")
)

func noAnswer(err error) error { return fmt.Errorf("%w: %w", errNoAnswer, err) }

// bodyFault is an error of reading the client's body.
type bodyFault struct{ err error }

func (e *bodyFault) Error() string { return "request body: " + e.err.Error() }
func (e *bodyFault) Unwrap() error { return e.err }

// faultOf says who is to blame for err and what the client is answered.
func faultOf(err error) fault {
	var body *bodyFault
	var dial *dialError
	switch {
	case errors.As(err, &body):
		return clientFault(body.err)
	case errors.Is(err, errClientGone):
		return fault{status: StatusClientGone, reason: "the client left before the answer"}
	case errors.Is(err, errOverdue):
		return fault{status: http.StatusGatewayTimeout, app: true, reason: "the app did not answer in time"}
	case errors.As(err, &dial) && dial.timeout():
		return fault{status: http.StatusGatewayTimeout, app: true, reason: "the app did not take a connection in time"}
	case errors.As(err, &dial):
		return fault{status: http.StatusBadGateway, app: true, reason: "the app takes no connection"}
	case errors.Is(err, errMalformed):
		return fault{status: http.StatusBadGateway, app: true, reason: "the app's answer is malformed"}
	case errors.Is(err, errCutShort):
		return fault{status: http.StatusBadGateway, app: true, reason: "the app closed the connection inside its answer's head"}
	}
	return fault{status: http.StatusBadGateway, app: true, reason: "the app closed the connection without an answer"}
}

// clientFault says what is wrong with a body that could not be read. The stages before us type their errors by a status.
func clientFault(err error) fault {
	var typed interface{ HTTPStatus() int }
	var tooLarge *http.MaxBytesError
	var op *net.OpError
	switch {
	case errors.As(err, &typed):
		return fault{status: typed.HTTPStatus(), reason: "the request body was refused"}
	case errors.As(err, &tooLarge):
		return fault{status: http.StatusRequestEntityTooLarge, reason: "the request body is too large"}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fault{status: http.StatusRequestTimeout, reason: "the request body stalled"}
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, context.Canceled), errors.As(err, &op):
		return fault{status: StatusClientGone, reason: "the client left inside its request body"}
	}
	return fault{status: http.StatusBadRequest, reason: "the request body is malformed"}
}

// fail answers the client where the app did not.
func (x *exchange) fail(err error) {
	f := faultOf(err)
	if f.app {
		x.u.meter.failed.Add(1)
		x.u.breaker.tell(&x.ticket, errAppFault)
		x.u.parts.Logger.Warn("app failed", "status", f.status, "error", err)
	}
	x.refuse(f)
}

// refuse answers with a fault that is not the app's.
func (x *exchange) refuse(f fault) {
	x.u.breaker.tell(&x.ticket, errClientFault)
	x.u.parts.Refuse(x.c, f.status, f.reason)
}
