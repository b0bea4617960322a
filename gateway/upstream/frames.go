package upstream

// frames follows the frames of a WebSocket (RFC 6455, 5.2) without looking into them. The zero value stands between two.
type frames struct {
	// head are the bytes of an incomplete frame head.
	head [14]byte
	have int
	// left is how much of the running frame's data is to come.
	left uint64
}

// between reports whether the next byte begins a frame.
func (f *frames) between() bool { return f.have == 0 && f.left == 0 }

// follow reads b and returns how much of it may pass: all, or with stop only up to the first end of a frame.
func (f *frames) follow(b []byte, stop bool) int {
	n := 0
	for n < len(b) && !(stop && f.between()) {
		if f.left > 0 {
			step := min(f.left, uint64(len(b)-n))
			f.left -= step
			n += int(step)
			continue
		}
		f.head[f.have] = b[n]
		f.have++
		n++
		if f.have >= 2 && f.have == f.headLength() {
			f.left = f.length()
			f.have = 0
		}
	}
	return n
}

// headLength is how long the frame head is, by its second byte.
func (f *frames) headLength() int {
	n := 2
	switch f.head[1] & 0x7f {
	case 126:
		n = 4
	case 127:
		n = 10
	}
	if f.head[1]&0x80 != 0 {
		n += 4
	}
	return n
}

// length is how much data follows the frame head.
func (f *frames) length() uint64 {
	short := f.head[1] & 0x7f
	size := 0
	switch short {
	case 126:
		size = 2
	case 127:
		size = 8
	default:
		return uint64(short)
	}
	var n uint64
	for _, b := range f.head[2 : 2+size] {
		n = n<<8 | uint64(b)
	}
	return n
}
