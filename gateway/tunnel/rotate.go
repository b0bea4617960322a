package tunnel

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// rotating is a log file of a child: at size bytes it becomes NAME.1, what was NAME.1 becomes NAME.2, and so on up to
// keep. It has no goroutine of its own, so that nothing is left when a child ends. Several goroutines may write.
type rotating struct {
	name string
	size int64
	keep int

	mu      sync.Mutex // guards all below
	file    *os.File   // nil until the first write and after Close
	written int64
}

// Write appends p, which is never parted over two files.
func (r *rotating) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.open(); err != nil {
		return 0, err
	}
	if r.written > 0 && r.written+int64(len(p)) > r.size {
		if err := r.rotate(); err != nil {
			return 0, err
		}
	}
	n, err := r.file.Write(p)
	r.written += int64(n)
	return n, err
}

// Close ends writing; a later Write opens the file again.
func (r *rotating) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	r.file = nil
	return err
}

func (r *rotating) open() error {
	if r.file != nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(r.name), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(r.name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	r.file, r.written = f, info.Size()
	return nil
}

func (r *rotating) rotate() error {
	err := r.file.Close()
	r.file = nil
	for n := r.keep; n > 0; n-- {
		older, newer := fmt.Sprintf("%s.%d", r.name, n), fmt.Sprintf("%s.%d", r.name, n-1)
		if n == 1 {
			newer = r.name
		}
		if e := os.Rename(newer, older); e != nil && !errors.Is(e, os.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	if r.keep == 0 {
		err = errors.Join(err, os.Remove(r.name))
	}
	return errors.Join(err, r.open())
}
