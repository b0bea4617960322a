//go:build prove

package wire

import (
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"sallyport/dbguard/localpg"
)

// blackHole is a network between the door and PostgreSQL that may swallow everything: no byte passes, no connection ends.
type blackHole struct {
	ln       net.Listener
	to       string
	swallows sync.RWMutex // held for writing while it swallows
	work     sync.WaitGroup
	mu       sync.Mutex // guards conns
	conns    []net.Conn
}

func newBlackHole(t *testing.T, pg *localpg.Server) *blackHole {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &blackHole{ln: ln, to: "127.0.0.1:" + strconv.Itoa(pg.Port)}
	h.work.Go(h.accept)
	t.Cleanup(func() {
		_ = ln.Close()
		h.mu.Lock()
		for _, c := range h.conns {
			_ = c.Close()
		}
		h.mu.Unlock()
		h.work.Wait()
	})
	return h
}

func (h *blackHole) accept() {
	for {
		from, err := h.ln.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", h.to)
		if err != nil {
			_ = from.Close()
			continue
		}
		h.mu.Lock()
		h.conns = append(h.conns, from, to)
		h.mu.Unlock()
		h.work.Go(func() { h.pass(from, to) })
		h.work.Go(func() { h.pass(to, from) })
	}
}

// pass carries bytes, and the end, from one side to the other while nothing is swallowed.
func (h *blackHole) pass(from, to net.Conn) {
	buf := make([]byte, 8<<10)
	for {
		n, err := from.Read(buf)
		h.swallows.RLock()
		if n > 0 {
			_, _ = to.Write(buf[:n])
		}
		if err != nil {
			_ = to.Close()
		}
		h.swallows.RUnlock()
		if err != nil {
			return
		}
	}
}

// swallowed is what clients saw of a network that swallowed everything for a while.
type swallowed struct {
	during map[string]int // answers by SQLSTATE, "" for success
	waited []time.Duration
	healed time.Duration // until all clients worked again
}

func TestProveBlackHoleBeforeTheDatabaseHangsNobody(t *testing.T) {
	for _, c := range []struct {
		clients          int
		timeout, lasting time.Duration
	}{{12, time.Second, 3 * time.Second}, {60, 2 * time.Second, 15 * time.Second}} {
		s := swallow(t, c.clients, c.timeout, c.lasting)
		slices.Sort(s.waited)
		t.Logf("%d clients, everything swallowed for %s: answers by SQLSTATE %v, the slowest after %s; all well %s after the network was",
			c.clients, c.lasting, s.during, s.waited[len(s.waited)-1].Round(time.Millisecond), s.healed.Round(time.Millisecond))
	}
}

// swallow has clients work behind a network that swallows everything for a while. Each must be answered in time, and work again after.
func swallow(t *testing.T, clients int, timeout, lasting time.Duration) swallowed {
	t.Helper()
	pg := ownServer(t)
	hole := newBlackHole(t, pg)
	d := open(t, func(s *setup) {
		s.upstream = strings.Replace(pg.URL("postgres"), "127.0.0.1:"+strconv.Itoa(pg.Port), hole.ln.Addr().String(), 1)
		s.guard.Limits.QueryTimeout, s.guard.Breaker.OpenFor = timeout, time.Second
		s.settings.Pool.Max, s.settings.Pool.Wait = 4, 2*time.Second
	})
	conns := make([]*pgconn.PgConn, clients)
	for i := range conns {
		conns[i] = d.connect(t, "")
		wants(t, conns[i], "select 1", "1")
	}
	s := swallowed{during: map[string]int{}}
	var mu sync.Mutex
	var over atomic.Bool
	ended := make(chan struct{})
	hole.swallows.Lock()
	go func() {
		defer close(ended)
		all(clients, func(i int) {
			for !over.Load() {
				began := time.Now()
				_, err := try(conns[i], "select 1")
				mu.Lock()
				s.during[codeOf(err)]++
				s.waited = append(s.waited, time.Since(began))
				mu.Unlock()
			}
		})
	}()
	<-time.After(lasting)
	over.Store(true)
	<-ended // while nothing passes, so that every answer is the door's own
	hole.swallows.Unlock()
	began := time.Now()
	for i, c := range conns {
		until(t, "client "+strconv.Itoa(i)+" to work again", func() bool { got, err := try(c, "select 7"); return err == nil && got == "7" })
	}
	s.healed = time.Since(began)
	for code := range s.during {
		if code == "" || !strings.HasPrefix(code, "57") && !strings.HasPrefix(code, "08") && code != codeTooMany {
			t.Errorf("while everything was swallowed clients got %v, want 57xxx, 08xxx or 53300", s.during)
		}
	}
	for _, w := range s.waited {
		if most := timeout + cancelGrace + dialTimeout + 5*time.Second; w > most {
			t.Errorf("an answer took %s, want at most %s", w, most)
		}
	}
	return s
}
