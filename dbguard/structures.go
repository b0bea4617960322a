package dbguard

import (
	"sync"
	"sync/atomic"
	"time"

	"sallyport/dbguard/screen"
)

// maxStructures bounds the table of statement structures; an unused one makes room for a new one.
const maxStructures = 2048

// structure is what is counted of all statements with one fingerprint.
type structure struct {
	fingerprint screen.Fingerprint
	skeleton    string

	used         atomic.Bool // since the hand passed
	forgotten    atomic.Bool // by the table; see restore
	count        atomic.Uint64
	failed, rows atomic.Uint64
	took         atomic.Uint64 // nanoseconds
	durations    histogram
}

func (s *structure) add(took time.Duration, rows int64, failed bool) {
	if !s.used.Load() {
		s.used.Store(true)
	}
	s.count.Add(1)
	s.took.Add(uint64(took))
	s.durations.add(took)
	if rows > 0 {
		s.rows.Add(uint64(rows))
	}
	if failed {
		s.failed.Add(1)
	}
}

func (s *structure) zero() {
	for _, n := range []*atomic.Uint64{&s.count, &s.failed, &s.rows, &s.took} {
		n.Store(0)
	}
	s.durations.zero()
}

// structures is the bounded table of them.
type structures struct {
	mu    sync.Mutex // guards the fields below
	index map[screen.Fingerprint]*structure
	ring  []*structure
	hand  int
}

// of returns the structure with that fingerprint; skeleton is called only for a new one.
func (t *structures) of(f screen.Fingerprint, skeleton func() string) *structure {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.index[f]; s != nil {
		s.used.Store(true)
		return s
	}
	s := &structure{fingerprint: f, skeleton: skeleton()}
	t.place(s)
	return s
}

// restore puts back a structure that was forgotten while a kept verdict still leads to it.
func (t *structures) restore(s *structure) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.forgotten.Swap(false) && t.index[s.fingerprint] == nil {
		t.place(s)
	}
}

// place adds s, with the table locked.
func (t *structures) place(s *structure) {
	if t.index == nil {
		t.index = make(map[screen.Fingerprint]*structure)
	}
	t.index[s.fingerprint] = s
	if len(t.ring) < maxStructures {
		t.ring = append(t.ring, s)
		return
	}
	t.ring[t.evict()] = s
}

// evict forgets the first structure that was not used since the hand passed it, and returns its place. Two rounds at most:
// queries running meanwhile may set the mark again.
func (t *structures) evict() int {
	for range 2 * maxStructures {
		if !t.ring[t.hand].used.Swap(false) {
			break
		}
		t.hand = (t.hand + 1) % maxStructures
	}
	i := t.hand
	t.hand = (i + 1) % maxStructures
	delete(t.index, t.ring[i].fingerprint)
	t.ring[i].forgotten.Store(true)
	return i
}

// all returns those that ran, in no order.
func (t *structures) all() []*structure {
	t.mu.Lock()
	defer t.mu.Unlock()
	var ran []*structure
	for _, s := range t.ring {
		if s.count.Load() > 0 {
			ran = append(ran, s)
		}
	}
	return ran
}
