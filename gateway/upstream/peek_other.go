//go:build !unix

package upstream

import "time"

// open reports whether the app is likely to hold the idle connection still; this system gives no way to ask.
func (c *conn) open() bool { return time.Since(c.idleSince) < time.Second }
