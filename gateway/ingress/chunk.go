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

// Chunks follows a chunked body and keeps nothing but its trailers. The zero value stands at the beginning of one.
type Chunks struct {
	state   chunkState
	digits  int
	left    uint64
	trailer int
	// fields are the trailer lines.
	fields []byte
}

// Feed reads b and returns how many bytes belong to the body, whether they complete it, and a refusal where the framing
// is broken: then n bytes before the broken one were good. Chunk extensions are refused: nobody needs them, and servers
// have disagreed on where they end.
func (c *Chunks) Feed(b []byte) (n int, done bool, r *Refusal) {
	for n < len(b) {
		if left := c.Left(); left > 0 {
			step := int(min(left, uint64(len(b)-n)))
			c.Took(step)
			n += step
			continue
		}
		var framed int
		framed, done, r = c.Frame(b[n:])
		if n += framed; done || r != nil {
			return n, done, r
		}
	}
	return n, false, nil
}

// Frame is Feed for what stands around the data: it stops where data begins.
func (c *Chunks) Frame(b []byte) (n int, done bool, r *Refusal) {
	for n < len(b) && c.state != chunkData {
		if r = c.step(b[n]); r != nil {
			return n, false, r
		}
		n++
		if c.state == chunkedEnd {
			*c = Chunks{fields: c.fields}
			return n, true, nil
		}
	}
	return n, false, nil
}

// Left is how much data of the running chunk is to come, 0 where framing is.
func (c *Chunks) Left() uint64 {
	if c.state != chunkData {
		return 0
	}
	return c.left
}

// Took tells that n bytes of data, at most Left, were read.
func (c *Chunks) Took(n int) {
	if c.left -= uint64(n); c.left == 0 {
		c.state = chunkDataCR
	}
}

// Trailer returns the lines after the last chunk of the body that was completed, each with its line end.
func (c *Chunks) Trailer() []byte { return c.fields }

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
			c.state, c.fields = trailerStart, c.fields[:0]
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
	if c.state != chunkedLastLF && (c.state != trailerStart || b != '\r') {
		c.fields = append(c.fields, b)
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
