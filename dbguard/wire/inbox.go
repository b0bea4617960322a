package wire

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Caps of one client message's body in bytes; https://www.postgresql.org/docs/current/protocol-flow.html names no limit but 1 GB.
const (
	maxStatement = 1 << 20  // Query and Parse
	maxBind      = 16 << 20 // Bind and FunctionCall
	maxSmall     = 64 << 10 // everything else that is not streamed
	maxLogin     = 10_000   // before the login has succeeded
)

// smallBuffer is what an idle client holds; larger reads borrow 32 KB.
const smallBuffer = 1 << 10

// message is one message of the client, or the beginning of one.
type message struct {
	kind byte
	// raw is the header and as much of the body as is there; it is valid until the next read.
	raw []byte
	// rest is how many bytes of the body are still to come, 0 but for CopyData and messages that are too large.
	rest int
	// tooLarge reports a body over its cap, which the caller must skip.
	tooLarge bool
}

// body is the part of the body that is there.
func (m message) body() []byte { return m.raw[headerSize:] }

// inbox reads the messages of one client; the body of a message grows as its bytes arrive, never by what a header claims.
type inbox struct {
	from     io.Reader
	buf      []byte
	r, w     int
	borrowed *[bufferSize]byte
	filled   bool
	small    [smallBuffer]byte
}

// limit is the cap of a body; 0 means that the message is streamed.
func limit(kind byte) int {
	switch kind {
	case 'Q', 'P':
		return maxStatement
	case 'B', 'F':
		return maxBind
	case 'd':
		return 0
	}
	return maxSmall
}

// next returns the next message. The error is io.EOF where the client closed between two messages.
func (in *inbox) next() (message, error) {
	if err := in.need(headerSize); err != nil {
		return message{}, err
	}
	kind, size := in.buf[in.r], bodySize(in.buf[in.r:])
	if size < 0 {
		return message{}, fatal(codeProtocol, "invalid message length")
	}
	most := limit(kind)
	if size > most {
		return in.begin(kind, size, most != 0), nil
	}
	if err := in.need(headerSize + size); err != nil {
		return message{}, err
	}
	m := message{kind: kind, raw: in.buf[in.r : in.r+headerSize+size]}
	in.r += headerSize + size
	return m, nil
}

// begin hands out the beginning of a message that is not kept whole.
func (in *inbox) begin(kind byte, size int, tooLarge bool) message {
	have := min(in.w-in.r, headerSize+size)
	m := message{kind: kind, raw: in.buf[in.r : in.r+have], rest: headerSize + size - have, tooLarge: tooLarge}
	in.r += have
	return m
}

// part returns at most n further bytes of a message that began; it reads once at most.
func (in *inbox) part(n int) ([]byte, error) {
	if in.r == in.w {
		if err := in.fill(); err != nil {
			return nil, unexpected(err)
		}
	}
	have := min(n, in.w-in.r)
	in.r += have
	return in.buf[in.r-have : in.r], nil
}

// ready reports that a whole message, or the beginning of a streamed one, is there without reading.
func (in *inbox) ready() bool {
	if in.w-in.r < headerSize {
		return false
	}
	size := bodySize(in.buf[in.r:])
	return size < 0 || size > limit(in.buf[in.r]) || in.w-in.r >= headerSize+size
}

// unread takes back a whole message that next has just returned.
func (in *inbox) unread(m message) { in.r -= len(m.raw) }

// whole reports that the next message is there to its end, or that it is nonsense.
func (in *inbox) whole() bool {
	if in.w-in.r < headerSize {
		return false
	}
	size := bodySize(in.buf[in.r:])
	return size < 0 || in.w-in.r >= headerSize+size
}

// need reads until n bytes are there.
func (in *inbox) need(n int) error {
	for in.w-in.r < n {
		some := in.w > in.r
		if err := in.fill(); err != nil {
			if some {
				return unexpected(err)
			}
			return err
		}
	}
	return nil
}

// fill reads once, into the small buffer where the client was idle, into more where the last read filled its room.
func (in *inbox) fill() error {
	n, err := in.from.Read(in.room())
	in.took(n)
	if n > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// room is where the next bytes go; took takes n of them in.
func (in *inbox) room() []byte {
	in.makeRoom()
	return in.buf[in.w:]
}

func (in *inbox) took(n int) {
	in.w += n
	in.filled = in.w == len(in.buf)
}

// readAhead reads until the connection's deadline or until its room is full, and reports that the connection ended. What it read
// are the next messages; the one at hand stays valid.
func (in *inbox) readAhead() (ended bool) {
	if in.w == len(in.buf) {
		larger := make([]byte, in.w+smallBuffer)
		copy(larger, in.buf)
		in.buf, in.borrowed = larger, nil // the message at hand has the old one
	}
	for in.w < len(in.buf) {
		n, err := in.from.Read(in.buf[in.w:])
		in.took(n)
		if err != nil {
			return !errors.Is(err, os.ErrDeadlineExceeded)
		}
	}
	return false
}

// makeRoom leaves at least one free byte at the end of the buffer.
func (in *inbox) makeRoom() {
	if in.r == in.w {
		in.r, in.w = 0, 0
		if !in.filled || in.buf == nil {
			in.release()
			in.buf = in.small[:]
			return
		}
	}
	if in.r > 0 {
		in.w = copy(in.buf, in.buf[in.r:in.w])
		in.r = 0
	}
	if in.w < len(in.buf) && len(in.buf) > smallBuffer {
		return
	}
	in.grow()
}

// grow doubles the buffer, from the small one to a borrowed one first.
func (in *inbox) grow() {
	old := in.buf[:in.w]
	var larger []byte
	if len(in.buf) < bufferSize {
		lent := buffers.Get().(*[bufferSize]byte)
		larger = lent[:]
		copy(larger, old)
		in.borrowed, in.buf = lent, larger
		return
	}
	larger = make([]byte, 2*len(in.buf))
	copy(larger, old)
	in.release()
	in.buf = larger
}

// release gives a borrowed buffer back.
func (in *inbox) release() {
	if in.borrowed != nil {
		buffers.Put(in.borrowed)
		in.borrowed = nil
	}
	in.buf = nil
}

func unexpected(err error) error {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("read message: %w", err)
}
