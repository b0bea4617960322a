package wire

import (
	"net"
	"os"
	"time"
)

// Close closes the connection. What waits ends with net.ErrClosed.
func (c *swift) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return net.ErrClosed
	}
	c.closed = true
	for _, s := range []*side{&c.read, &c.write} {
		s.stop()
		c.wake(s)
	}
	c.halt(net.ErrClosed)
	c.loop.forget(c)
	c.users.Add(toClose + 1)
	c.leave()
	return nil
}

// halt ends an each that waits; one that runs notices by itself. It is called with c.mu held and returns without.
func (c *swift) halt(err error) {
	if c.driven && !c.running {
		c.finish(err)
		return
	}
	c.mu.Unlock()
}

// stop takes the deadline away.
func (s *side) stop() {
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	s.set++
	s.expired = false
}

// SetReadDeadline ends reading at t; the zero time takes the deadline away.
func (c *swift) SetReadDeadline(t time.Time) error { return c.setDeadline(&c.read, t) }

// SetWriteDeadline ends writing at t; the zero time takes the deadline away.
func (c *swift) SetWriteDeadline(t time.Time) error { return c.setDeadline(&c.write, t) }

// SetDeadline ends both.
func (c *swift) SetDeadline(t time.Time) error {
	_ = c.SetReadDeadline(t)
	return c.SetWriteDeadline(t)
}

func (c *swift) setDeadline(s *side, t time.Time) error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return net.ErrClosed
	}
	s.stop()
	if t.IsZero() {
		c.mu.Unlock()
		return nil
	}
	if left := time.Until(t); left > 0 {
		set := s.set
		s.timer = time.AfterFunc(left, func() { c.expire(s, set) })
		c.mu.Unlock()
		return nil
	}
	c.lapse(s)
	return nil
}

// expire is the end of the deadline that was set as the nth.
func (c *swift) expire(s *side, nth uint64) {
	c.mu.Lock()
	if s.set != nth || c.closed {
		c.mu.Unlock()
		return
	}
	c.lapse(s)
}

// lapse ends what waits for s, now and from now on. It is called with c.mu held and returns without.
func (c *swift) lapse(s *side) {
	s.expired = true
	c.wake(s)
	if s == &c.read {
		c.halt(os.ErrDeadlineExceeded)
		return
	}
	c.mu.Unlock()
}
