package crossdoor

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"sallyport/dbguard/screen"
)

// maskedFrame is a client's frame: first is its FIN, RSV and opcode byte.
func maskedFrame(first byte, payload []byte) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	mask := [4]byte{0x12, 0x9a, 0, 0xff}
	b = append(b, mask[:]...)
	for i, c := range payload {
		b = append(b, c^mask[i&3])
	}
	return b
}

// deflater packs messages as one client does, each referring to those before.
type deflater struct {
	buf bytes.Buffer
	w   *flate.Writer
}

func newDeflater() *deflater {
	d := &deflater{}
	d.w, _ = flate.NewWriter(&d.buf, flate.BestCompression)
	return d
}

func (d *deflater) pack(text string) []byte {
	d.buf.Reset()
	_, _ = d.w.Write([]byte(text))
	_ = d.w.Flush()
	return bytes.Clone(bytes.TrimSuffix(d.buf.Bytes(), []byte{0, 0, 0xff, 0xff}))
}

// chat is a window that follows one socket.
type chat struct {
	*Window
	now  time.Time
	feed func([]byte)
}

func newChat(extensions string, limits ...func(*Settings)) *chat {
	s := Defaults()
	for _, l := range limits {
		l(&s)
	}
	c := &chat{now: time.Unix(1000, 0)}
	c.Window = New(s, Parts{Now: func() time.Time { return c.now }, Identify: func(*gin.Context) (string, string) { return "r1", "203.0.113.7" }})
	gc, _ := gin.CreateTestContext(httptest.NewRecorder())
	gc.Request = httptest.NewRequest("GET", "/live", nil)
	c.feed = c.Socket(gc, extensions)
	return c
}

// kept are the texts of all requests that count now.
func (c *chat) kept() (texts []string) {
	all, _ := c.running(nil)
	for _, e := range all {
		values, _ := e.view()
		for _, v := range values {
			texts = append(texts, v.param+" "+v.text)
		}
	}
	return texts
}

func TestSocketMessagesAreRequestsInFlight(t *testing.T) {
	long := strings.Repeat("a b ", 40_000)
	packed := newDeflater()
	for _, tc := range []struct {
		name, extensions string
		frames           [][]byte
		want             []string
	}{
		{"text", "", [][]byte{maskedFrame(0x81, []byte("1 or 1=1"))}, []string{" 1 or 1=1"}},
		{"JSON", "", [][]byte{maskedFrame(0x81, []byte(`{"q":"x' or 1"}`))}, []string{"q x' or 1"}},
		{"without a mask", "", [][]byte{append([]byte{0x81, 8}, "1 or 1=1"...)}, []string{" 1 or 1=1"}},
		{"fragments with a ping between", "", [][]byte{
			maskedFrame(0x01, []byte("1 or ")), maskedFrame(0x89, []byte("ping'--")), maskedFrame(0x00, nil), maskedFrame(0x80, []byte("1=1")),
		}, []string{" 1 or 1=1"}},
		{"strings of a binary message", "", [][]byte{maskedFrame(0x82, []byte("\x00\x01\xa91 or 1=1\x00\x07name'--\x03"))}, []string{" 1 or 1=1", " name'--"}},
		{"long, then short", "", [][]byte{maskedFrame(0x81, []byte(long)), maskedFrame(0x81, []byte("2 or 2"))}, []string{" 2 or 2"}},
		{"compressed, referring back", "permessage-deflate; server_no_context_takeover", [][]byte{
			maskedFrame(0xc1, packed.pack("the first message, or 1=1")), maskedFrame(0xc1, packed.pack("the second message, or 1=1")),
		}, []string{" the first message, or 1=1", " the second message, or 1=1"}},
		{"compressed in fragments", "permessage-deflate; client_no_context_takeover", [][]byte{
			maskedFrame(0x41, newDeflater().pack("9 or 9=9")[:4]), maskedFrame(0x80, newDeflater().pack("9 or 9=9")[4:]),
		}, []string{" 9 or 9=9"}},
	} {
		for _, piece := range []int{1, 7, 1 << 20} {
			c := newChat(tc.extensions)
			for p := range slices.Chunk(bytes.Join(tc.frames, nil), piece) {
				c.feed(p)
			}
			kept := c.kept()
			for _, want := range tc.want {
				if !slices.Contains(kept, want) {
					t.Errorf("%s in pieces of %d: kept %.200q, want %q among them", tc.name, piece, kept, want)
				}
			}
			if slices.ContainsFunc(kept, func(s string) bool { return strings.Contains(s, "ping") }) {
				t.Errorf("%s: a control frame was kept: %.200q", tc.name, kept)
			}
		}
	}
}

func TestWhatASocketHidesIsCut(t *testing.T) {
	packed := newDeflater()
	bomb := newDeflater().pack(strings.Repeat("x'", 1<<20))
	for _, tc := range []struct {
		name, extensions string
		payload          []byte
	}{
		{"an extension nobody agreed on", "", packed.pack("1 or 1")},
		{"what is not deflate", "permessage-deflate", []byte("\xff\xff\xff")},
		{"a bomb", "permessage-deflate", bomb},
		{"a message over the bound", "permessage-deflate", bytes.Repeat([]byte{1}, 100<<10)},
	} {
		c := newChat(tc.extensions)
		c.feed(maskedFrame(0xc1, tc.payload))
		if got := c.Snapshot(); got.Cut != 1 || got.InFlight != 1 || got.Bytes > Defaults().RequestMax+valueOverhead {
			t.Errorf("%s: got %+v, want one message in flight, cut", tc.name, got)
		}
		c.feed(maskedFrame(0xc1, packed.pack("2 or 2")))
		if got := c.Snapshot().Cut; got != 2 && tc.extensions != "" {
			t.Errorf("%s: %d cut after one that may refer to what was not read, want 2", tc.name, got)
		}
	}
}

func TestMessagesCountForTwoSecondsAndTheNewest32(t *testing.T) {
	c := newChat("")
	for i := range 40 {
		c.feed(maskedFrame(0x81, fmt.Appendf(nil, "%d or true", i)))
	}
	if kept := c.kept(); len(kept) != 32 || slices.Contains(kept, " 7 or true") || !slices.Contains(kept, " 8 or true") {
		t.Errorf("after 40 messages %d count: %q; want the newest 32", len(kept), kept)
	}
	c.now = c.now.Add(2 * time.Second)
	if kept := c.kept(); len(kept) != 0 {
		t.Errorf("after 2 s %q count, want none", kept)
	}
	c.feed(maskedFrame(0x81, []byte("another one or two")))
	if got := c.Snapshot(); got.InFlight != 1 || got.Bytes > 200 {
		t.Errorf("got %d in flight and %d bytes, want one message's", got.InFlight, got.Bytes)
	}
}

func TestStatementMadeOfAMessageIsFound(t *testing.T) {
	c := newChat("")
	c.feed(maskedFrame(0x81, []byte(`{"name":"x' OR '1'='1"}`)))
	s := screen.Read("SELECT * FROM p WHERE name = 'x' OR '1'='1'", screen.Options{})
	defer s.Release()
	found := c.Rule().Check(s)
	want := screen.Crossing{Request: "r1", Client: "203.0.113.7", Route: "WS /live", Source: "websocket", Param: "name", Length: 12, Verdict: "hard"}
	if len(found) > 0 {
		want.Hash = found[0].Crossing.Hash
	}
	if len(found) == 0 || *found[0].Crossing != want {
		t.Errorf("got %+v, want %+v", found, want)
	}
}

func TestSocketOfARouteLeftAloneIsNotFollowed(t *testing.T) {
	for taint, want := range map[string]string{"off": "", "observe": "seen", "enforce": "hard"} {
		c := newChat("")
		c.Except([]Route{{Path: "/live", Taint: taint}})
		gc, _ := gin.CreateTestContext(httptest.NewRecorder())
		gc.Request = httptest.NewRequest("GET", "/live", nil)
		if feed := c.Socket(gc, ""); feed != nil {
			feed(maskedFrame(0x81, []byte("x' OR '1'='1")))
		}
		s := screen.Read("SELECT * FROM p WHERE name = 'x' OR '1'='1'", screen.Options{})
		got := ""
		if found := c.Rule().Check(s); len(found) > 0 {
			got = found[0].Crossing.Verdict
		}
		s.Release()
		if got != want {
			t.Errorf("taint %s: got %q, want %q", taint, got, want)
		}
	}
}

func FuzzSocket(f *testing.F) {
	f.Add(maskedFrame(0xc1, newDeflater().pack("1 or 1")), uint8(3))
	f.Add(append(maskedFrame(0x01, []byte("1 or ")), maskedFrame(0x80, []byte("1"))...), uint8(1))
	f.Fuzz(func(t *testing.T, stream []byte, seed uint8) {
		r := rand.New(rand.NewPCG(uint64(seed), 1))
		c := newChat("permessage-deflate", func(s *Settings) { s.Requests, s.RequestMax, s.ValueMax = 8, 1000, 100 })
		for len(stream) > 0 {
			n := 1 + r.IntN(len(stream))
			c.feed(stream[:n])
			stream = stream[n:]
		}
		if got := c.Snapshot(); got.InFlight > 8 || got.Bytes > 8*(1000+valueOverhead) {
			t.Errorf("holds %d messages and %d bytes, want at most 8 of 1,000", got.InFlight, got.Bytes)
		}
	})
}
