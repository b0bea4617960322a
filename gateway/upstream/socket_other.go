//go:build !unix

package upstream

import "time"

// wait reads what comes next.
func (c *conn) wait() (int, error) { return c.waitHolding() }

// tryRead is for systems whose sockets can be read without blocking.
func (c *conn) tryRead(uintptr) bool { return true }

// open reports whether the app is likely to hold the idle connection still; this system gives no way to ask.
func (c *conn) open() bool { return time.Since(c.idleSince) < time.Second }
