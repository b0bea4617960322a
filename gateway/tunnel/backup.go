package tunnel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"filippo.io/age"
)

// Backup keeps encrypted copies of the tunnel's secrets. Several goroutines may use it.
type Backup struct {
	set Settings
	now func() time.Time

	work sync.Mutex // one backup or restore at a time
	mu   sync.Mutex // guards last
	last BackupState
}

// BackupState is what is known of the backups; last is zero where none was made by this process.
type BackupState struct {
	Last time.Time `json:"last"`
	File string    `json:"file"`
	Kept int       `json:"kept"`
	// Error is why the newest one went wrong, "" where it went well.
	Error string `json:"error,omitempty"`
}

// NewBackup returns the backups of s, nil where none are wanted or there is nothing of ours to back up.
func NewBackup(s Settings, now func() time.Time) *Backup {
	if s.Backup.Dir == "" || !s.managed() {
		return nil
	}
	return &Backup{set: s, now: now}
}

// Make writes one backup, reads it back, decrypts the stored bytes and compares them, and only then gives it its name.
// The operator's key is not needed for that: each backup is also encrypted to a key that is forgotten at once.
func (b *Backup) Make() (BackupState, error) {
	b.work.Lock()
	defer b.work.Unlock()
	file, err := b.write()
	state := BackupState{Last: b.now().UTC(), File: file}
	if err != nil {
		state.Error = err.Error()
		err = fmt.Errorf("backup: %w", err)
	}
	names, _ := b.List() // a folder that cannot be read was the error above
	state.Kept = len(names)
	b.mu.Lock()
	b.last = state
	b.mu.Unlock()
	return state, err
}

func (b *Backup) state() BackupState {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last
}

// write makes, verifies and names a backup, and removes those that are too many.
func (b *Backup) write() (string, error) {
	plain, err := pack(b.set, b.now().UTC())
	if err != nil {
		return "", err
	}
	operator, err := age.ParseX25519Recipient(b.set.Backup.Recipient)
	if err != nil {
		return "", errors.New("the recipient is not an age recipient")
	}
	witness, err := age.GenerateX25519Identity()
	if err != nil {
		return "", err
	}
	sealed, err := seal(plain, operator, witness.Recipient())
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(b.set.Backup.Dir, 0o700); err != nil {
		return "", err
	}
	name := filepath.Join(b.set.Backup.Dir, "tunnel-"+b.now().UTC().Format("20060102T150405.000Z")+backupExt)
	err = writeChecked(name, sealed, func(stored []byte) error {
		opened, err := open(stored, witness)
		if err == nil && !bytes.Equal(opened, plain) {
			err = errors.New("what was stored is not what was meant")
		}
		return err
	})
	if err != nil {
		return "", err
	}
	return name, b.prune()
}

const backupExt = ".age"

// List returns the backups, oldest first.
func (b *Backup) List() ([]string, error) {
	names, err := filepath.Glob(filepath.Join(b.set.Backup.Dir, "tunnel-*Z"+backupExt))
	slices.Sort(names)
	return names, err
}

// prune removes the oldest backups beyond those that are kept.
func (b *Backup) prune() error {
	names, err := b.List()
	for _, name := range names[:max(0, len(names)-b.set.Backup.Keep)] {
		err = errors.Join(err, os.Remove(name))
	}
	return err
}

// run makes a backup whenever the newest is older than the interval, and tells what came of each.
func (b *Backup) run(ctx context.Context, told func(error)) {
	if b.set.Backup.Every == 0 {
		return
	}
	t := time.NewTimer(b.untilNext())
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		_, err := b.Make()
		told(err)
		t.Reset(b.untilNext())
		if err != nil {
			t.Reset(min(b.set.Backup.Every, 10*time.Minute))
		}
	}
}

// untilNext is how long the newest backup is fresh enough.
func (b *Backup) untilNext() time.Duration {
	names, err := b.List()
	if err != nil || len(names) == 0 {
		return 0
	}
	info, err := os.Stat(names[len(names)-1])
	if err != nil {
		return 0
	}
	return max(0, info.ModTime().Add(b.set.Backup.Every).Sub(b.now()))
}

// seal encrypts plain to all recipients.
func seal(plain []byte, to ...age.Recipient) ([]byte, error) {
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to...)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(plain); err != nil {
		return nil, err
	}
	err = w.Close() // it writes the last part
	return out.Bytes(), err
}

// open decrypts sealed. Whatever was changed or cut off makes it fail.
func open(sealed []byte, with age.Identity) ([]byte, error) {
	r, err := age.Decrypt(bytes.NewReader(sealed), with)
	if err != nil {
		return nil, fmt.Errorf("it does not open with this key: %w", err)
	}
	plain, err := io.ReadAll(io.LimitReader(r, maxArchive))
	if err != nil {
		return nil, fmt.Errorf("it is damaged: %w", err)
	}
	return plain, nil
}
