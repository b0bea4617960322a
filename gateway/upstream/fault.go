package upstream

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
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

// bodyError remembers the first error of reading the client's body, so that it is told from errors of the app.
type bodyError struct {
	io.ReadCloser
	err error
}

func (b *bodyError) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF && b.err == nil {
		b.err = err
	}
	return n, err
}

// clientFault says what is wrong with a body that could not be read.
func clientFault(err error) fault {
	var typed interface{ HTTPStatus() int }
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &typed):
		return fault{status: typed.HTTPStatus(), reason: "the request body was refused"}
	case errors.As(err, &tooLarge):
		return fault{status: http.StatusRequestEntityTooLarge, reason: "the request body is too large"}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fault{status: http.StatusRequestTimeout, reason: "the request body stalled"}
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed), errors.Is(err, context.Canceled), isConnError(err):
		return fault{status: StatusClientGone, reason: "the client left inside its request body"}
	}
	return fault{status: http.StatusBadRequest, reason: "the request body is malformed"}
}

// isConnError reports errors of the connection itself, such as a reset.
func isConnError(err error) bool {
	var op *net.OpError
	return errors.As(err, &op)
}

// appFault says what is wrong with the app.
func appFault(err error) fault {
	var timeout net.Error
	var op *net.OpError
	switch {
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return fault{status: http.StatusGatewayTimeout, app: true, reason: "the app did not answer in time"}
	case errors.As(err, &op) && op.Op == "dial":
		return fault{status: http.StatusBadGateway, app: true, reason: "the app takes no connection"}
	case strings.HasPrefix(err.Error(), "net/http: HTTP/1.x transport connection broken"):
		return fault{status: http.StatusBadGateway, app: true, reason: "the app closed or broke the connection"}
	}
	return fault{status: http.StatusBadGateway, app: true, reason: "the app answered nothing that could be passed on"}
}
