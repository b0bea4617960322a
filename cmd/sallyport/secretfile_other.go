//go:build !linux

package main

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"strconv"
)

// secretFiles keeps secrets in a private folder until Close.
type secretFiles struct {
	dir  string
	kept int
	// known is the path by key and secret, so that a reload finds what has not changed where it was.
	known map[[sha256.Size]byte]string
}

// keep returns the path of a file, readable by this user alone, that holds secret.
func (s *secretFiles) keep(key, secret string) (string, error) {
	sum := sha256.Sum256([]byte(key + "\x00" + secret))
	if path, there := s.known[sum]; there {
		return path, nil
	}
	if s.dir == "" {
		dir, err := os.MkdirTemp("", "sallyport-")
		if err != nil {
			return "", err
		}
		s.dir = dir
	}
	s.kept++
	path := filepath.Join(s.dir, strconv.Itoa(s.kept))
	if s.known == nil {
		s.known = map[[sha256.Size]byte]string{}
	}
	s.known[sum] = path
	return path, os.WriteFile(path, []byte(secret), 0o600)
}

// Close deletes the folder.
func (s *secretFiles) Close() error {
	if s.dir == "" {
		return nil
	}
	return os.RemoveAll(s.dir)
}
