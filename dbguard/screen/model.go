package screen

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
)

const (
	modelShards = 16
	// maxStructure is the longest skeleton that a model keeps, in bytes; longer statements are never known.
	maxStructure = 16 << 10
	// maxBody is the longest code or option text that a kept skeleton holds, in bytes.
	maxBody = 64
)

// Model holds the structures that an app is known to send. It is bounded: what was not seen for long gives way. Several goroutines
// may call its methods.
type Model struct {
	key    Key
	shards [modelShards]modelShard
	growth growthIndex
	news   news
	known  atomic.Int64
}

// modelShard is the part of a model whose fingerprints begin alike.
type modelShard struct {
	mu      sync.RWMutex // guards what follows
	entries map[Fingerprint]*template
	loose   map[Fingerprint]int // known templates by loose fingerprint
	ring    []*template         // all entries; hand walks it to find one not used since it came by
	hand    int
	max     int
}

// template is one structure of a model.
type template struct {
	exact, loose Fingerprint
	structure    []byte // never changed
	origin       string // who showed it first
	known        bool   // guarded by the shard's mu
	used         atomic.Bool
	gone         bool // evicted; guarded by the growth index's mu
}

// NewModel returns an empty model of at most max structures, 4096 where max is 0. key must be that of the fingerprints it is asked for.
func NewModel(key Key, max int) *Model {
	if max <= 0 {
		max = 4096
	}
	m := &Model{key: key}
	m.growth.index = map[uint64][]slot{}
	m.growth.seed = maphash.MakeSeed()
	for i := range m.shards {
		m.shards[i].entries = map[Fingerprint]*template{}
		m.shards[i].loose = map[Fingerprint]int{}
		m.shards[i].max = (max + modelShards - 1) / modelShards
	}
	return m
}

// Len returns the number of known structures.
func (m *Model) Len() int { return int(m.known.Load()) }

func (m *Model) shard(f Fingerprint) *modelShard { return &m.shards[f[0]%modelShards] }

// Known reports whether the exact structure with fingerprint f is known. It allocates nothing.
func (m *Model) Known(f Fingerprint) bool {
	sh := m.shard(f)
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	e := sh.entries[f]
	if e == nil || !e.known {
		return false
	}
	if !e.used.Load() {
		e.used.Store(true)
	}
	return true
}

// Knows reports whether the structure of s is known exactly, or loosely without anything to collapse in s: a list that became shorter
// than those seen, never one that grew.
func (m *Model) Knows(s *Statement) bool {
	if s.Fault != "" {
		return false
	}
	if m.Known(s.Fingerprint(m.key)) {
		return true
	}
	f, collapsed := s.Loose(m.key)
	return !collapsed && m.KnownLoosely(f)
}

// KnownLoosely reports whether a structure with the loose fingerprint f is known.
func (m *Model) KnownLoosely(f Fingerprint) bool {
	sh := m.shard(f)
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	return sh.loose[f] > 0
}

// Clean reports that a statement with these findings may be learned: no crossing, and no rule of weight 3 or more.
func Clean(found []Finding) bool {
	for i := range found {
		if found[i].Weight >= 3 || found[i].Crossing != nil {
			return false
		}
	}
	return true
}

// Learn notes the structure of s, which must be Clean, and reports whether it is known now: at once where told so, else when a second
// origin (a request's id) shows it. Faulty, empty, very long statements and code in literals are never learned.
func (m *Model) Learn(s *Statement, origin string, atOnce bool) bool {
	if !m.Learnable(s) {
		return false
	}
	structure := s.Structure()
	exact := sipHash(m.key, structure)
	sh := m.shard(exact)
	sh.mu.Lock()
	e := sh.entries[exact]
	isNew := e == nil
	var evicted *template
	if isNew {
		e = &template{exact: exact, structure: append([]byte(nil), structure...), origin: origin}
		e.loose, _ = s.Loose(m.key)
		evicted = sh.insert(e)
	}
	becomes := !e.known && (atOnce || !isNew && e.origin != origin)
	if becomes {
		e.known = true
	}
	known, dropped := e.known, evicted != nil && evicted.known
	sh.mu.Unlock()
	if dropped {
		m.forget(evicted)
	}
	if becomes {
		m.admit(e)
	}
	return known
}

// Learnable reports that s is neither faulty, empty nor very long, and holds no code in literals.
func (m *Model) Learnable(s *Statement) bool {
	structure := s.Structure()
	return s.Fault == "" && len(structure) > 0 && len(structure) <= maxStructure && !holdsCode(structure)
}

// insert adds e and returns the entry that gave way for it, nil where there was room.
func (sh *modelShard) insert(e *template) *template {
	sh.entries[e.exact] = e
	if len(sh.ring) < sh.max {
		sh.ring = append(sh.ring, e)
		return nil
	}
	for sh.ring[sh.hand].used.Swap(false) {
		sh.hand = (sh.hand + 1) % len(sh.ring)
	}
	old := sh.ring[sh.hand]
	sh.ring[sh.hand] = e
	sh.hand = (sh.hand + 1) % len(sh.ring)
	delete(sh.entries, old.exact)
	return old
}

// admit makes a template that became known findable loosely and for growth.
func (m *Model) admit(e *template) {
	m.known.Add(1)
	sh := m.shard(e.loose)
	sh.mu.Lock()
	sh.loose[e.loose]++
	sh.mu.Unlock()
	m.growth.add(e)
	m.news.add(e)
}

func (m *Model) forget(e *template) {
	m.known.Add(-1)
	sh := m.shard(e.loose)
	sh.mu.Lock()
	if sh.loose[e.loose]--; sh.loose[e.loose] <= 0 {
		delete(sh.loose, e.loose)
	}
	sh.mu.Unlock()
	m.growth.drop(e)
}

// holdsCode reports a body in the skeleton that is too long to be an option: code.
func holdsCode(structure []byte) bool {
	long := false
	walk(structure, func(from, to int) bool {
		long = long || structure[from] == elemBody && to-from > maxBody
		return !long
	})
	return long
}

// templates returns all known templates, in no order.
func (m *Model) templates() []*template {
	var all []*template
	for i := range m.shards {
		sh := &m.shards[i]
		sh.mu.RLock()
		for _, e := range sh.entries {
			if e.known {
				all = append(all, e)
			}
		}
		sh.mu.RUnlock()
	}
	return all
}
