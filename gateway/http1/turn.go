package http1

import (
	"net/http"
	"sync"
)

// Sizes of buffers, in bytes.
const (
	inSize  = 4 << 10 // a head as browsers send it, with room for a small body
	outSize = 4 << 10 // a head of an answer with a small body
	heldMax = 2 << 10 // body that is held back until its length is known
)

// turn is what a connection needs while a request is under way; idle connections have none.
type turn struct {
	// in holds bytes that were read; those in r..w were not used yet.
	in   []byte
	r, w int
	// header is the request's, values the array behind its single values.
	header http.Header
	values []string
	answer response
}

var turns = sync.Pool{New: func() any {
	t := &turn{in: make([]byte, inSize), header: make(http.Header, 32), values: make([]string, 0, 32)}
	t.answer.out = make([]byte, 0, outSize)
	t.answer.header = make(http.Header, 32)
	return t
}}

func newTurn() *turn { return turns.Get().(*turn) }

// reset forgets the request and its answer and keeps what came after them.
func (t *turn) reset() {
	clear(t.header)
	clear(t.values)
	t.values = t.values[:0]
	w := &t.answer
	clear(w.header)
	clear(w.held)
	out, header, held := w.out[:0], w.header, w.held[:0]
	if cap(out) > outSize {
		out = make([]byte, 0, outSize)
	}
	t.answer = response{out: out, header: header, held: held}
}

// release gives t back where nothing is left in it.
func (t *turn) release() {
	if len(t.in) != inSize {
		t.in = make([]byte, inSize)
	}
	t.r, t.w = 0, 0
	turns.Put(t)
}

// buffered returns the bytes that were read and not used.
func (t *turn) buffered() []byte { return t.in[t.r:t.w] }

// room makes room for more of a head that is smaller than most.
func (t *turn) room() {
	switch {
	case t.w < len(t.in):
	case t.r > 0:
		t.w = copy(t.in, t.in[t.r:t.w])
		t.r = 0
	default:
		bigger := make([]byte, 2*len(t.in))
		copy(bigger, t.in)
		t.in = bigger
	}
}
