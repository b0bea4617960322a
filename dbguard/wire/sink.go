package wire

import "io"

// sink gathers what goes to a client out of one read, so that it is written once; neighbouring parts of the read buffer stay one.
type sink struct {
	parts [][]byte
	own   []byte
}

// add passes on a part of the read buffer.
func (s *sink) add(p []byte) {
	if len(p) == 0 {
		return
	}
	if n := len(s.parts); n > 0 {
		last := s.parts[n-1]
		if cap(last) > len(last) && &last[:len(last)+1][len(last)] == &p[0] {
			s.parts[n-1] = last[:len(last)+len(p)]
			return
		}
	}
	s.parts = append(s.parts, p)
}

// make adds bytes of our own.
func (s *sink) make(p ...byte) { s.add(append([]byte(nil), p...)) }

func (s *sink) reset() { s.parts = s.parts[:0] }

// writeTo writes all of it, a single part without copying.
func (s *sink) writeTo(w io.Writer) error {
	switch len(s.parts) {
	case 0:
		return nil
	case 1:
		_, err := w.Write(s.parts[0])
		return err
	}
	s.own = s.own[:0]
	for _, p := range s.parts {
		s.own = append(s.own, p...)
	}
	_, err := w.Write(s.own)
	return err
}
