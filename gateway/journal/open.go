package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"modernc.org/sqlite"
)

// schema of the file; user_version 1. A chunk is one series' hour: up to 60 little-endian float64, NaN where a minute has none.
const schema = `
CREATE TABLE IF NOT EXISTS event (id INTEGER PRIMARY KEY, door TEXT NOT NULL, kind TEXT NOT NULL, severity TEXT NOT NULL,
  client TEXT NOT NULL, request TEXT NOT NULL, summary TEXT NOT NULL, detail TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS series (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, fold TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS chunk (series INTEGER NOT NULL, hour INTEGER NOT NULL, points BLOB NOT NULL, PRIMARY KEY (series, hour)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
PRAGMA user_version = 1;`

// Result codes of SQLite that mean the file is not what it was: https://sqlite.org/rescode.html (the low byte is the kind).
const (
	codeCorrupt = 11
	codeNotDB   = 26
)

// isCorrupt reports an error that another try cannot mend.
func isCorrupt(err error) bool {
	var se *sqlite.Error
	return errors.Is(err, errDamaged) || errors.As(err, &se) && (se.Code()&0xff == codeCorrupt || se.Code()&0xff == codeNotDB)
}

// open opens the file for the writer and for readers, moving a damaged one aside first, and reads the last state.
func (h *History) open(ctx context.Context) (*session, error) {
	s, err := h.try(ctx)
	if isCorrupt(err) {
		if err := h.aside(err.Error()); err != nil {
			return nil, err
		}
		s, err = h.try(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("history: %s: %w", h.settings.Path, err)
	}
	return s, nil
}

// try opens the file as it is.
func (h *History) try(ctx context.Context) (*session, error) {
	write, err := connect(h.settings.Path, 1)
	if err != nil {
		return nil, err
	}
	read, err := connect(h.settings.Path, 2)
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	s := &session{h: h, write: write, read: read}
	if err := s.begin(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// connect returns a pool of at most n connections in WAL mode.
func connect(path string, n int) (*sql.DB, error) {
	q := url.Values{"_txlock": {"immediate"}, "_pragma": {
		"busy_timeout(2000)", "auto_vacuum(INCREMENTAL)", "journal_mode(WAL)", "synchronous(NORMAL)", "cache_size(-1024)",
	}}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath(), RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	db.SetConnMaxLifetime(0)
	return db, nil
}

// begin makes the tables, checks the file, and takes up the minute and hour that the last process left.
func (s *session) begin(ctx context.Context) error {
	if _, err := s.write.ExecContext(ctx, schema); err != nil {
		return fmt.Errorf("tables: %w", err)
	}
	if err := os.Chmod(s.h.settings.Path, 0o640); err != nil {
		return fmt.Errorf("mode: %w", err)
	}
	if err := s.resume(ctx); err != nil {
		return err
	}
	s.h.mu.Lock()
	s.h.read, s.h.fault = s.read, ""
	s.h.mu.Unlock()
	s.h.once.Do(func() { close(s.h.ready) })
	return nil
}

// check looks through the whole file; it returns an error that isCorrupt knows where something is wrong.
func (s *session) check(ctx context.Context) error {
	var word string
	if err := s.read.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&word); err != nil {
		return fmt.Errorf("check: %w", err)
	}
	if word != "ok" {
		return fmt.Errorf("%w: %s", errDamaged, word)
	}
	return nil
}

// errDamaged is what check finds where SQLite reads the file without an error of its own.
var errDamaged = errors.New("history is damaged")

// session is the open file with its lock held.
type session struct {
	h           *History
	write, read *sql.DB
	ids         map[string]int64 // series by name
	cleaned     time.Time
}

func (s *session) close() {
	if err := errors.Join(s.read.Close(), s.write.Close()); err != nil {
		s.h.log.Warn("history close", "error", err)
	}
}
