package http1

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
)

// Hijack hands the connection over, with what the client has sent already in the reader. No time limit of ours is left on it.
func (w *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if w.taken {
		return nil, nil, http.ErrHijacked
	}
	if w.status != 0 {
		if err := w.FlushError(); err != nil {
			return nil, nil, err
		}
	}
	w.taken = true
	w.giveBack()
	c := w.c
	c.enter(taken, 0, nil)
	var early []byte
	if c.in != nil {
		early = bytes.Clone(c.in.buffered())
		c.in = nil
	}
	r := bufio.NewReaderSize(io.MultiReader(bytes.NewReader(early), c.raw), max(len(early), inSize))
	if _, err := r.Peek(len(early)); err != nil {
		return nil, nil, err
	}
	return c.raw, bufio.NewReadWriter(r, bufio.NewWriter(c.raw)), nil
}
