package crossdoor

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// source is the kind of an input, as evidence names it.
type source string

// The kinds of input.
const (
	fromPath      source = "path"
	fromQuery     source = "query"
	fromForm      source = "form"
	fromJSON      source = "json"
	fromMultipart source = "multipart"
	fromBody      source = "body"
	fromCookie    source = "cookie"
	fromHeader    source = "header"
	fromSocket    source = "websocket"
)

// value is one spelling of one input, folded to lower case and trimmed.
type value struct {
	text   string
	source source
	param  string
	// head and tail are the bitmap places of the first and last four bytes; those of text and of text squeezed.
	head, tail     uint16
	sqHead, sqTail uint16
	squeezable     bool // the squeezed text has four bytes or more
	word           bool // letters, digits and underscore only: evidence only with confirmation
	input          int  // which input of the request it spells
	more           int  // bytes of the input that follow and were not kept, as squeeze counts them; 0 where it is whole
}

// entry is one request's inputs. Its values only grow while the request is in flight.
type entry struct {
	request, client, route string
	// trace is the id that the request's traceparent bears, "" where it has none.
	trace string
	// reportOnly is true where the route's settings let its input become SQL.
	reportOnly bool
	// late is true once the request ended and was not abandoned: searched after those in flight, for reports only.
	late   atomic.Bool
	limits Settings
	held   *atomic.Int64 // bytes of all requests' inputs
	until  time.Time     // when a message of a WebSocket ends by itself; zero for requests

	mu     sync.Mutex // guards what follows
	values []value
	words  []word
	inputs int
	bytes  int64
	cut    bool      // a cap was hit
	lost   bool      // whole inputs were not seen, so that none of their bytes can be looked for
	packed bool      // a compressed body is on its way that was not read yet, though the app may have read it
	done   time.Time // zero while in flight
	gone   bool      // forgotten: nothing more is kept
}

// input keeps text and its other spellings as one input. It copies text.
func (e *entry) input(from source, param, text string) { e.piece(from, param, text, 0) }

// piece is input for the beginning of an input of which more bytes follow that the scanner did not keep, as squeeze counts them.
func (e *entry) piece(from source, param, text string, more int) {
	if most := int(e.limits.ValueMax); len(text) > most {
		more += squeezedLen(text[most:])
		text = text[:most]
	}
	if len(text) > 0 && more == 0 {
		e.keepWord(from, param, text)
	}
	if len(text) < 2 || plainWord(text) && more == 0 || e.full() {
		return
	}
	if more > 0 {
		e.markCut()
	}
	e.mu.Lock()
	n := e.inputs
	e.inputs++
	if more > 0 && squeezedLen(text) < minPart { // an app that trims lets what follows stand alone
		e.lost = true
	}
	e.mu.Unlock()
	left := spellingsMax * e.limits.ValueMax
	spellings(text, func(s string) {
		if left -= int64(len(s)); left < 0 {
			e.markCut()
			return
		}
		e.keep(value{source: from, param: param, input: n, more: more}, s)
	})
}

// spellingsMax bounds the spellings of one input, in inputs of full length: a long text that can be read in many ways must not take the
// room of the inputs that follow.
const spellingsMax = 2

// full marks the request as cut where no further input fits, and says so.
func (e *entry) full() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.inputs < e.limits.Values && e.bytes < e.limits.RequestMax {
		return false
	}
	e.cut, e.lost = true, true
	return true
}

// markCut notes that a cap was hit; markLost that whole inputs were not seen for it.
func (e *entry) markCut() {
	e.mu.Lock()
	e.cut = true
	e.mu.Unlock()
}

// unpacks notes whether a compressed body waits to be read.
func (e *entry) unpacks(waits bool) {
	e.mu.Lock()
	e.packed = waits
	e.mu.Unlock()
}

func (e *entry) markLost() {
	e.mu.Lock()
	e.cut, e.lost = true, true
	e.mu.Unlock()
}

// keep stores one spelling of an input, of unless it is held already or does not fit.
func (e *entry) keep(of value, spelling string) {
	v, ok := newValue(spelling, of.more > 0)
	if !ok {
		return
	}
	v.source, v.param, v.input, v.more = of.source, clip(of.param, 64), of.input, of.more
	cost := int64(len(v.text)) + valueOverhead
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.gone || e.bytes+cost > e.limits.RequestMax+valueOverhead || e.held.Load()+cost > e.limits.Memory {
		e.cut, e.lost = true, true
		return
	}
	if slices.ContainsFunc(e.values, func(o value) bool { return o.text == v.text }) {
		return
	}
	e.values = append(e.values, v)
	e.bytes += cost
	e.held.Add(cost)
}

// forget drops the inputs of a request that ended at or before then, and reports whether it did.
func (e *entry) forget(then time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.done.After(then) {
		return false
	}
	e.gone = true
	e.held.Add(-e.bytes)
	return true
}

// release drops the inputs at once.
func (e *entry) release() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.gone = true
	e.held.Add(-e.bytes)
}

// valueOverhead is what one value costs beside its text, bytes.
const valueOverhead = 80

// view returns what the request holds now; the slice may be read without a lock since values are never changed.
func (e *entry) view() (values []value, cut bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.values[:len(e.values):len(e.values)], e.cut
}

// hasLost reports that whole inputs were not seen, or not yet.
func (e *entry) hasLost() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.lost || e.packed
}

// newValue folds and measures a spelling; ok is false where it can never be evidence. Of one that was cut any text is: what follows may
// be none of a word's bytes.
func newValue(spelling string, isCut bool) (value, bool) {
	text := lower(strings.TrimSpace(spelling))
	if !worthKeeping(text) && !(isCut && len(text) >= gramLen) {
		return value{}, false
	}
	v := value{text: text, word: isWord(text)}
	if len(text) >= gramLen {
		v.head, v.tail = gram(text[:gramLen]), gram(text[len(text)-gramLen:])
	}
	if !v.word {
		v.squeezeGrams()
	}
	return v, true
}

func (v *value) squeezeGrams() {
	var buf [256]byte
	sq := squeeze(buf[:0], v.text)
	if len(sq) >= gramLen {
		v.squeezable = true
		v.sqHead, v.sqTail = gramBytes(sq[:gramLen]), gramBytes(sq[len(sq)-gramLen:])
	}
}

// worthKeeping drops what can reach over no token's edge: less than two bytes, digits only, and words, which are one token
// wherever they stand. A word that begins with a digit is two to PostgreSQL (1or) and stays.
func worthKeeping(text string) bool {
	if len(text) < 2 {
		return false
	}
	digitFirst := '0' <= text[0] && text[0] <= '9'
	for i := range len(text) {
		c := text[i]
		if !wordByte[c] || digitFirst && (c < '0' || c > '9') {
			return true
		}
	}
	return false
}

// plainWord reports a word too short to hold another text in base64 or hex.
func plainWord(text string) bool { return len(text) < minPacked && !worthKeeping(text) }

func isWord(text string) bool {
	for i := range len(text) {
		if !wordByte[text[i]] {
			return false
		}
	}
	return true
}

// clip cuts s to at most n bytes at a rune's edge.
func clip(s string, n int) string {
	if len(s) <= n {
		return strings.Clone(s)
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return strings.Clone(s[:n])
}
