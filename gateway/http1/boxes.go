package http1

import (
	"sync"

	"sallyport/gateway/ingress"
)

// Sizes of buffers, in bytes.
const (
	inSize  = 4 << 10 // a head as browsers send it, with room for a small body
	outSize = 4 << 10 // a head of an answer with a small body
	heldMax = 2 << 10 // body that is held back until its length is known
)

// inbox is where the bytes of a client are read, with the parser of the head among them. A connection has one only while a
// head or a body is on its way.
type inbox struct {
	// buf holds bytes that were read; those in r..w were not used yet.
	buf    []byte
	r, w   int
	parser ingress.Parser
}

var inboxes = sync.Pool{New: func() any { return &inbox{buf: make([]byte, inSize)} }}

func newInbox() *inbox { return inboxes.Get().(*inbox) }

// release gives b, in which nothing is left and whose parser is between two heads, back.
func (b *inbox) release() {
	if len(b.buf) != inSize {
		return // a rare large head: its room is not kept
	}
	b.r, b.w = 0, 0
	inboxes.Put(b)
}

// buffered returns the bytes that were read and not used.
func (b *inbox) buffered() []byte { return b.buf[b.r:b.w] }

func (b *inbox) empty() bool { return b.r == b.w }

// room makes room for more of a head that is smaller than most.
func (b *inbox) room() {
	switch {
	case b.w < len(b.buf):
	case b.r > 0:
		b.w = copy(b.buf, b.buf[b.r:b.w])
		b.r = 0
	default:
		bigger := make([]byte, 2*len(b.buf))
		copy(bigger, b.buf)
		b.buf = bigger
	}
}

// outbox is where an answer is put together: out is for its head and what follows, held for a body whose length is not known
// yet. An answer has one from its status on until it is sent; one that goes on has another for each piece.
type outbox struct {
	out  [outSize]byte
	held [heldMax]byte
}

var outboxes = sync.Pool{New: func() any { return new(outbox) }}
