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
// It holds at most 2^21 keys in 24 MB. Past that a new key takes the place of the one in its group that has spent least,
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
	shardCount = 64
	groupSize  = 8
	// firstGroups is how many groups a shard has from its first key on. A tag does not hold what tells them apart.
	firstGroups = 64
	maxGroups   = 1 << 21 / shardCount / groupSize
)

// shard is one part of the keys under one lock.
type shard struct {
	mu     sync.Mutex // guards groups
	groups []group    // their number is a power of two
	_      [64 - 8 - 24]byte
}

// group is a few keys: their tags, 0 for none, and when the budget of each will be whole again, in nanoseconds since
// Budgets.origin. A key whose instant has passed is as good as none. Tags of half a hash make it 12 bytes a key.
type group struct {
	tags  [groupSize]uint32
	whole [groupSize]int64
}

// spot is where a key belongs, and its tag there: 43 bits of its hash in all. Of a million clients two share a budget once in
// some sixteen starts of the program.
type spot struct {
	shard *shard
	// first is the group among firstGroups; where there are more of them, bits of the tag go on.
	first, tag uint32
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
	at := b.spot(key, rate)
	at.shard.mu.Lock()
	if whole := at.find(); whole != nil {
		*whole = 0
	}
	at.shard.mu.Unlock()
	return b.take(key, 0, rate), nil
}

// spot names key's budget at rate; each policy's Formatted keeps its budgets apart.
func (b *Budgets) spot(key string, rate limiter.Rate) spot {
	h := maphash.String(b.seed, key)
	if rate.Formatted != "" {
		h ^= maphash.String(b.seed, rate.Formatted) * 0x9e3779b97f4a7c15
	}
	return spot{shard: &b.shards[h%shardCount], first: uint32(h/shardCount) % firstGroups, tag: uint32(h>>32) | 1<<31}
}

func (b *Budgets) take(key string, n int64, rate limiter.Rate) limiter.Context {
	now := b.now()
	elapsed := int64(now.Sub(b.origin))
	cost := costOf(rate)
	at := b.spot(key, rate)
	at.shard.mu.Lock()
	whole := elapsed
	kept := at.find()
	if kept != nil {
		whole = max(*kept, elapsed)
	}
	next := whole + n*cost
	reached := next-elapsed > rate.Limit*cost
	switch {
	case reached || n == 0:
	case kept != nil:
		*kept = next
	default:
		at.put(next, elapsed)
	}
	at.shard.mu.Unlock()
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

// group returns the group that the key stands in or may be put into, nil where its shard has none yet.
func (p spot) group() *group {
	all := p.shard.groups
	if len(all) == 0 {
		return nil
	}
	return &all[(p.first+p.tag*firstGroups)&uint32(len(all)-1)]
}

// find returns when the key's budget is whole again, nil where the key is not kept.
func (p spot) find() *int64 {
	g := p.group()
	if g == nil {
		return nil
	}
	for i := range g.tags {
		if g.tags[i] == p.tag {
			return &g.whole[i]
		}
	}
	return nil
}

// put keeps the key in a place that is free, was made by growing, or held the key that has spent least.
func (p spot) put(whole, now int64) {
	for {
		if g := p.group(); g != nil {
			i := g.leastSpent()
			if g.whole[i] <= now || len(p.shard.groups) >= maxGroups {
				g.tags[i], g.whole[i] = p.tag, whole
				return
			}
		}
		p.shard.grow(now)
	}
}

// leastSpent returns the place of the key whose budget is whole first.
func (g *group) leastSpent() int {
	least := 0
	for i := range g.whole {
		if g.whole[i] < g.whole[least] {
			least = i
		}
	}
	return least
}

// grow doubles the shard and drops what is whole again.
func (s *shard) grow(now int64) {
	old := s.groups
	s.groups = make([]group, max(2*len(old), firstGroups))
	for i := range old {
		for j, whole := range old[i].whole {
			if whole > now {
				spot{shard: s, first: uint32(i) % firstGroups, tag: old[i].tags[j]}.place(whole)
			}
		}
	}
}

// place keeps a key of the smaller table in its group of the larger, where there is always room: a group splits in two.
func (p spot) place(whole int64) {
	g := p.group()
	for i := range g.tags {
		if g.tags[i] == 0 {
			g.tags[i], g.whole[i] = p.tag, whole
			return
		}
	}
}
