//go:build !linux

package main

import (
	"os"
	"path/filepath"
	"strconv"
)

// secretFiles keeps secrets in a private folder until Close.
type secretFiles struct {
	dir  string
	kept int
}

// keep returns the path of a file, readable by this user alone, that holds secret.
func (s *secretFiles) keep(_, secret string) (string, error) {
	if s.dir == "" {
		dir, err := os.MkdirTemp("", "sallyport-")
		if err != nil {
			return "", err
		}
		s.dir = dir
	}
	s.kept++
	path := filepath.Join(s.dir, strconv.Itoa(s.kept))
	return path, os.WriteFile(path, []byte(secret), 0o600)
}

// Close deletes the folder.
func (s *secretFiles) Close() error {
	if s.dir == "" {
		return nil
	}
	return os.RemoveAll(s.dir)
}
