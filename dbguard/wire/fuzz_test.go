package wire

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

// chunks is a reader that hands out pieces of the given sizes, in turn.
type chunks struct {
	data  []byte
	sizes []byte
	n     int
}

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.data) == 0 {
		return 0, io.EOF
	}
	size := len(c.data)
	if len(c.sizes) > 0 {
		size = int(c.sizes[c.n%len(c.sizes)]) + 1
		c.n++
	}
	n := copy(p, c.data[:min(size, len(c.data))])
	c.data = c.data[n:]
	return n, nil
}

// relayed is what a client gets of the server's bytes when they come in the given sizes, requests being owed.
func relayed(data, sizes []byte, requests string) string {
	b := &back{status: 'I', statements: newCache(), watch: unwatched{}}
	for i := range len(requests) {
		b.expect(requestFor(requests[i]))
	}
	var got bytes.Buffer
	var out sink
	in, buf, n := &chunks{data: data, sizes: sizes}, make([]byte, len(data)+1), 0
	for {
		read, err := in.Read(buf[n:])
		if err != nil {
			return got.String()
		}
		n += read
		t := b.relay(buf[:n], &out)
		_ = out.writeTo(&got)
		out.reset()
		if t.fatal != nil {
			return got.String()
		}
		n = copy(buf, buf[t.used:n])
	}
}

// requestFor is an answer in the mode that the case of the letter tells: small letters are ours.
func requestFor(c byte) answer {
	switch c {
	case 'q':
		return answer{request: 'Q', mode: skip, catch: true}
	case 'p':
		return answer{request: 'P', mode: inject}
	case '1':
		return answer{request: 'P', mode: fake}
	case '3':
		return answer{request: 'C', mode: fake}
	case 'x':
		return answer{request: 'P', refusal: refuse(codeBlocked, "no").append(nil)}
	case 'P', 'B', 'D', 'E', 'C', 'S':
		return answer{request: c}
	}
	return answer{request: 'Q'}
}

func FuzzServerBytes(f *testing.F) {
	row := appendMessage(nil, 'D', 0, 1, 0, 0, 0, 1, 'x')
	f.Add(appendReady(appendComplete(row, "SELECT 1"), 'I'), []byte{0, 3, 7}, "Q")
	f.Add(appendReady(refuse("22012", "x").append(nil), 'E'), []byte{4}, "PBES")
	f.Add(appendReady(append([]byte("1\x00\x00\x00\x042\x00\x00\x00\x04"), refuse("0A000", "x").append(nil)...), 'I'), []byte{1}, "1PBE3S")
	f.Add(appendReady(appendMessage(nil, 'G', 0, 0, 0), 'I'), []byte{2}, "ESScS")
	f.Add(appendParameter([]byte("D\xff\xff\xff\xff"), "a", "b"), []byte{}, "q")
	f.Add([]byte("E\x00\x00\x00\x00Z\x00\x00\x00\x04"), []byte{0}, "xS")
	f.Fuzz(func(t *testing.T, data, sizes []byte, requests string) {
		if len(data) > 2<<20 || len(requests) > 1000 {
			return
		}
		whole := relayed(data, nil, requests)
		if split := relayed(data, sizes, requests); split != whole {
			t.Errorf("in pieces %v the client gets\n%q, at once\n%q", sizes, split, whole)
		}
	})
}

func FuzzClientBytes(f *testing.F) {
	f.Add(appendQuery(appendQuery(nil, "select 1"), "select 2"), []byte{0, 1, 2})
	f.Add(appendMessage(nil, 'd', make([]byte, 5000)...), []byte{255})
	f.Add([]byte{'Q', 0x7f, 0xff, 0xff, 0xff, 'x'}, []byte{1})
	f.Add([]byte{'B', 0, 0xff, 0xff, 0xff}, []byte{})
	f.Add([]byte{'S', 0, 0, 0, 3}, []byte{})
	f.Fuzz(func(t *testing.T, data, sizes []byte) {
		whole, split := readAll(data, nil), readAll(data, sizes)
		if !bytes.Equal(whole, split) {
			t.Errorf("in pieces %v it reads %q, at once %q", sizes, split, whole)
		}
	})
}

// readAll is every message of data as the inbox hands it out, and the parts of the long ones.
func readAll(data, sizes []byte) []byte {
	in := inbox{from: &chunks{data: data, sizes: sizes}}
	defer in.release()
	var got []byte
	for {
		m, err := in.next()
		var p *problem
		if errors.As(err, &p) {
			return append(got, p.code...)
		}
		if err != nil {
			return got
		}
		got = append(got, m.raw...)
		for rest := m.rest; rest > 0; {
			part, err := in.part(rest)
			if err != nil {
				return got
			}
			got = append(got, part...)
			rest -= len(part)
		}
	}
}

func FuzzStartup(f *testing.F) {
	f.Add([]byte("user\x00app\x00database\x00x\x00options\x00-c a=b --c-d=\\ e\x00\x00"), uint16(0))
	f.Add([]byte("user\x00app\x00_pq_.x\x00\x00\x00"), uint16(9))
	f.Add([]byte("user"), uint16(2))
	f.Fuzz(func(t *testing.T, body []byte, minor uint16) {
		st, p := parseStartup(minor, body)
		if (st == nil) == (p == nil) {
			t.Errorf("got %v and %v, want one of them", st, p)
		}
		if st != nil {
			st.negotiate(nil, newestMinor)
		}
	})
}

func FuzzMarks(f *testing.F) {
	for _, sql := range []string{"set x = 1", "select set_config('a', ('b'), false)", "do $$ do 'set x' $$", "/* /* */", "E'\\", "$a$", `"`, "deallocate", "U&'\\0041'"} {
		f.Add(sql, true)
	}
	f.Fuzz(func(t *testing.T, sql string, backslash bool) { readMarks(sql, backslash) })
}

func TestInboxGivesBackWhatItBorrowed(t *testing.T) {
	in := inbox{from: iotest.OneByteReader(bytes.NewReader(append(appendQuery(nil, string(make([]byte, 100_000))), appendQuery(nil, "x")...)))}
	for range 2 {
		if _, err := in.next(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := in.next(); err != io.EOF {
		t.Errorf("got %v, want EOF", err)
	}
	if len(in.buf) != smallBuffer || in.borrowed != nil {
		t.Errorf("an idle client holds %d bytes, want %d", len(in.buf), smallBuffer)
	}
}
