package journal

import (
	"context"
	"fmt"
	"time"
)

// cleanEvery is how often old rows are deleted.
const cleanEvery = 10 * time.Minute

// retain deletes what is older than Keep, and the oldest days while the file is larger than Max.
func (s *session) retain(ctx context.Context) error {
	now := s.h.clock()
	if now.Sub(s.cleaned) < cleanEvery {
		return nil
	}
	s.cleaned = now
	if err := s.deleteBefore(ctx, now.Add(-s.h.settings.Keep)); err != nil {
		return err
	}
	for range 40 {
		size, err := s.size(ctx)
		if err != nil || size <= s.h.settings.Max {
			return err
		}
		oldest, err := s.oldest(ctx)
		if err != nil {
			return err
		}
		if oldest.IsZero() {
			return nil
		}
		// a sixteenth of what is there: few rounds, and little more than needed is lost
		if err := s.deleteBefore(ctx, oldest.Add(max(now.Sub(oldest)/16, time.Hour))); err != nil {
			return err
		}
	}
	return nil
}

// deleteBefore deletes events and whole hours before t and gives the pages back.
func (s *session) deleteBefore(ctx context.Context, t time.Time) error {
	for _, q := range []struct {
		text string
		arg  int64
	}{
		{"DELETE FROM event WHERE id < ?", t.UnixMicro()},
		{"DELETE FROM chunk WHERE hour < ?", t.Unix() / 3600},
	} {
		if _, err := s.write.ExecContext(ctx, q.text, q.arg); err != nil {
			return fmt.Errorf("history: retention: %w", err)
		}
	}
	if _, err := s.write.ExecContext(ctx, "PRAGMA incremental_vacuum"); err != nil {
		return fmt.Errorf("history: retention: %w", err)
	}
	return nil
}

// size is the bytes in use, without free pages.
func (s *session) size(ctx context.Context) (int64, error) {
	var pages, free, page int64
	err := s.write.QueryRowContext(ctx, "SELECT (SELECT page_count FROM pragma_page_count), (SELECT freelist_count FROM pragma_freelist_count), (SELECT page_size FROM pragma_page_size)").Scan(&pages, &free, &page)
	if err != nil {
		return 0, fmt.Errorf("history: size: %w", err)
	}
	return (pages - free) * page, nil
}

// oldest is the time of the oldest row, zero where there is none.
func (s *session) oldest(ctx context.Context) (time.Time, error) {
	var event, hour int64
	err := s.write.QueryRowContext(ctx, "SELECT coalesce((SELECT min(id) FROM event), 0), coalesce((SELECT min(hour) FROM chunk), 0)").Scan(&event, &hour)
	if err != nil {
		return time.Time{}, fmt.Errorf("history: oldest: %w", err)
	}
	switch {
	case event == 0 && hour == 0:
		return time.Time{}, nil
	case event == 0:
		return time.Unix(hour*3600, 0), nil
	case hour == 0:
		return time.UnixMicro(event), nil
	default:
		return time.UnixMicro(min(event, hour*3600*1e6)), nil
	}
}
