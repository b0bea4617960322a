package middleware

import (
	"crypto/rand"
	"encoding/hex"

	"github.com/gin-gonic/gin"
)

// requestID gives the request an id of ours: 128 random bits. An id that comes in is not believed, not even from a
// trusted peer, since whoever is in front of that peer may have chosen it; it would let a client forge log lines. A
// traceparent that is well formed is passed on (W3C Trace Context), else we begin a trace whose id is the request id.
func (d *door) requestID(c *gin.Context) {
	x := of(c)
	h := c.Request.Header
	b := newTrace()
	x.trace = string(b[:])
	x.id = x.trace[3:35]
	v := []string{x.trace, x.id}
	given := h["Traceparent"]
	switch {
	case len(given) == 1 && validTrace(given[0]):
		x.trace = given[0]
	default:
		delete(h, "Tracestate")
		h["Traceparent"] = v[0:1:1]
	}
	h["X-Request-Id"] = v[1:2:2]
}

const traceLength = len("00-0123456789abcdef0123456789abcdef-0123456789abcdef-01")

// newTrace returns a traceparent value: version 00, 128 bits of trace, 64 bits of span, flag 01 (sampled, so that an app
// that follows its parent's decision goes on tracing).
func newTrace() [traceLength]byte {
	var random [24]byte
	// crypto/rand never fails: the runtime ends the process where the system has no randomness.
	_, _ = rand.Read(random[:])
	var b [traceLength]byte
	copy(b[:], "00-")
	hex.Encode(b[3:35], random[:16])
	b[35] = '-'
	hex.Encode(b[36:52], random[16:])
	copy(b[52:], "-01")
	return b
}

// validTrace reports whether t is a traceparent of version 00 with ids that are not all zero.
func validTrace(t string) bool {
	if len(t) != traceLength || t[:3] != "00-" || t[35] != '-' || t[52] != '-' {
		return false
	}
	return lowerHex(t[3:35]) && lowerHex(t[36:52]) && lowerHex(t[53:55]) && !zeros(t[3:35]) && !zeros(t[36:52])
}

func lowerHex(s string) bool {
	for i := range len(s) {
		if b := s[i]; (b < '0' || b > '9') && (b < 'a' || b > 'f') {
			return false
		}
	}
	return true
}

func zeros(s string) bool {
	for i := range len(s) {
		if s[i] != '0' {
			return false
		}
	}
	return true
}
