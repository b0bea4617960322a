package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"
)

// openMinute is the state key under which the minute in the making is kept.
const openMinute = "open-minute"

// maxBatch is how many events one commit takes at most.
const maxBatch = 2048

// savedMinute is the stored form of the minute in the making.
type savedMinute struct {
	Minute int64
	Cells  map[string]*cell
}

// loop writes until ctx ends, and then once more; it looks through the whole file in the background first.
func (s *session) loop(ctx context.Context) error {
	checked := make(chan error, 1)
	go func() { checked <- s.check(ctx) }()
	if err := s.commits(ctx, checked); err != nil {
		return err
	}
	for range queueSize/maxBatch + 2 {
		if err := s.flush(context.WithoutCancel(ctx)); err != nil {
			return err
		}
	}
	return nil
}

// commits writes at each tick. It returns nil when ctx ends, always after the check has ended.
func (s *session) commits(ctx context.Context, checked chan error) error {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	pending := checked
	for {
		select {
		case <-ctx.Done():
			if pending != nil {
				<-pending
			}
			return nil
		case err := <-pending:
			pending = nil
			if err != nil && ctx.Err() == nil {
				return err
			}
		case <-tick.C:
		case <-s.h.full:
		}
		// a commit under way is not broken off: what it holds would have nowhere to go
		if err := s.flush(context.WithoutCancel(ctx)); err != nil {
			if pending != nil {
				<-pending
			}
			return err
		}
	}
}

// batch is what one commit writes.
type batch struct {
	events []Event
	chunks map[chunkKey]chunk
	minute *savedMinute
	state  map[string][]byte
}

func (b batch) empty() bool {
	return len(b.events)+len(b.chunks)+len(b.state) == 0 && b.minute == nil
}

// take empties the queue and copies what changed.
func (h *History) take() batch {
	var b batch
	for len(b.events) < maxBatch {
		select {
		case e := <-h.events:
			b.events = append(b.events, *e)
			continue
		default:
		}
		break
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	b.chunks = make(map[chunkKey]chunk, len(h.fold.dirty))
	for k := range h.fold.dirty {
		c := h.fold.hours[k]
		b.chunks[k] = chunk{c.fold, append([]float64(nil), c.points...)}
	}
	clear(h.fold.dirty)
	if h.fold.touched {
		cells := make(map[string]*cell, len(h.fold.open))
		for name, c := range h.fold.open {
			copied := *c
			cells[name] = &copied
		}
		b.minute = &savedMinute{h.fold.minute, cells}
		h.fold.touched = false
	}
	b.state, h.state = h.state, map[string][]byte{}
	return b
}

// giveBack returns what a failed commit did not write, so that the next one does; events beyond the queue are dropped and counted.
func (h *History) giveBack(b batch) {
	for _, e := range b.events {
		h.Record(e)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for k := range b.chunks {
		h.fold.dirty[k] = true
	}
	h.fold.touched = h.fold.touched || b.minute != nil
	newer := h.state
	h.state = b.state
	maps.Copy(h.state, newer)
}

// flush writes everything that waits, in one transaction.
func (s *session) flush(ctx context.Context) error {
	if err := s.retain(ctx); err != nil {
		return err
	}
	b := s.h.take()
	if b.empty() {
		return nil
	}
	if err := s.commit(ctx, b); err != nil {
		s.h.giveBack(b)
		return fmt.Errorf("history: write: %w", err)
	}
	s.h.wrote.Store(s.h.clock().UnixMilli())
	return nil
}

func (s *session) commit(ctx context.Context, b batch) (err error) {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			if undo := tx.Rollback(); undo != nil && !errors.Is(undo, sql.ErrTxDone) {
				err = errors.Join(err, undo)
			}
		}
	}()
	if err := putEvents(ctx, tx, b.events); err != nil {
		return err
	}
	if err := s.putChunks(ctx, tx, b.chunks); err != nil {
		return err
	}
	if err := putState(ctx, tx, b); err != nil {
		return err
	}
	return tx.Commit()
}

func putEvents(ctx context.Context, tx *sql.Tx, events []Event) error {
	if len(events) == 0 {
		return nil
	}
	put, err := tx.PrepareContext(ctx, "INSERT OR REPLACE INTO event VALUES (?,?,?,?,?,?,?,?)")
	if err != nil {
		return err
	}
	defer put.Close()
	for _, e := range events {
		detail := ""
		if len(e.Detail) > 0 {
			text, err := json.Marshal(e.Detail)
			if err != nil {
				return err
			}
			detail = string(text)
		}
		if _, err := put.ExecContext(ctx, e.ID, e.Door, e.Kind, string(e.Severity), e.Client, e.Request, e.Summary, detail); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) putChunks(ctx context.Context, tx *sql.Tx, chunks map[chunkKey]chunk) error {
	for k, c := range chunks {
		id, known := s.ids[k.name]
		if !known {
			if err := tx.QueryRowContext(ctx, "INSERT INTO series (name, fold) VALUES (?,?) ON CONFLICT (name) DO UPDATE SET fold = excluded.fold RETURNING id", k.name, string(c.fold)).Scan(&id); err != nil {
				return err
			}
			s.ids[k.name] = id
		}
		if _, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO chunk VALUES (?,?,?)", id, k.hour, encode(c.points)); err != nil {
			return err
		}
	}
	return nil
}

func putState(ctx context.Context, tx *sql.Tx, b batch) error {
	if b.minute != nil {
		text, err := json.Marshal(b.minute)
		if err != nil {
			return err
		}
		b.state[openMinute] = text
	}
	for key, value := range b.state {
		if _, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO state VALUES (?,?)", key, value); err != nil {
			return err
		}
	}
	return nil
}

// resume takes up the open minute and the current hours of the last process.
func (s *session) resume(ctx context.Context) error {
	s.ids = map[string]int64{}
	folds := map[int64]Figure{}
	rows, err := s.write.QueryContext(ctx, "SELECT id, name, fold FROM series")
	if err != nil {
		return fmt.Errorf("series: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var f Figure
		if err := rows.Scan(&id, &f.Name, &f.Fold); err != nil {
			return fmt.Errorf("series: %w", err)
		}
		s.ids[f.Name], folds[id] = id, f
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("series: %w", err)
	}
	saved, err := s.savedMinute(ctx)
	if err != nil {
		return err
	}
	return s.resumeHours(ctx, folds, saved)
}

// savedMinute reads the minute that the last process was in, nil where there is none.
func (s *session) savedMinute(ctx context.Context) (*savedMinute, error) {
	var text []byte
	err := s.write.QueryRowContext(ctx, "SELECT value FROM state WHERE key = ?", openMinute).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	var m savedMinute
	if json.Unmarshal(text, &m) != nil {
		return nil, nil // written by another version: one minute is lost, nothing else
	}
	return &m, nil
}

// resumeHours merges the file's newest hours and its open minute under what was sampled since this process began.
func (s *session) resumeHours(ctx context.Context, folds map[int64]Figure, m *savedMinute) error {
	oldest := s.h.clock().Unix() / 3600
	if m != nil {
		oldest = min(oldest, m.Minute/60)
	}
	rows, err := s.write.QueryContext(ctx, "SELECT series, hour, points FROM chunk WHERE hour >= ?", oldest)
	if err != nil {
		return fmt.Errorf("figures: %w", err)
	}
	defer rows.Close()
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	for rows.Next() {
		var id, hour int64
		var points []byte
		if err := rows.Scan(&id, &hour, &points); err != nil {
			return fmt.Errorf("figures: %w", err)
		}
		s.h.fold.underlay(chunkKey{folds[id].Name, hour}, folds[id].Fold, decode(points))
	}
	if m != nil {
		s.h.fold.resume(*m)
	}
	return rows.Err()
}
