package crossdoor

import (
	"bytes"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
)

// Bounds of what is kept of a WebSocket: how long a message counts as a request in flight, and how many of the newest do.
const (
	messageTime = 2 * time.Second
	maxMessages = 32
)

// Socket follows the client's side of a WebSocket whose handshake c was answered with these Sec-WebSocket-Extensions. The caller gives
// each piece of the stream to feed before the app gets it, all from one goroutine. Each message counts as a request in flight of its
// own, for two seconds or until 32 more came. It returns nil where the route is left alone.
func (w *Window) Socket(c *gin.Context, extensions string) (feed func([]byte)) {
	taint := w.taint(c.Request.URL)
	if taint == "off" {
		return nil
	}
	request, client := w.identify(c)
	s := &socket{window: w, request: request, client: client, route: w.routeName("WS", clip(c.Request.URL.Path, 200)), reportOnly: taint == "observe"}
	s.inflater.setUp(extensions)
	return s.feed
}

// socket reads the messages of one client.
type socket struct {
	window                 *Window
	request, client, route string
	reportOnly             bool // see entry

	frame    clientFrame
	inflater inflater

	message []byte // of the message at hand, unmasked, up to the bound
	packed  bool   // it is compressed
	binary  bool
	cut     bool // not all of it is there

	kept []*entry // the messages that count, oldest first
}

// feed reads the next bytes of the stream.
func (s *socket) feed(p []byte) {
	for len(p) > 0 {
		n, payload := s.frame.next(p)
		if s.frame.begins && s.frame.isData() {
			s.begin()
		}
		if s.frame.isData() {
			s.keep(payload)
		}
		if s.frame.ended() && s.frame.isData() && s.frame.final {
			s.complete()
		}
		p = p[n:]
	}
}

// begin starts a message at its first frame.
func (s *socket) begin() {
	if s.frame.opcode == opContinue {
		return
	}
	s.message, s.binary, s.cut = s.message[:0], s.frame.opcode == opBinary, false
	s.packed = s.frame.reserved != 0
}

func (s *socket) keep(payload []byte) {
	room := int(s.window.settings.RequestMax) - len(s.message)
	if room < len(payload) {
		payload, s.cut = payload[:max(room, 0)], true
	}
	s.message = append(s.message, payload...)
}

// complete makes the message at hand a request in flight.
func (s *socket) complete() {
	text, cut := s.message, s.cut
	if s.packed {
		text, cut = s.inflater.message(s.message, s.cut, int(s.window.settings.RequestMax))
	}
	e := s.window.message(s)
	if e == nil {
		return
	}
	if cut {
		e.markLost()
	}
	if s.binary && bytes.IndexByte(text, 0) >= 0 {
		eachRun(text, func(run string) { e.input(fromSocket, "", run) })
	} else {
		readMessage(text, e)
	}
	if _, cut := e.view(); cut {
		s.window.counters.cut.Add(1)
	}
	if cap(s.message) > 4<<10 {
		s.message = nil // most sockets are quiet for long
	}
}

// readMessage keeps the inputs of a text: its strings where it is JSON, and itself.
func readMessage(text []byte, e *entry) {
	text = bytes.TrimSpace(text)
	if len(text) > 0 && strings.IndexByte(`{["`, text[0]) >= 0 {
		j := jsonScanner{max: int(e.limits.ValueMax), emit: func(key, text string, more int) {
			if key != "(key)" || !isWord(text) || more > 0 {
				e.piece(fromSocket, key, text, more)
			}
		}}
		j.feed(text)
		j.finish()
	}
	e.input(fromSocket, "", string(text))
}

// eachRun calls emit with each run of four bytes or more without control bytes: the strings of a binary message.
func eachRun(data []byte, emit func(string)) {
	const shortest = 4
	for run := range bytes.FieldsFuncSeq(data, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' && r != '\r' || r == 0x7f }) {
		if len(run) >= shortest {
			emit(strings.ToValidUTF8(string(run), " "))
		}
	}
}

// message makes room for a message of s; nil where the window is full.
func (w *Window) message(s *socket) *entry {
	w.counters.requests.Add(1)
	now := w.now()
	e := &entry{request: s.request, client: s.client, route: s.route, reportOnly: s.reportOnly, limits: w.settings, held: &w.held, until: now.Add(messageTime)}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.expire(now)
	for len(s.kept) > 0 && (s.kept[0].over(now) || len(s.kept) >= maxMessages) {
		w.drop(s.kept[0])
		s.kept = s.kept[1:]
	}
	if !w.admit(e) {
		return nil
	}
	s.kept = append(s.kept, e)
	w.messages = append(w.messages, e)
	return e
}

// over reports a message whose time has passed; never a request.
func (e *entry) over(now time.Time) bool { return !e.until.IsZero() && !now.Before(e.until) }

// drop forgets e at once. The caller holds w.mu.
func (w *Window) drop(e *entry) {
	if _, held := w.entries[e]; held {
		delete(w.entries, e)
		e.release()
	}
}
