package crossdoor

import "encoding/binary"

// The opcodes of data frames (RFC 6455, 5.2).
const (
	opContinue = 0
	opText     = 1
	opBinary   = 2
)

// clientFrame reads the masked frames of a client as they stream by. The zero value stands before the first.
type clientFrame struct {
	head   [14]byte
	have   int
	left   uint64 // payload bytes to come
	mask   [4]byte
	masked int // payload bytes seen of the frame

	opcode   byte
	final    bool
	reserved byte // RSV bits
	begins   bool // the step before read the end of a frame's head
	inside   bool // in a frame's payload

	plain []byte // the unmasked piece
}

// next reads a piece of p: bytes of a head or of one payload. It returns how much it took, and the payload unmasked, good until the next
// call.
func (f *clientFrame) next(p []byte) (n int, payload []byte) {
	f.begins = false
	if f.inside {
		n = int(min(f.left, uint64(len(p))))
		f.left -= uint64(n)
		f.inside = f.left > 0
		return n, f.unmask(p[:n])
	}
	f.head[f.have] = p[0]
	f.have++
	if f.have >= 2 && f.have == f.headLength() {
		f.begin()
	}
	return 1, nil
}

// headLength is how long the head is, by its second byte.
func (f *clientFrame) headLength() int {
	n := 2
	switch f.head[1] & 0x7f {
	case 126:
		n = 4
	case 127:
		n = 10
	}
	if f.head[1]&0x80 != 0 {
		n += len(f.mask)
	}
	return n
}

// begin reads a whole head.
func (f *clientFrame) begin() {
	f.final, f.reserved, f.opcode = f.head[0]&0x80 != 0, f.head[0]&0x70, f.head[0]&0x0f
	switch short := f.head[1] & 0x7f; short {
	case 126:
		f.left = uint64(binary.BigEndian.Uint16(f.head[2:]))
	case 127:
		f.left = binary.BigEndian.Uint64(f.head[2:])
	default:
		f.left = uint64(short)
	}
	if f.mask = [4]byte{}; f.head[1]&0x80 != 0 { // an app should close where there is no mask; not all do
		copy(f.mask[:], f.head[f.have-4:f.have])
	}
	f.have, f.masked = 0, 0
	f.begins, f.inside = true, f.left > 0
}

// isData reports a frame of a message, not of control.
func (f *clientFrame) isData() bool { return f.opcode <= opBinary }

// ended reports that the step before read the last byte of a frame.
func (f *clientFrame) ended() bool { return !f.inside && f.have == 0 }

func (f *clientFrame) unmask(p []byte) []byte {
	f.plain = append(f.plain[:0], p...)
	for i := range f.plain {
		f.plain[i] ^= f.mask[(f.masked+i)&3]
	}
	f.masked = (f.masked + len(p)) & 3
	return f.plain
}
