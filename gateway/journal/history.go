package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// ErrNotOpen is wrapped where the history is asked before its file is open, or while another gateway holds it.
var ErrNotOpen = errors.New("history is not open")

// flushEvery is how often the writer commits: a killed process loses at most this much.
const flushEvery = 500 * time.Millisecond

// queueSize is how many events wait for the writer at most; further ones are dropped and counted.
const queueSize = 4096

// HistoryOptions are what a History is given besides its settings.
type HistoryOptions struct {
	// Log gets what goes wrong with the file; nil discards.
	Log *slog.Logger
	// Clock is the time of samples and retention; nil is time.Now.
	Clock func() time.Time
	// Report hears of the file itself: moved aside, held by another gateway, unwritable. It must not block; nil drops them.
	Report func(Event)
}

// History is the SQLite file of events and one-minute figures. One goroutine, Run, writes it; whoever records never waits.
type History struct {
	settings Settings
	log      *slog.Logger
	clock    func() time.Time
	report   func(Event)

	events  chan *Event   // bounded; the newest are dropped where it is full
	full    chan struct{} // of one: the queue is more than half full
	dropped atomic.Uint64
	wrote   atomic.Int64 // unix milliseconds of the last commit
	held    atomic.Bool  // another gateway has the file
	ready   chan struct{}
	once    sync.Once

	mu    sync.Mutex // guards what follows
	fold  folder
	state map[string][]byte // to be written
	read  *sql.DB           // nil until open
	fault string            // why the file is not open, "" where it is
}

// NewHistory returns the history of s; nothing is opened before Run. An empty s.Path keeps nothing.
func NewHistory(s Settings, o HistoryOptions) *History {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Report == nil {
		o.Report = func(Event) {}
	}
	return &History{
		settings: s, log: o.Log, clock: o.Clock, report: o.Report,
		events: make(chan *Event, queueSize), full: make(chan struct{}, 1), ready: make(chan struct{}),
		fold: newFolder(), state: map[string][]byte{},
	}
}

// Record queues e for the file. It never blocks and reports whether there was room.
func (h *History) Record(e Event) bool { return h.record(&e) }

// record queues e, which nobody changes any more.
func (h *History) record(e *Event) bool {
	if h.settings.Path == "" {
		return false
	}
	select {
	case h.events <- e:
		if len(h.events) > queueSize/2 {
			h.nudge()
		}
		return true
	default:
		h.dropped.Add(1)
		return false
	}
}

// nudge makes the writer commit now rather than at its next tick.
func (h *History) nudge() {
	select {
	case h.full <- struct{}{}:
	default:
	}
}

// Sample adds figures of the moment to the minute of at. It never blocks on the file.
func (h *History) Sample(at time.Time, figures []Figure) {
	if h.settings.Path == "" {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fold.add(at, figures)
}

// Keep writes value under key with the next commit, for State after a restart.
func (h *History) Keep(key string, value []byte) {
	if h.settings.Path == "" {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.state[key] = value
}

// Ready is closed once the file is open and its last state can be read.
func (h *History) Ready() <-chan struct{} { return h.ready }

// Run opens the file, writes until ctx ends, then writes what is queued and closes it. A file that cannot be had is reported
// and tried again; Run returns nil then too, since the gateway serves on without a history.
func (h *History) Run(ctx context.Context) error {
	if h.settings.Path == "" {
		<-ctx.Done()
		return nil
	}
	for ctx.Err() == nil {
		again, err := h.session(ctx)
		if err == nil {
			return nil
		}
		h.complain(err)
		select {
		case <-ctx.Done():
		case <-time.After(again):
		}
	}
	return nil
}

// session is one life of the open file, with its lock: it ends with ctx (nil) or with an error and how long to wait then.
func (h *History) session(ctx context.Context) (time.Duration, error) {
	if err := os.MkdirAll(filepath.Dir(h.settings.Path), 0o750); err != nil {
		return 10 * time.Second, fmt.Errorf("history: %w", err)
	}
	unlock, err := lock(h.settings.Path + ".lock")
	if err != nil {
		h.held.Store(errors.Is(err, errHeld))
		return time.Second, err
	}
	defer unlock()
	h.held.Store(false)
	s, err := h.open(ctx)
	if err != nil {
		return 10 * time.Second, err
	}
	err = s.loop(ctx)
	h.closed(err)
	s.close()
	if isCorrupt(err) {
		return 0, errors.Join(err, h.aside("a write found it damaged"))
	}
	return 10 * time.Second, err
}

// complain reports err once as long as it stays the same.
func (h *History) complain(err error) {
	h.mu.Lock()
	same := h.fault == err.Error()
	h.fault = err.Error()
	h.mu.Unlock()
	if same {
		return
	}
	h.log.Warn("history not available", "path", h.settings.Path, "error", err)
	h.report(Event{At: h.clock(), Door: "process", Kind: "history-unavailable", Severity: Warning, Summary: "The history file is not available: " + err.Error()})
}

// closed takes the file away from readers.
func (h *History) closed(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.read = nil
	h.fault = "closed"
	if err != nil {
		h.fault = err.Error()
	}
}

// aside renames the damaged file and its companions and reports where to.
func (h *History) aside(why string) error {
	to := fmt.Sprintf("%s.damaged-%s", h.settings.Path, h.clock().UTC().Format("20060102T150405"))
	if err := os.Rename(h.settings.Path, to); err != nil {
		return fmt.Errorf("move history aside: %w", err)
	}
	for _, tail := range []string{"-wal", "-shm"} {
		if err := os.Rename(h.settings.Path+tail, to+tail); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("move history aside: %w", err)
		}
	}
	h.log.Warn("history moved aside", "path", h.settings.Path, "to", to, "reason", why)
	h.report(Event{
		At: h.clock(), Door: "process", Kind: "history-damaged", Severity: Warning,
		Summary: "The history file was damaged and moved aside to " + to + "; a new one was begun.", Detail: map[string]string{"reason": why, "kept": to},
	})
	return nil
}

// Status is how the history file is doing.
type Status struct {
	// Path is "" where no history is kept.
	Path string `json:"path"`
	Open bool   `json:"open"`
	// Held reports that another gateway has the file.
	Held bool `json:"held"`
	// Dropped counts events for which the queue had no room.
	Dropped uint64 `json:"dropped"`
	// Bytes is the file's size, 0 where it is not there.
	Bytes int64 `json:"bytes"`
	// LastWrite is zero before the first commit.
	LastWrite time.Time `json:"lastWrite"`
	// Fault says why the file is not open, "" where it is.
	Fault string `json:"fault,omitempty"`
}

// Status returns how the file is doing.
func (h *History) Status() Status {
	h.mu.Lock()
	s := Status{Path: h.settings.Path, Open: h.read != nil, Fault: h.fault}
	h.mu.Unlock()
	s.Held, s.Dropped = h.held.Load(), h.dropped.Load()
	if ms := h.wrote.Load(); ms > 0 {
		s.LastWrite = time.UnixMilli(ms).UTC()
	}
	if info, err := os.Stat(h.settings.Path); err == nil {
		s.Bytes = info.Size()
	}
	return s
}
