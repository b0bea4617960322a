// Package journal remembers what happened: the newest events in memory, all of them in a history file, and tells subscribers.
package journal

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Severity says how much an event matters.
type Severity string

// The severities, from least to most.
const (
	Info     Severity = "info"
	Warning  Severity = "warning"
	Critical Severity = "critical"
)

// Event is one thing that happened; it never holds a secret, a literal of a query or a header value.
type Event struct {
	// ID is unique in a history file and grows with time (microseconds since 1970, plus one where two fall together).
	// Zero until the journal gives it.
	ID int64     `json:"id"`
	At time.Time `json:"at"`
	// Door is "http", "database", "tunnel", "admin" or "process".
	Door string `json:"door"`
	// Kind is a short stable name: "rate-limited", "query-blocked", "breaker-open", "settings-reloaded".
	Kind     string   `json:"kind"`
	Severity Severity `json:"severity"`
	// Client is the client key, "" where none is involved.
	Client string `json:"client,omitempty"`
	// Request is the request id, "" where none is involved.
	Request string `json:"request,omitempty"`
	// Summary is one sentence a person reads.
	Summary string `json:"summary"`
	// Detail holds further facts by name, small and redacted; nil where there are none.
	Detail map[string]string `json:"detail,omitempty"`
}

// Options chooses what a Journal keeps and whom it tells.
type Options struct {
	// Size is how many events stay in memory; zero means 1000.
	Size int
	// History keeps all events; nil keeps none beyond memory.
	History *History
	// Log gets one line an event; nil discards.
	Log *slog.Logger
	// Clock stamps events that come without a time; nil is time.Now.
	Clock func() time.Time
}

// Journal is the newest events in memory, in front of the history file. It is safe for use by several goroutines and never blocks.
type Journal struct {
	log     *slog.Logger
	clock   func() time.Time
	history *History

	mu     sync.Mutex // guards what follows
	ring   []Event    // newest at next-1
	next   int
	total  uint64
	lastID int64
	kinds  map[string]uint64
	heard  map[*Subscription]struct{}
}

// New returns an empty journal.
func New(o Options) *Journal {
	if o.Size <= 0 {
		o.Size = 1000
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	return &Journal{
		log: o.Log, clock: o.Clock, history: o.History,
		ring: make([]Event, 0, o.Size), kinds: map[string]uint64{}, heard: map[*Subscription]struct{}{},
	}
}

// Add writes e down: in memory, in the log, in the history's queue and to each subscriber. It never blocks; a full queue or
// subscriber loses e and counts that.
func (j *Journal) Add(e Event) {
	if e.At.IsZero() {
		e.At = j.clock()
	}
	e.At = e.At.UTC()
	if e.Severity == "" {
		e.Severity = Info
	}
	j.mu.Lock()
	e.ID = max(e.At.UnixMicro(), j.lastID+1)
	j.lastID = e.ID
	j.keep(e)
	for s := range j.heard {
		s.offer(&e)
	}
	j.mu.Unlock()
	if j.history != nil {
		j.history.record(&e)
	}
	j.log.Log(context.Background(), e.level(), "event", "door", e.Door, "kind", e.Kind, "client", e.Client, "request", e.Request, "summary", e.Summary)
}

// keep puts e into the ring, over the oldest where it is full.
func (j *Journal) keep(e Event) {
	j.total++
	j.kinds[e.Kind]++
	if len(j.ring) < cap(j.ring) {
		j.ring = append(j.ring, e)
		return
	}
	j.ring[j.next] = e
	j.next = (j.next + 1) % len(j.ring)
}

// Newest returns at most n events, the newest first.
func (j *Journal) Newest(n int) []Event {
	j.mu.Lock()
	defer j.mu.Unlock()
	n = min(n, len(j.ring))
	out := make([]Event, 0, max(n, 0))
	for i := range max(n, 0) {
		out = append(out, j.ring[(j.next-1-i+2*len(j.ring))%len(j.ring)])
	}
	return out
}

// Kinds returns how many events of each kind came since start.
func (j *Journal) Kinds() map[string]uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := make(map[string]uint64, len(j.kinds))
	for k, n := range j.kinds {
		out[k] = n
	}
	return out
}

// History returns the history file behind the journal, nil where there is none.
func (j *Journal) History() *History { return j.history }

// level is the log level that fits e's severity.
func (e Event) level() slog.Level {
	switch e.Severity {
	case Critical:
		return slog.LevelError
	case Warning:
		return slog.LevelWarn
	default:
		return slog.LevelInfo
	}
}
