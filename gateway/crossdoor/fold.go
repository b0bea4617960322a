package crossdoor

import "strings"

// gramLen is how many bytes one gram has.
const gramLen = 4

// bitmapBits is the size of a statement's gram bitmap: 4 KB, small enough for the first-level cache.
const bitmapBits = 1 << 15

// gram returns the bitmap place of the first four bytes of s.
func gram(s string) uint16 {
	return place(uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24)
}

func gramBytes(s []byte) uint16 {
	return place(uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24)
}

// place spreads four bytes over the bitmap (multiplicative hashing, Knuth TAOCP 6.4).
func place(x uint32) uint16 { return uint16((x * 2654435761) >> (32 - 15)) }

// bitmap holds which grams a text has.
type bitmap [bitmapBits / 64]uint64

func (b *bitmap) fill(text []byte) {
	clear(b[:])
	if len(text) < gramLen {
		return
	}
	x := uint32(text[0])<<8 | uint32(text[1])<<16 | uint32(text[2])<<24
	for i := gramLen - 1; i < len(text); i++ {
		x = x>>8 | uint32(text[i])<<24
		p := place(x)
		b[p>>6] |= 1 << (p & 63)
	}
}

func (b *bitmap) has(p uint16) bool { return b[p>>6]&(1<<(p&63)) != 0 }

// lower folds ASCII letters; other bytes stay, as PostgreSQL folds them by locale. What has no capitals is returned as it is.
func lower(s string) string {
	for i := range len(s) {
		if c := s[i]; 'A' <= c && c <= 'Z' {
			return string(appendLower(make([]byte, 0, len(s)), s))
		}
	}
	return s
}

func appendLower[T string | []byte](dst []byte, s T) []byte {
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// blanks are the space and all control bytes: what an app may strip or exchange.
const blanks = " \x00\x01\x02\x03\x04\x05\x06\x07\x08\t\n\v\f\r\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f"

// squeeze drops what apps add, remove or exchange in a value: blanks and control bytes, quotes, backslashes, underscores, plus signs and empty
// comments. What is left is the same before and after such a change.
func squeeze(dst []byte, folded string) []byte {
	for i := 0; i < len(folded); i++ {
		if strings.HasPrefix(folded[i:], "/**/") {
			i += 3
			continue
		}
		if !dropped[folded[i]] {
			dst = append(dst, folded[i])
		}
	}
	return dst
}

// squeezedLen is how many bytes squeeze leaves of text, folded or not, but for comments, which it counts.
func squeezedLen[T string | []byte](text T) (n int) {
	for i := range len(text) {
		if !dropped[text[i]] {
			n++
		}
	}
	return n
}

// squeezeMap is squeeze that also tells from which byte of folded each byte came.
func squeezeMap(dst []byte, from []int32, folded []byte) ([]byte, []int32) {
	for i := 0; i < len(folded); i++ {
		if folded[i] == '/' && i+3 < len(folded) && string(folded[i:i+4]) == "/**/" {
			i += 3
			continue
		}
		if !dropped[folded[i]] {
			dst = append(dst, folded[i])
			from = append(from, int32(i))
		}
	}
	return dst, from
}

// dropped are the bytes that squeeze leaves out; wordByte are letters, digits, the underscore and all of UTF-8 beyond ASCII.
var (
	dropped  = bytesOf("'\"\\_+`\x7f" + blanks)
	wordByte = wordBytes()
)

func bytesOf(set string) (table [256]bool) {
	for i := range len(set) {
		table[set[i]] = true
	}
	return table
}

func wordBytes() (table [256]bool) {
	for c := range 256 {
		table[c] = c >= 0x80 || c == '_' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
	}
	return table
}
