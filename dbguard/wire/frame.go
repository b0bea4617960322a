package wire

import (
	"encoding/binary"
	"sync"
	"time"
)

// Sizes that both directions keep; see https://www.postgresql.org/docs/current/protocol-message-formats.html.
const (
	headerSize = 5        // one byte of kind, four of length
	bufferSize = 32 << 10 // what one read takes at most
)

// tryLocker is a lock that need not be waited for.
type tryLocker interface {
	sync.Locker
	TryLock() bool
}

// longAgo is a deadline that ends all reading and writing at once.
var longAgo = time.Unix(1, 0)

// noDeadline takes a deadline away.
var noDeadline time.Time

// syncMessage is a Sync, whole.
var syncMessage = []byte{'S', 0, 0, 0, 4}

// copyFail is a CopyFail without a reason, whole.
var copyFail = []byte{'f', 0, 0, 0, 5, 0}

// buffers lends 32 KB read buffers, so that an idle connection holds none.
var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// bodySize is the length of the body that header announces; negative where the header is nonsense.
func bodySize(header []byte) int {
	return int(int32(binary.BigEndian.Uint32(header[1:]))) - 4
}

// startMessage appends a header of the kind with an open length; endMessage closes it.
func startMessage(dst []byte, kind byte) []byte {
	return append(dst, kind, 0, 0, 0, 0)
}

// endMessage writes the length of the message that began at start.
func endMessage(dst []byte, start int) []byte {
	binary.BigEndian.PutUint32(dst[start+1:], uint32(len(dst)-start-1))
	return dst
}

// appendMessage appends a whole message.
func appendMessage(dst []byte, kind byte, body ...byte) []byte {
	start := len(dst)
	return endMessage(append(startMessage(dst, kind), body...), start)
}

// appendQuery appends a Query message.
func appendQuery(dst []byte, sql string) []byte {
	start := len(dst)
	return endMessage(appendText(startMessage(dst, 'Q'), sql), start)
}

// appendText appends a zero-terminated string.
func appendText(dst []byte, s string) []byte {
	return append(append(dst, s...), 0)
}

// appendReady appends a ReadyForQuery message.
func appendReady(dst []byte, status byte) []byte {
	return append(dst, 'Z', 0, 0, 0, 5, status)
}

// appendParameter appends a ParameterStatus message.
func appendParameter(dst []byte, name, value string) []byte {
	start := len(dst)
	return endMessage(appendText(appendText(startMessage(dst, 'S'), name), value), start)
}

// appendComplete appends a CommandComplete message.
func appendComplete(dst []byte, tag string) []byte {
	start := len(dst)
	return endMessage(appendText(startMessage(dst, 'C'), tag), start)
}

// cutText splits a zero-terminated string off body; ok is false where it has no end.
func cutText(body []byte) (text, rest []byte, ok bool) {
	for i, c := range body {
		if c == 0 {
			return body[:i], body[i+1:], true
		}
	}
	return nil, nil, false
}
