package tunnel

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"filippo.io/age"
)

// Verify opens a backup with the operator's identity (AGE-SECRET-KEY-1...) and checks everything in it. Nothing is written.
func (b *Backup) Verify(file, identity string) (Manifest, error) {
	m, _, err := b.read(file, identity)
	return m, err
}

func (b *Backup) read(file, identity string) (Manifest, map[string][]byte, error) {
	key, err := age.ParseX25519Identity(string(trimmed([]byte(identity))))
	if err != nil {
		return Manifest{}, nil, errors.New("the identity is not an age identity, want AGE-SECRET-KEY-1...")
	}
	sealed, err := readSmall(file, 2*maxArchive)
	if err != nil {
		return Manifest{}, nil, err
	}
	plain, err := open(sealed, key)
	if err != nil {
		return Manifest{}, nil, fmt.Errorf("%s: %w", file, err)
	}
	m, files, err := unpack(plain)
	if err != nil {
		return Manifest{}, nil, fmt.Errorf("%s: %w", file, err)
	}
	return m, files, nil
}

// Restore puts the secrets of a backup in place of the present ones. The backup must be of tunnel want, or, where want
// is "", of the tunnel that the present secrets belong to. confirm must return nil once a connection is registered with
// the new secrets; if it does not, the previous ones are put back. In every case of error the previous secrets are in place.
func (b *Backup) Restore(ctx context.Context, file, identity, want string, confirm func(context.Context) error) (Manifest, error) {
	b.work.Lock()
	defer b.work.Unlock()
	m, files, err := b.read(file, identity)
	if err != nil {
		return m, fmt.Errorf("restore: %w", err)
	}
	if err := b.fits(m, files, want); err != nil {
		return m, fmt.Errorf("restore: %s: %w", file, err)
	}
	undo, err := b.place(files)
	if err == nil {
		err = confirm(ctx)
	}
	if err != nil {
		return m, fmt.Errorf("restore: %w; the previous secrets are back in place", errors.Join(err, undo()))
	}
	return m, nil
}

// fits reports why a backup is not one to put in place here.
func (b *Backup) fits(m Manifest, files map[string][]byte, want string) error {
	if want == "" {
		id, err := b.set.Run.tunnelID()
		if err != nil {
			return fmt.Errorf("name the tunnel, since the present secrets do not tell: %w", err)
		}
		want = id
	}
	if m.TunnelID != want {
		return fmt.Errorf("it is of tunnel %s, want %s", m.TunnelID, want)
	}
	for name := range b.set.places() {
		if files[name] == nil {
			return fmt.Errorf("it lacks %s", name)
		}
	}
	return nil
}

// previousExt is appended to the name of a file that was replaced.
const previousExt = ".previous"

// place writes files to their places, each as a whole, and keeps what was there. undo puts that back.
func (b *Backup) place(files map[string][]byte) (undo func() error, err error) {
	var undone []func() error
	undo = func() (err error) {
		for _, back := range slices.Backward(undone) {
			err = errors.Join(err, back())
		}
		return err
	}
	places := b.set.places()
	for _, name := range slices.Sorted(maps.Keys(places)) {
		path := places[name]
		before, readErr := readSmall(path, maxSecret)
		switch {
		case errors.Is(readErr, os.ErrNotExist):
			undone = append(undone, func() error { return os.Remove(path) })
		case readErr != nil:
			return undo, readErr
		default:
			if err := writeFile(path+previousExt, before); err != nil {
				return undo, err
			}
			undone = append(undone, func() error { return writeFile(path, before) })
		}
		if err := writeFile(path, files[name]); err != nil {
			undone = undone[:len(undone)-1]
			return undo, err
		}
	}
	return undo, nil
}

// MakeBackup writes one backup now.
func (s *Supervisor) MakeBackup() (BackupState, error) {
	if s.backup == nil {
		return BackupState{}, errNoBackup
	}
	return s.backup.Make()
}

// Backups returns the backups of this tunnel, nil where none are made.
func (s *Supervisor) Backups() *Backup { return s.backup }

var errNoBackup = errors.New("no backups are made here; set tunnel.backup.dir and recipient")

// renewLimit is how long a restored secret may take to its first connection.
const renewLimit = 2 * time.Minute

// Restore puts a backup in place and connects with it, or leaves everything as it was. want is the tunnel's id where the
// present secrets cannot tell it.
func (s *Supervisor) Restore(ctx context.Context, file, identity, want string) (Manifest, error) {
	if s.backup == nil {
		return Manifest{}, errNoBackup
	}
	m, err := s.backup.Restore(ctx, file, identity, want, s.renew)
	if err != nil && s.phase() == Held {
		return m, errors.Join(err, s.Release(context.WithoutCancel(ctx))) // a failed try must not leave it down
	}
	return m, err
}

// renew connects anew and returns nil once there is a connection by the new child.
func (s *Supervisor) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, renewLimit)
	defer cancel()
	s.mu.Lock()
	before := s.state
	s.mu.Unlock()
	wish := s.Restart
	if before.phase == Held {
		wish = s.Release
	}
	if err := wish(ctx); err != nil {
		return err
	}
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-look.C:
		case <-ctx.Done():
			return errors.New("no connection with the restored secrets")
		case <-s.done:
			return errEnded
		}
		s.mu.Lock()
		now := s.state
		s.mu.Unlock()
		switch {
		case now.child > before.child && now.ready > 0:
			return nil
		case now.renewals > before.renewals, now.phase == Held && now.child > before.child:
			return errors.New("cloudflared does not connect with the restored secrets")
		}
	}
}

func (s *Supervisor) phase() Phase {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.phase
}
