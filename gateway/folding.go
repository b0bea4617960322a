package gateway

import (
	"maps"
	"strconv"
	"sync"
	"time"

	"sallyport/gateway/journal"
)

// foldFor is how long events of one key are counted before the next one is written.
const foldFor = time.Minute

// maxFolded bounds the keys counted at once; beyond it events share one key per kind.
const maxFolded = 10_000

// foldKey says which events are one: the same kind, client and subject.
type foldKey struct{ kind, client, subject string }

// folded is what came of a key since its last event was written.
type folded struct {
	wrote time.Time
	count int
	last  journal.Event
}

// folding writes at most one event per key and minute: the first at once, later ones as a count. Any goroutine may call it.
type folding struct {
	add func(journal.Event)

	mu   sync.Mutex // guards open
	open map[foldKey]*folded
}

func newFolding(add func(journal.Event)) *folding {
	return &folding{add: add, open: map[foldKey]*folded{}}
}

// note writes e, or counts it where one of its key was written within the last minute.
func (f *folding) note(e journal.Event, subject string) {
	key := foldKey{e.Kind, e.Client, subject}
	f.mu.Lock()
	if _, known := f.open[key]; !known && len(f.open) >= maxFolded {
		key = foldKey{kind: e.Kind}
		e.Client = "others"
	}
	now := f.open[key]
	if now != nil {
		now.count++
		now.last = e
		f.mu.Unlock()
		return
	}
	f.open[key] = &folded{wrote: e.At}
	f.mu.Unlock()
	f.add(e)
}

// sweep writes what was counted of keys whose minute is over, and forgets keys of which nothing came.
func (f *folding) sweep(now time.Time) {
	var due []journal.Event
	f.mu.Lock()
	for key, o := range f.open {
		if now.Sub(o.wrote) < foldFor {
			continue
		}
		if o.count == 0 {
			delete(f.open, key)
			continue
		}
		due = append(due, o.event(now))
		o.wrote, o.count = now, 0
	}
	f.mu.Unlock()
	for _, e := range due {
		f.add(e)
	}
}

// flush writes whatever was counted, at the end.
func (f *folding) flush(now time.Time) {
	f.sweep(now.Add(foldFor))
}

// event is the last of the folded events with their number.
func (o *folded) event(now time.Time) journal.Event {
	e := o.last
	e.At = now
	e.Detail = maps.Clone(e.Detail)
	if e.Detail == nil {
		e.Detail = map[string]string{}
	}
	e.Detail["count"] = strconv.Itoa(o.count)
	if o.count > 1 {
		e.Summary = strconv.Itoa(o.count) + " times within a minute: " + e.Summary
	}
	return e
}
