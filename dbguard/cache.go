package dbguard

import (
	"encoding/binary"
	"hash/maphash"
	"sync"

	"sallyport/dbguard/screen"
)

// A verdict cache has 64 shards of 256 verdicts.
const (
	cacheShards   = 64
	shardVerdicts = 256
)

// A structure is known, and passes without the cross-door rules, once its sightings have clearedEnough points: those that the rules found
// nothing in, each from another request, in full, those that grew out of a known statement in part. One with nothing in flight is enough.
const (
	clearedEnough = 8
	clearedFull   = clearedEnough / 2
	clearedGrown  = 1
)

// cacheKey is a keyed 128-bit hash of a text or a structure; nobody outside can make two of them share it.
type cacheKey struct{ high, low uint64 }

// verdicts is a bounded cache of what screening said, by text (then a text seen before costs one hash) or by structure. It
// keeps no text.
type verdicts struct{ shards [cacheShards]cacheShard }

// textSeeds make the keys of texts.
type textSeeds struct{ high, low maphash.Seed }

func newTextSeeds() textSeeds { return textSeeds{maphash.MakeSeed(), maphash.MakeSeed()} }

// key is the text's; the same text reads differently where backslashes quote.
func (t textSeeds) key(q *Query) cacheKey {
	k := cacheKey{maphash.String(t.high, q.SQL), maphash.String(t.low, q.SQL)}
	if q.BackslashQuotes {
		k.high = ^k.high
	}
	return k
}

// structureKey is the key of an exact structure.
func structureKey(f screen.Fingerprint) cacheKey {
	return cacheKey{binary.LittleEndian.Uint64(f[:8]), binary.LittleEndian.Uint64(f[8:])}
}

type cacheShard struct {
	mu    sync.Mutex // guards the fields below
	index map[cacheKey]int
	slots []cacheSlot
	hand  int // next slot to be looked at for eviction
}

type cacheSlot struct {
	key     cacheKey
	verdict *Verdict
	cleared int8   // points of the sightings in which the cross-door rules found nothing
	used    bool   // since the hand passed
	origin  uint64 // of the last sighting that counted
}

func (c *verdicts) shard(k cacheKey) *cacheShard { return &c.shards[k.low%cacheShards] }

// find returns the verdict of k, nil where it is not known, and the points of its sightings.
func (c *verdicts) find(k cacheKey) (v *Verdict, cleared int8) {
	s := c.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	i, known := s.index[k]
	if !known {
		return nil, 0
	}
	slot := &s.slots[i]
	slot.used = true
	return slot.verdict, slot.cleared
}

// keep remembers v, and so many points more.
func (c *verdicts) keep(k cacheKey, v *Verdict, cleared int8) { c.sight(k, v, cleared, 0) }

// sight is keep for a sighting of which only one counts for each origin, 0 apart.
func (c *verdicts) sight(k cacheKey, v *Verdict, cleared int8, origin uint64) {
	s := c.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	i, known := s.index[k]
	if !known {
		i = s.place(k)
		s.slots[i] = cacheSlot{key: k, verdict: v}
	}
	slot := &s.slots[i]
	if slot.cleared < clearedEnough && (origin == 0 || slot.origin != origin) {
		slot.cleared += cleared
		slot.origin = origin
	}
}

// place gives k a slot: a new one until the shard is full, else the first that was not used since the hand passed it.
func (s *cacheShard) place(k cacheKey) int {
	if s.index == nil {
		s.index = make(map[cacheKey]int)
	}
	i := len(s.slots)
	if i < shardVerdicts {
		s.slots = append(s.slots, cacheSlot{})
	} else {
		for ; s.slots[s.hand].used; s.hand = (s.hand + 1) % shardVerdicts {
			s.slots[s.hand].used = false
		}
		i = s.hand
		s.hand = (s.hand + 1) % shardVerdicts
		delete(s.index, s.slots[i].key)
	}
	s.index[k] = i
	return i
}
