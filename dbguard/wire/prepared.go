package wire

import (
	"container/list"
	"strconv"
	"sync"
	"sync/atomic"

	"sallyport/dbguard"
)

// Limits of prepared statements.
const (
	maxOnServer     = 200      // that live on one server connection
	maxPerClient    = 10_000   // that one client may hold
	maxPreparedText = 64 << 20 // bytes of their texts that one client may hold
	maxUnused       = 2000     // texts kept though no client holds them
	statementPrefix = "sallyport_"
)

// text is what a Parse message prepares, its name apart; one for all clients that prepare the same.
type text struct {
	// name is the statement's name on the server.
	name string
	// tail is the Parse message's body after the name: the query and the types of its parameters.
	tail string
	// uses counts the clients that hold it; the library's mutex guards it.
	uses int
	// valid reports that a server took it once, so that the next client may be answered without one.
	valid atomic.Bool
	// generation grows when the server says that what it prepared is out of date.
	generation atomic.Uint32
}

// changed makes every server connection prepare the text anew.
func (t *text) changed() {
	t.valid.Store(false)
	t.generation.Add(1)
}

// prepared is a statement that a client prepared.
type prepared struct {
	text *text
	// name is what the client calls it.
	name string
	// verdict is what screening said when it was prepared; marks are what running it may do to the session.
	verdict *dbguard.Verdict
	marks   *marks
}

// library holds each text once, for all clients of a door.
type library struct {
	mu     sync.Mutex
	texts  map[string]*text
	unused int
	last   uint64
}

// take returns the text with that tail, and counts one more use.
func (l *library) take(tail []byte) *text {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.texts[string(tail)]
	switch {
	case t == nil:
		l.last++
		t = &text{name: statementPrefix + strconv.FormatUint(l.last, 36), tail: string(tail)}
		l.texts[t.tail] = t
	case t.uses == 0:
		l.unused--
	}
	t.uses++
	return t
}

// takeValid is take for a text that a server took before; nil for every other.
func (l *library) takeValid(tail []byte) *text {
	l.mu.Lock()
	t := l.texts[string(tail)]
	known := t != nil && t.valid.Load()
	l.mu.Unlock()
	if !known {
		return nil
	}
	return l.take(tail)
}

// hold counts one more use of t, which its taker may have dropped.
func (l *library) hold(t *text) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.texts[t.tail] == nil {
		l.texts[t.tail] = t
		l.unused++
	}
	if t.uses == 0 {
		l.unused--
	}
	t.uses++
}

// drop counts one use less.
func (l *library) drop(t *text) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.uses--; t.uses > 0 {
		return
	}
	if l.unused++; l.unused <= maxUnused {
		return
	}
	for tail, t := range l.texts {
		if t.uses == 0 {
			delete(l.texts, tail)
		}
	}
	l.unused = 0
}

// cache is which statements live on one server connection, the longest unused ones leaving first.
type cache struct {
	order *list.List
	at    map[*text]*list.Element
}

// cached is one entry: the text and the generation that was prepared.
type cached struct {
	text       *text
	generation uint32
}

func newCache() *cache { return &cache{order: list.New(), at: map[*text]*list.Element{}} }

// has reports that t lives on the server, up to date, and moves it to the front.
func (c *cache) has(t *text) bool {
	e, ok := c.at[t]
	if !ok || e.Value.(cached).generation != t.generation.Load() {
		return false
	}
	c.order.MoveToFront(e)
	return true
}

// knows reports that a statement by t's name lives on the server, up to date or not.
func (c *cache) knows(t *text) bool { return c.at[t] != nil }

func (c *cache) put(t *text) { c.restore(cached{text: t, generation: t.generation.Load()}) }

func (c *cache) restore(e cached) {
	c.remove(e.text)
	c.at[e.text] = c.order.PushFront(e)
}

// join takes over what older knows and c does not.
func (c *cache) join(older *cache) {
	for e := older.order.Front(); e != nil; e = e.Next() {
		if entry := e.Value.(cached); c.at[entry.text] == nil {
			c.at[entry.text] = c.order.PushBack(entry)
		}
	}
}

// remove forgets t and returns what was known.
func (c *cache) remove(t *text) (cached, bool) {
	e, ok := c.at[t]
	if !ok {
		return cached{}, false
	}
	delete(c.at, t)
	return c.order.Remove(e).(cached), true
}

// oldest is the entry to evict; ok is false while there is room.
func (c *cache) oldest() (t *text, ok bool) {
	if c.order.Len() < maxOnServer {
		return nil, false
	}
	return c.order.Back().Value.(cached).text, true
}
