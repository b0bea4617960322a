// Package localpg starts a private PostgreSQL from the server binaries of this machine, for tests and the demo.
package localpg

import (
	"context"
	"errors"
)

// ErrNoBinaries is wrapped by Start where initdb or postgres are not on this machine; the message says how to get them.
var ErrNoBinaries = errors.New("no PostgreSQL server binaries")

// Options chooses how the server runs; the zero value is right for tests.
type Options struct {
	// Settings are lines of postgresql.conf, "name" → "value".
	Settings map[string]string
	// Password is that of the superuser "postgres"; "" lets Start make one. Logins use scram-sha-256.
	Password string
}

// Server is one private PostgreSQL. Its methods may be called from several goroutines.
type Server struct {
	// Port is the TCP port on 127.0.0.1, chosen free by Start; it stays the same over Restart.
	Port int
	// Password is that of the superuser "postgres".
	Password string
	// Version is the server's version, "15.18".
	Version string

	instance
}

// Start makes a cluster in a new temporary folder, starts it on a free port of 127.0.0.1 and waits until it answers.
// The caller must Stop it. When ctx ends, Start gives up and leaves nothing behind. A commit that was answered survives
// Kill; fsync is off, so nothing is promised for a machine that loses power.
func Start(ctx context.Context, o Options) (*Server, error) { return start(ctx, o) }
