package dbguard

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
)

// ServerFault reports whether err, from a query that ran, is the database server's own: its session broke or it said that
// it is going down. A client's bad SQL, a cancel, a timeout and a client that went away are not.
// https://www.postgresql.org/docs/current/errcodes-appendix.html
func ServerFault(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	if code := sqlState(err); code != "" {
		return downCode(code)
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ETIMEDOUT)
}

// downCode reports connection exceptions (08xxx) and 57P01 admin_shutdown, 57P02 crash_shutdown, 57P03 cannot_connect_now.
func downCode(code string) bool {
	return strings.HasPrefix(code, "08") || code == "57P01" || code == "57P02" || code == "57P03"
}

// dialFault reports whether err, from dialling and logging in, is the server's. Unlike a query's, a dial's error without
// SQLSTATE is always its own (refused, reset, TLS, silence) unless the caller gave up; 53300 says that it is full.
func dialFault(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, errHasty) {
		return false
	}
	if code := sqlState(err); code != "" {
		return downCode(code) || code == "53300"
	}
	return true
}
