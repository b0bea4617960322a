package dbguard

import (
	"hash/maphash"
	"sync"
)

// The verdict cache holds what screening said of whole texts, so that a text seen before costs one hash.
const (
	textShards    = 64
	textsPerShard = 256
)

// clearedEnough is how often the cross-door rules must have found nothing in a text before it passes without them: they
// know a structure after two sightings.
const clearedEnough = 2

// textKey is a keyed 128-bit hash of a text; nobody outside can make two texts share it.
type textKey struct{ high, low uint64 }

// texts is the verdict cache; it keeps no text.
type texts struct {
	high, low maphash.Seed
	shards    [textShards]textShard
}

type textShard struct {
	mu    sync.Mutex // guards the fields below
	index map[textKey]int
	slots []textSlot
	hand  int // next slot to be looked at for eviction
}

type textSlot struct {
	key     textKey
	verdict *Verdict
	cleared int8 // times that the cross-door rules found nothing
	used    bool // since the hand passed
}

func newTexts() *texts { return &texts{high: maphash.MakeSeed(), low: maphash.MakeSeed()} }

// key is the text's; the same text reads differently where backslashes quote.
func (t *texts) key(q *Query) textKey {
	k := textKey{maphash.String(t.high, q.SQL), maphash.String(t.low, q.SQL)}
	if q.BackslashQuotes {
		k.high = ^k.high
	}
	return k
}

func (t *texts) shard(k textKey) *textShard { return &t.shards[k.low%textShards] }

// find returns the verdict of k, nil where it is not known, and whether the cross-door rules cleared it often enough.
func (t *texts) find(k textKey) (v *Verdict, cleared bool) {
	s := t.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	i, known := s.index[k]
	if !known {
		return nil, false
	}
	slot := &s.slots[i]
	slot.used = true
	return slot.verdict, slot.cleared >= clearedEnough
}

// keep remembers v, or only that the cross-door rules found nothing once more where k is known already.
func (t *texts) keep(k textKey, v *Verdict, cleared bool) {
	s := t.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	i, known := s.index[k]
	if !known {
		i = s.place(k)
		s.slots[i] = textSlot{key: k, verdict: v}
	}
	if slot := &s.slots[i]; cleared && slot.cleared < clearedEnough {
		slot.cleared++
	}
}

// place gives k a slot: a new one until the shard is full, else the first that was not used since the hand passed it.
func (s *textShard) place(k textKey) int {
	if s.index == nil {
		s.index = make(map[textKey]int)
	}
	i := len(s.slots)
	if i < textsPerShard {
		s.slots = append(s.slots, textSlot{})
	} else {
		for ; s.slots[s.hand].used; s.hand = (s.hand + 1) % textsPerShard {
			s.slots[s.hand].used = false
		}
		i = s.hand
		s.hand = (s.hand + 1) % textsPerShard
		delete(s.index, s.slots[i].key)
	}
	s.index[k] = i
	return i
}
