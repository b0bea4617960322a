package ingress

// trailerMax is how many bytes of trailers may follow a chunked body; net/http takes no more than its buffer holds.
const trailerMax = 2 << 10

// chunkState is where a chunked body stands (RFC 9112, 7.1).
type chunkState uint8

const (
	chunkSize     chunkState = iota // first digit of a size
	chunkDigits                     // further digits
	chunkSizeLF                     // LF after the size
	chunkData                       // data
	chunkDataCR                     // CR after the data
	chunkDataLF                     // LF after the data
	trailerStart                    // first byte of a trailer line, or the CR of the empty line
	trailerName                     // rest of its name
	trailerValue                    // its value
	trailerLF                       // LF after its value
	chunkedLastLF                   // LF of the empty line
	chunkedEnd                      // the body is complete
)

// Chunks follows a chunked body without keeping it. The zero value stands at the beginning of one.
type Chunks struct {
	state   chunkState
	digits  int
	left    uint64
	trailer int
}

// Feed reads b and returns how many bytes belong to the body, whether they complete it, and a refusal where the framing
// is broken: then n bytes before the broken one were good. Chunk extensions are refused: nobody needs them, and servers
// have disagreed on where they end.
func (c *Chunks) Feed(b []byte) (n int, done bool, r *Refusal) {
	for n < len(b) {
		if c.state == chunkData {
			step := min(c.left, uint64(len(b)-n))
			n += int(step)
			if c.left -= step; c.left > 0 {
				return n, false, nil
			}
			c.state = chunkDataCR
			continue
		}
		if r = c.step(b[n]); r != nil {
			return n, false, r
		}
		n++
		if c.state == chunkedEnd {
			*c = Chunks{}
			return n, true, nil
		}
	}
	return n, false, nil
}

// step reads one byte outside the data.
func (c *Chunks) step(b byte) *Refusal {
	switch c.state {
	case chunkSize, chunkDigits:
		return c.size(b)
	case chunkSizeLF:
		if b != '\n' {
			return errChunkSize
		}
		c.state = chunkData
		if c.left == 0 {
			c.state = trailerStart
		}
		c.digits = 0
	case chunkDataCR:
		if b != '\r' {
			return errChunkEnd
		}
		c.state = chunkDataLF
	case chunkDataLF:
		if b != '\n' {
			return errChunkEnd
		}
		c.state = chunkSize
	default:
		return c.trailerByte(b)
	}
	return nil
}

func (c *Chunks) size(b byte) *Refusal {
	if b == '\r' && c.state == chunkDigits {
		c.state = chunkSizeLF
		return nil
	}
	if class[b]&isHex == 0 || c.digits == 15 {
		return errChunkSize
	}
	c.state = chunkDigits
	c.digits++
	c.left = c.left<<4 | uint64(hexValue(b))
	return nil
}

func hexValue(b byte) byte {
	if digit(b) {
		return b - '0'
	}
	return b | 0x20 - 'a' + 10
}

func (c *Chunks) trailerByte(b byte) *Refusal {
	if c.trailer++; c.trailer > trailerMax {
		return errTrailerTooLarge
	}
	switch c.state {
	case trailerStart:
		if b == '\r' {
			c.state = chunkedLastLF
			return nil
		}
		if class[b]&isToken == 0 {
			return errTrailer
		}
		c.state = trailerName
	case trailerName:
		if b == ':' {
			c.state = trailerValue
		} else if class[b]&isToken == 0 {
			return errTrailer
		}
	case trailerValue:
		if b == '\r' {
			c.state = trailerLF
		} else if b < 0x20 && b != '\t' || b == 0x7f {
			return errTrailer
		}
	case trailerLF, chunkedLastLF:
		if b != '\n' {
			return errTrailer
		}
		c.state++
		if c.state != chunkedEnd {
			c.state = trailerStart
		}
	}
	return nil
}
