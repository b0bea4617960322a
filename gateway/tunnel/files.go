package tunnel

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// writeFile replaces name as a whole or not at all: a temporary file of mode 0600 beside it, synced, then renamed.
func writeFile(name string, text []byte) error {
	return writeChecked(name, text, func([]byte) error { return nil })
}

// writeChecked is writeFile, but the file gets its name only where check accepts what the disk gives back.
func writeChecked(name string, text []byte, check func(stored []byte) error) error {
	tmp, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*") // CreateTemp makes files of mode 0600
	if err != nil {
		return err
	}
	_, err = tmp.Write(text)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	var stored []byte
	if err == nil {
		stored, err = os.ReadFile(tmp.Name())
	}
	if err == nil {
		err = check(stored)
	}
	if err == nil {
		err = os.Rename(tmp.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return nil
}

// readSmall reads a file of at most limit bytes.
func readSmall(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(text)) > limit {
		return nil, fmt.Errorf("%s holds more than %d bytes", name, limit)
	}
	return text, nil
}
