package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"
)

// EventQuery chooses events of the history.
type EventQuery struct {
	// From is inclusive, To exclusive; zero means open.
	From, To time.Time
	// After chooses events with a greater ID; zero means all.
	After int64
	// Door and Kind choose by name, "" any.
	Door, Kind string
	// Limit is how many are returned at most; zero means 1000.
	Limit int
}

// Events returns those that q chooses, the newest first.
func (h *History) Events(ctx context.Context, q EventQuery) ([]Event, error) {
	db, err := h.reader()
	if err != nil {
		return nil, err
	}
	from, to := q.After+1, int64(math.MaxInt64)
	if !q.From.IsZero() {
		from = max(from, q.From.UnixMicro())
	}
	if !q.To.IsZero() {
		to = q.To.UnixMicro()
	}
	if q.Limit <= 0 {
		q.Limit = 1000
	}
	rows, err := db.QueryContext(ctx, `SELECT id, door, kind, severity, client, request, summary, detail FROM event
		WHERE id >= ? AND id < ? AND (? = '' OR door = ?) AND (? = '' OR kind = ?) ORDER BY id DESC LIMIT ?`, from, to, q.Door, q.Door, q.Kind, q.Kind, q.Limit)
	if err != nil {
		return nil, fmt.Errorf("history: events: %w", err)
	}
	defer rows.Close()
	events := []Event{}
	for rows.Next() {
		e, err := scanEvent(rows)
		if err != nil {
			return nil, fmt.Errorf("history: events: %w", err)
		}
		events = append(events, e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("history: events: %w", err)
	}
	return events, nil
}

func scanEvent(rows *sql.Rows) (Event, error) {
	var e Event
	var detail string
	if err := rows.Scan(&e.ID, &e.Door, &e.Kind, &e.Severity, &e.Client, &e.Request, &e.Summary, &detail); err != nil {
		return e, err
	}
	e.At = time.UnixMicro(e.ID).UTC()
	if detail == "" {
		return e, nil
	}
	return e, json.Unmarshal([]byte(detail), &e.Detail)
}

// Count is how often one kind of event came in a range.
type Count struct {
	Door     string   `json:"door"`
	Kind     string   `json:"kind"`
	Severity Severity `json:"severity"`
	Events   int64    `json:"events"`
	First    int64    `json:"first"` // microseconds since 1970
	Last     int64    `json:"last"`
}

// Counts returns what came between from and to by kind, the most frequent first.
func (h *History) Counts(ctx context.Context, from, to time.Time) ([]Count, error) {
	db, err := h.reader()
	if err != nil {
		return nil, err
	}
	rows, err := db.QueryContext(ctx, `SELECT door, kind, severity, count(*), min(id), max(id) FROM event WHERE id >= ? AND id < ?
		GROUP BY door, kind, severity ORDER BY count(*) DESC, kind`, from.UnixMicro(), to.UnixMicro())
	if err != nil {
		return nil, fmt.Errorf("history: counts: %w", err)
	}
	defer rows.Close()
	counts := []Count{}
	for rows.Next() {
		var c Count
		if err := rows.Scan(&c.Door, &c.Kind, &c.Severity, &c.Events, &c.First, &c.Last); err != nil {
			return nil, fmt.Errorf("history: counts: %w", err)
		}
		counts = append(counts, c)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("history: counts: %w", err)
	}
	return counts, nil
}

// State returns what the last process kept under key, nil where nothing.
func (h *History) State(ctx context.Context, key string) ([]byte, error) {
	db, err := h.reader()
	if err != nil {
		return nil, err
	}
	var value []byte
	err = db.QueryRowContext(ctx, "SELECT value FROM state WHERE key = ?", key).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("history: state: %w", err)
	}
	return value, nil
}

// reader returns the pool for readers, or an error wrapping ErrNotOpen.
func (h *History) reader() (*sql.DB, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.read == nil {
		return nil, fmt.Errorf("%w: %s", ErrNotOpen, h.fault)
	}
	return h.read, nil
}
