package crossdoor

import (
	"slices"
	"sync/atomic"
	"testing"
)

// FuzzScannersReadTheSameInPieces feeds a body whole and byte by byte: what is found must not depend on how the bytes arrive.
func FuzzScannersReadTheSameInPieces(f *testing.F) {
	f.Add(uint8(0), []byte(`{"a":"x\u0027","b":["\\",{"c":"d"}]}`))
	f.Add(uint8(1), []byte("a=1&b=%27+or&&c"))
	f.Add(uint8(2), []byte("--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nv\r\n--b--\r\n"))
	f.Add(uint8(3), []byte(`<a b="c">d</a>`))
	types := []string{"application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "text/xml", "text/plain"}
	f.Fuzz(func(t *testing.T, kind uint8, body []byte) {
		media := types[int(kind)%len(types)]
		whole, pieces := scanAll(media, body, len(body)), scanAll(media, body, 1)
		if !slices.Equal(whole, pieces) {
			t.Errorf("%s: whole %q, in pieces %q", media, whole, pieces)
		}
	})
}

func scanAll(media string, body []byte, step int) (found []string) {
	e := &entry{limits: Defaults(), held: new(atomic.Int64)}
	s := scannerFor(media, e)
	for len(body) > 0 {
		n := min(step, len(body))
		s.feed(body[:n])
		body = body[n:]
	}
	s.finish()
	values, _ := e.view()
	for _, v := range values {
		found = append(found, v.param+"="+v.text)
	}
	return found
}

// FuzzSpellings looks for panics and for spellings without bound.
func FuzzSpellings(f *testing.F) {
	for _, s := range []string{"%u0027%27", `\u0027\x41\n`, "&#39;&lt;", "MSBvciAx", "0x31206f72", `{"a":["b"]}`, "eyJh.eyJhIjoiYiJ9.c", "＇ or"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, size := 0, 0
		spellings(text, func(s string) { n++; size += len(s) })
		if n > maxSpellings {
			t.Errorf("%d spellings, want at most %d", n, maxSpellings)
		}
		if size > (len(text)+8)*maxSpellings*4 {
			t.Errorf("%d bytes of spellings from %d", size, len(text))
		}
	})
}
