package ingress

import (
	"io"
	"sync"
)

// held are bytes that were read from the wire and not passed on.
type held struct {
	bytes []byte
	// ready is how many of them may pass; fresh is true where the rest was not judged yet.
	ready int
	fresh bool
	// array is the pooled one behind bytes, nil where there is none.
	array *[]byte
}

// firstHeld is the room for a head that did not come in one piece.
const firstHeld = 4 << 10

var arrays = sync.Pool{New: func() any { b := make([]byte, firstHeld); return &b }}

// read reads more. An empty held reads one byte, so that an idle connection needs no array.
func (h *held) read(r io.Reader) (int, error) {
	if h.array == nil {
		var one [1]byte
		n, err := r.Read(one[:])
		h.keep(one[:n])
		return n, err
	}
	if len(h.bytes) == cap(h.bytes) {
		h.grow(2 * len(h.bytes))
	}
	n, err := r.Read(h.bytes[len(h.bytes):cap(h.bytes)])
	h.bytes = h.bytes[:len(h.bytes)+n]
	return n, err
}

// keep adds a copy of b.
func (h *held) keep(b []byte) {
	if len(b) == 0 {
		return
	}
	if h.array == nil {
		h.array = arrays.Get().(*[]byte)
		h.bytes = (*h.array)[:0]
	}
	if len(h.bytes)+len(b) > cap(h.bytes) {
		h.grow(len(h.bytes) + len(b))
	}
	h.bytes = append(h.bytes, b...)
}

func (h *held) grow(size int) {
	bigger := make([]byte, len(h.bytes), max(size, firstHeld))
	copy(bigger, h.bytes)
	h.release()
	h.bytes, h.array = bigger, &bigger
}

// pass moves ready bytes into p.
func (h *held) pass(p []byte) int {
	n := copy(p, h.bytes[:h.ready])
	h.ready -= n
	if h.bytes = h.bytes[n:]; len(h.bytes) == 0 {
		h.release()
	}
	return n
}

// take returns what is held and keeps nothing.
func (h *held) take() []byte {
	b := append([]byte(nil), h.bytes...)
	h.release()
	h.ready, h.fresh = 0, false
	return b
}

// release gives the array back.
func (h *held) release() {
	if h.array != nil && cap(*h.array) == firstHeld {
		arrays.Put(h.array)
	}
	h.bytes, h.array = nil, nil
}
