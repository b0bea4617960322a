package ingress

import "encoding/binary"

// Classes of bytes.
const (
	isToken  = 1 << iota // a method or header name may hold it (RFC 9110, 5.6.2)
	isHex                // a hexadecimal digit
	isTarget             // a request target may hold it: visible, no #; bytes above 127 pass, as browsers' users type them
	isHost               // a registered name may hold it
	isUpper              // a method may hold it
)

// class tells the classes of each byte.
var class = func() (t [256]uint8) {
	for _, c := range []byte("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
		t[c] |= isToken
	}
	for _, c := range []byte("0123456789ABCDEFabcdef") {
		t[c] |= isHex
	}
	for c := 0x21; c < 256; c++ {
		if c != 0x7f && c != '#' {
			t[c] |= isTarget
		}
	}
	for _, c := range []byte("-._0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
		t[c] |= isHost
	}
	for _, c := range []byte("-ABCDEFGHIJKLMNOPQRSTUVWXYZ") {
		t[c] |= isUpper
	}
	return t
}()

// all reports whether each byte of b is of class k.
func all(b []byte, k uint8) bool {
	for _, c := range b {
		if class[c]&k == 0 {
			return false
		}
	}
	return true
}

// hasControl reports whether a control byte other than tab stands in b. It looks at eight bytes at once; what looks bad
// is looked at again one by one.
func hasControl(b []byte) bool {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	for len(b) >= 8 {
		x := binary.LittleEndian.Uint64(b)
		del := x ^ 0x7f*ones
		if ((x-0x20*ones)&^x|(del-ones)&^del)&high != 0 && controlIn(b[:8]) {
			return true
		}
		b = b[8:]
	}
	return controlIn(b)
}

func controlIn(b []byte) bool {
	for _, c := range b {
		if c < 0x20 && c != '\t' || c == 0x7f {
			return true
		}
	}
	return false
}

// same reports whether b is lower without regard to ASCII case; lower is in lower case.
func same(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// resembles reports whether b is lower once _ and . are read as -, as gateways that make variables of headers do.
func resembles(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if c == '_' || c == '.' {
			c = '-'
		}
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// trim cuts spaces and tabs off both ends.
func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}
