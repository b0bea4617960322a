package middleware

import (
	"context"
	"hash/maphash"
	"sync"
	"time"

	limiter "github.com/ulule/limiter/v3"
)

// Budgets is a limiter.Store in memory: a generic cell rate algorithm (GCRA), which keeps one instant per key instead of
// a window. A fresh key may spend its whole limit at once; after that the budget returns evenly, one request every
// Period/Limit, so that no window has an edge to burst over. The library's own memory store counts fixed windows and
// forgets nothing until it sweeps.
//
// It holds at most 2^21 keys in 32 MB. Past that a new key takes the place of the one in its group that has spent least,
// so a flood of new clients cannot make a busy client's record vanish. Any goroutine may call it; it never blocks long
// and returns no errors.
type Budgets struct {
	now    func() time.Time
	origin time.Time
	seed   maphash.Seed
	shards [shardCount]shard
}

var _ limiter.Store = (*Budgets)(nil)

const (
	shardCount    = 64
	groupSize     = 8
	firstSlots    = 8 * groupSize
	maxShardSlots = 1 << 21 / shardCount
)

// shard is one part of the keys under one lock.
type shard struct {
	mu    sync.Mutex // guards slots
	slots []slot     // groups of groupSize, their number a power of two
	_     [64 - 8 - 24]byte
}

// slot is one key: its hash, and when its budget will be whole again, in nanoseconds since Budgets.origin. A slot whose
// instant has passed is as good as empty.
type slot struct {
	hash  uint64
	whole int64
}

// NewBudgets returns an empty store.
func NewBudgets(now func() time.Time) *Budgets {
	return &Budgets{now: now, origin: now(), seed: maphash.MakeSeed()}
}

// Get takes one request from key's budget at rate. In its answer Reset is the second at which the budget is whole again
// or, where the limit is reached, at which the next request will be admitted.
func (b *Budgets) Get(_ context.Context, key string, rate limiter.Rate) (limiter.Context, error) {
	return b.take(key, 1, rate), nil
}

// Increment takes count requests from key's budget at once, or none where it does not hold that many.
func (b *Budgets) Increment(_ context.Context, key string, count int64, rate limiter.Rate) (limiter.Context, error) {
	return b.take(key, count, rate), nil
}

// Peek tells key's budget and takes nothing.
func (b *Budgets) Peek(_ context.Context, key string, rate limiter.Rate) (limiter.Context, error) {
	return b.take(key, 0, rate), nil
}

// Reset makes key's budget whole.
func (b *Budgets) Reset(_ context.Context, key string, rate limiter.Rate) (limiter.Context, error) {
	hash := b.hash(key, rate)
	s := &b.shards[hash%shardCount]
	s.mu.Lock()
	if slot := s.find(hash); slot != nil {
		slot.hash, slot.whole = 0, 0
	}
	s.mu.Unlock()
	return b.take(key, 0, rate), nil
}

// hash names key's budget at rate; each policy's Formatted keeps its budgets apart.
func (b *Budgets) hash(key string, rate limiter.Rate) uint64 {
	h := maphash.String(b.seed, key)
	if rate.Formatted != "" {
		h ^= maphash.String(b.seed, rate.Formatted) * 0x9e3779b97f4a7c15
	}
	return h | 1<<63
}

func (b *Budgets) take(key string, n int64, rate limiter.Rate) limiter.Context {
	now := b.now()
	elapsed := int64(now.Sub(b.origin))
	hash := b.hash(key, rate)
	cost := costOf(rate)
	s := &b.shards[hash%shardCount]
	s.mu.Lock()
	whole := elapsed
	slot := s.find(hash)
	if slot != nil {
		whole = max(slot.whole, elapsed)
	}
	next := whole + n*cost
	reached := next-elapsed > rate.Limit*cost
	if !reached && n > 0 {
		s.put(slot, hash, next, elapsed)
	}
	s.mu.Unlock()
	return verdict(rate, now, elapsed, next, reached)
}

// costOf is the time that one request takes to come back.
func costOf(rate limiter.Rate) int64 { return max(int64(rate.Period)/max(rate.Limit, 1), 1) }

// verdict puts the arithmetic into the library's terms: whole seconds, rounded so that waiting for Reset is enough.
func verdict(rate limiter.Rate, now time.Time, elapsed, next int64, reached bool) limiter.Context {
	cost := costOf(rate)
	answer := limiter.Context{Limit: rate.Limit, Reached: reached}
	until := next
	if reached {
		until = next - rate.Limit*cost
	} else {
		answer.Remaining = rate.Limit - (next-elapsed+cost-1)/cost
	}
	at := now.Add(time.Duration(until - elapsed))
	answer.Reset = at.Unix()
	if at.Nanosecond() > 0 {
		answer.Reset++
	}
	return answer
}

// find returns hash's slot, nil where it has none.
func (s *shard) find(hash uint64) *slot {
	g := s.group(hash)
	for i := range g {
		if g[i].hash == hash {
			return &g[i]
		}
	}
	return nil
}

// group returns the slots that hash may stand in.
func (s *shard) group(hash uint64) []slot {
	if len(s.slots) == 0 {
		return nil
	}
	at := (hash / shardCount * groupSize) & uint64(len(s.slots)-1)
	return s.slots[at : at+groupSize : at+groupSize]
}

// put writes whole into at, or where that is nil into a slot that is free, was made by growing, or held the key that has
// spent least.
func (s *shard) put(at *slot, hash uint64, whole, now int64) {
	for at == nil {
		g := s.group(hash)
		for i := range g {
			if at == nil || g[i].whole < at.whole {
				at = &g[i]
			}
		}
		if at == nil || at.whole > now && len(s.slots) < maxShardSlots {
			at = nil
			s.grow(now)
		}
	}
	*at = slot{hash: hash, whole: whole}
}

// grow doubles the shard and drops what is whole again.
func (s *shard) grow(now int64) {
	old := s.slots
	s.slots = make([]slot, max(2*len(old), firstSlots))
	for _, was := range old {
		if was.whole > now {
			s.place(was)
		}
	}
}

// place puts a slot of the smaller table into its group of the larger, where there is always room: a group splits in two.
func (s *shard) place(was slot) {
	g := s.group(was.hash)
	for i := range g {
		if g[i].hash == 0 {
			g[i] = was
			return
		}
	}
}
