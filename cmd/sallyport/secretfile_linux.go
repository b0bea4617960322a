package main

import (
	"crypto/sha256"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// secretFiles keeps secrets as files that never touch a disk, for as long as the process lives.
type secretFiles struct {
	files []*os.File
	known map[[sha256.Size]byte]string // path by key and secret, so that a reload finds what has not changed where it was
}

// keep returns a path under which this process and its children's user can read secret.
func (s *secretFiles) keep(key, secret string) (string, error) {
	sum := sha256.Sum256([]byte(key + "\x00" + secret))
	if path, there := s.known[sum]; there {
		return path, nil
	}
	fd, err := unix.MemfdCreate("sallyport "+key, unix.MFD_CLOEXEC)
	if err != nil {
		return "", fmt.Errorf("memfd: %w", err)
	}
	f := os.NewFile(uintptr(fd), key)
	s.files = append(s.files, f)
	if _, err := f.WriteString(secret); err != nil {
		return "", fmt.Errorf("memfd: %w", err)
	}
	path := fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), fd)
	if s.known == nil {
		s.known = map[[sha256.Size]byte]string{}
	}
	s.known[sum] = path
	return path, nil
}

// Close forgets the secrets.
func (s *secretFiles) Close() error {
	for _, f := range s.files {
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}
