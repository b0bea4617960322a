package journal

import "sync/atomic"

// Subscription is one listener's bounded queue of events.
type Subscription struct {
	events  chan *Event // nobody changes what is in it
	dropped atomic.Uint64
	journal *Journal
}

// Subscribe returns a queue of size events that gets each event from now on. The caller must Close it.
func (j *Journal) Subscribe(size int) *Subscription {
	s := &Subscription{events: make(chan *Event, max(size, 1)), journal: j}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.heard[s] = struct{}{}
	return s
}

// Events is the queue; it is closed by Close. The events are everybody's and must not be changed.
func (s *Subscription) Events() <-chan *Event { return s.events }

// Dropped returns how many events the queue had no room for: the newest are dropped, those queued stay.
func (s *Subscription) Dropped() uint64 { return s.dropped.Load() }

// Close ends the subscription; events queued can still be read. It may be called twice.
func (s *Subscription) Close() {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	if _, open := s.journal.heard[s]; open {
		delete(s.journal.heard, s)
		close(s.events)
	}
}

// offer queues e or counts it as dropped; the journal's lock is held.
func (s *Subscription) offer(e *Event) {
	select {
	case s.events <- e:
	default:
		s.dropped.Add(1)
	}
}
