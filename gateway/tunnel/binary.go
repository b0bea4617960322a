package tunnel

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"
)

// fileHash is the SHA-256 of a file as it was when it was looked at.
type fileHash struct {
	info os.FileInfo
	sum  string
}

// still reports whether info is of the file that was hashed, unchanged.
func (h fileHash) still(info os.FileInfo) bool {
	return h.info != nil && os.SameFile(h.info, info) && h.info.ModTime().Equal(info.ModTime()) && h.info.Size() == info.Size()
}

// hashOf hashes f from its beginning.
func hashOf(f *os.File) (fileHash, error) {
	info, err := f.Stat()
	if err != nil {
		return fileHash{}, err
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(f, 0, info.Size())); err != nil {
		return fileHash{}, err
	}
	return fileHash{info: info, sum: hex.EncodeToString(h.Sum(nil))}, nil
}

// pin is the hash that the executable must have, "" for any.
func (c *cloudflared) pin() string { return strings.ToLower(c.set.Run.SHA256) }

// checkedBinary opens the executable and compares it with the pin. The file is returned where the very bytes that were
// hashed can be executed; the caller closes it.
func (c *cloudflared) checkedBinary() (*os.File, string, error) {
	path, err := c.lookPath()
	if err != nil {
		return nil, "", err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, "", err
	}
	h, err := hashOf(f)
	if err == nil && c.pin() != "" && h.sum != c.pin() {
		err = fmt.Errorf("%s has SHA-256 %s, want %s: it is not started", path, h.sum, c.pin())
	}
	if err != nil {
		_ = f.Close()
		return nil, "", err
	}
	c.mu.Lock()
	c.hashed = h
	c.mu.Unlock()
	if c.pin() == "" || executedByNumber == "" {
		return nil, path, f.Close()
	}
	return f, path, nil
}

// imageOf compares what runs, and the file it will be started from next, with the pin. ok is false where nothing is pinned.
func (c *cloudflared) imageOf(ch *child) (image, bool) {
	if c.pin() == "" || ch.process == nil {
		return image{}, false
	}
	found := image{child: ch.n, ok: true}
	if !ch.verified {
		if sum, err := runningSum(ch.process.pid); err == nil && sum != c.pin() {
			return image{child: ch.n, reason: fmt.Sprintf("the running cloudflared has SHA-256 %s, want %s", sum, c.pin())}, true
		} else if err == nil {
			ch.verified = true
		}
	}
	if sum, err := c.fileSum(); err == nil && sum != c.pin() {
		found = image{child: ch.n, reason: fmt.Sprintf("%s was replaced: it has SHA-256 %s, want %s, and will not be started again", c.set.Run.Binary, sum, c.pin())}
	}
	c.sup.noteVerified(found.ok && ch.verified)
	return found, true
}

func runningSum(pid int) (string, error) {
	f, err := runningImage(pid)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h, err := hashOf(f)
	return h.sum, err
}

// fileSum hashes the executable's file where it has changed since the last look.
func (c *cloudflared) fileSum() (string, error) {
	path, err := c.lookPath()
	if err != nil {
		return "", err
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hashed.still(info) {
		return c.hashed.sum, nil
	}
	h, err := hashOf(f)
	if err == nil {
		c.hashed = h
	}
	return h.sum, err
}

func (c *cloudflared) lastHash() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hashed.sum
}
