package middleware

import (
	"hash/maphash"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
)

// running counts the requests of each client that are under way. A client with none has no entry, so there are never
// more entries than requests. Any goroutine may call its methods.
type running struct {
	seed   maphash.Seed
	shards [64]struct {
		mu   sync.Mutex // guards many
		many map[string]int64
		_    [48]byte
	}
}

func newRunning() *running {
	r := &running{seed: maphash.MakeSeed()}
	for i := range r.shards {
		r.shards[i].many = map[string]int64{}
	}
	return r
}

// enter counts one more request of client unless most run already; it reports whether it did.
func (r *running) enter(client string, most int64) bool {
	s := &r.shards[maphash.String(r.seed, client)%64]
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.many[client]
	if n >= most {
		return false
	}
	s.many[client] = n + 1
	return true
}

// leave ends one request of client.
func (r *running) leave(client string) {
	s := &r.shards[maphash.String(r.seed, client)%64]
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.many[client]; n > 1 {
		s.many[client] = n - 1
		return
	}
	delete(s.many, client)
}

// admitOneMore refuses a client that has as many requests under way as it may; the place is given back when the request
// ends, streams and WebSockets included. It reports whether the request may go on.
func (d *door) admitOneMore(c *gin.Context, x *exchange) bool {
	if d.concurrent == 0 {
		return true
	}
	if !d.state.running.enter(x.client.key, d.concurrent) {
		x.note(tooManyRunning)
		retryAfter(c, time.Second)
		Reject(c, stageConcurrency, http.StatusTooManyRequests, "too many requests of this client are under way")
		return false
	}
	x.running = true
	return true
}
