package http1

import (
	"net/http"
	"time"
)

// sweepEvery bounds how late a time limit may strike, and how late it shows that a client has gone.
const sweepEvery = 250 * time.Millisecond

// dateLine is one second as a Date header line.
type dateLine struct {
	second int64
	line   []byte
}

// sweepUntil keeps the clock and the time limits of all connections: so no request needs a timer of its own.
func (s *Server) sweepUntil(stop <-chan struct{}) {
	every := sweepEvery
	head, keepAlive := s.Limits()
	for _, limit := range []time.Duration{head.HeaderTimeout, keepAlive} {
		if limit > 0 {
			every = min(every, max(limit/8, time.Millisecond))
		}
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	var space []*conn
	for {
		select {
		case <-stop:
			return
		case now := <-ticker.C:
			s.tick(now)
			space = s.all(space[:0])
			for _, c := range space {
				c.sweep(now.UnixNano())
			}
			clear(space)
		}
	}
}

// tick sets the clock that requests read.
func (s *Server) tick(now time.Time) {
	s.now.Store(now.UnixNano())
	if d := s.date.Load(); d == nil || d.second != now.Unix() {
		line := append([]byte("Date: "), now.UTC().Format(http.TimeFormat)...)
		s.date.Store(&dateLine{now.Unix(), append(line, "\r\n"...)})
	}
}

// after returns the moment in which limit is over, 0 where limit is.
func (s *Server) after(limit time.Duration) int64 {
	if limit == 0 {
		return 0
	}
	return s.now.Load() + int64(limit)
}
