package upstream

import (
	"errors"
	"strings"
	"sync"
)

// errStreamEnds is why an event stream is cut at shutdown.
var errStreamEnds = errors.New("the gateway stops")

// streams are the connections on which the app sends events. The zero value is ready.
type streams struct {
	mu   sync.Mutex // guards what follows
	open map[*conn]struct{}
	over bool // none may go on
}

// EndStreams cuts every event stream (text/event-stream), and each that begins later: they have no end of their own that a shutdown
// could wait for. The cut shows, as always where an answer is not whole; EventSource then connects anew by itself, and drops the
// event that was not complete (HTML Standard, 9.2.3 and 9.2.6).
func (u *Upstream) EndStreams() {
	s := &u.streams
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	for c := range s.open {
		c.interrupt(errStreamEnds)
	}
}

func (s *streams) remember(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		c.interrupt(errStreamEnds)
	}
	if s.open == nil {
		s.open = map[*conn]struct{}{}
	}
	s.open[c] = struct{}{}
}

func (s *streams) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
}

// isEvents reports whether an answer of that content type is a stream of events.
func isEvents(contentType []string) bool {
	if len(contentType) == 0 {
		return false
	}
	media, _, _ := strings.Cut(contentType[0], ";")
	return strings.EqualFold(strings.TrimSpace(media), "text/event-stream")
}
