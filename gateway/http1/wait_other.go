//go:build !unix

package http1

// wait blocks until bytes of the next request have come.
func (c *conn) wait() error { return c.waitHolding() }

// tryRead is for systems whose sockets can be read without blocking.
func (c *conn) tryRead(uintptr) bool { return true }

// clientGone is unknown here until something is written.
func (c *conn) clientGone() bool { return false }
