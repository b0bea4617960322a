package http1

import (
	"encoding/binary"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// head writes down status and fields, all but those that frame the body.
func (w *response) head() {
	w.announced()
	w.borrow()
	b := appendStatus(w.out, w.status)
	dated := false
	for name, values := range w.header {
		switch name {
		case "Content-Length":
			w.declare(values)
			continue
		case "Transfer-Encoding":
			continue // ours to say
		case "Connection":
			if w.status != http.StatusSwitchingProtocols {
				w.close = w.close || httpguts.HeaderValuesContainsToken(values, "close")
				continue
			}
		case "Date":
			dated = true
		case "Trailer":
			if w.trailers != nil {
				b = appendField(b, name, []string{strings.Join(w.trailers, ", ")}) // those that may be one: clients refuse others
			}
			continue
		case "Content-Type":
			if w.status == http.StatusNotModified {
				continue
			}
		}
		if strings.HasPrefix(name, http.TrailerPrefix) {
			continue
		}
		b = appendField(b, name, values)
	}
	if !dated {
		b = append(b, w.c.server.date.Load().line...)
	}
	w.out = b
}

// announced reads which trailers will follow. Only a chunked body can have some.
func (w *response) announced() {
	lists := w.header["Trailer"]
	if lists == nil || w.request.ProtoMinor == 0 || !allowsBody(w.status) || w.header["Content-Length"] != nil {
		return
	}
	for _, list := range lists {
		for name := range strings.SplitSeq(list, ",") {
			if name = textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name)); httpguts.ValidTrailerHeader(name) {
				w.trailers = append(w.trailers, name)
			}
		}
	}
}

// declare keeps what the handler says of the body's length; nonsense is left out.
func (w *response) declare(values []string) {
	if len(values) != 1 {
		return
	}
	n, err := strconv.ParseInt(values[0], 10, 64)
	if err == nil && n >= 0 && values[0][0] != '+' {
		w.length = n
	}
}

// decide says how the body ends and completes the head; done is true where the whole body is in held.
func (w *response) decide(done bool) {
	head := w.request.Method == http.MethodHead
	switch {
	case !allowsBody(w.status):
		w.framing, w.length = bodyless, -1
	case w.length < 0 && done && w.trailers == nil && (!head || len(w.held) > 0):
		w.length = int64(len(w.held))
		fallthrough
	case w.length >= 0:
		w.framing = byLength
		w.out = append(w.out, "Content-Length: "...)
		w.out = append(strconv.AppendInt(w.out, w.length, 10), "\r\n"...)
	case head:
	case w.request.ProtoMinor == 1:
		w.framing = byChunks
		w.out = append(w.out, "Transfer-Encoding: chunked\r\n"...)
	default:
		w.framing, w.close = byClose, true
	}
	if head {
		w.framing = bodyless
	}
	w.connection()
	w.out = append(w.out, "\r\n"...)
	if w.framing != bodyless && len(w.held) > 0 {
		w.emit(w.held)
	}
	w.held = nil
}

// connection says what becomes of the connection.
func (w *response) connection() {
	w.close = w.close || w.c.server.closing.Load() || w.body != nil && !w.body.skippable()
	switch {
	case w.status == http.StatusSwitchingProtocols:
	case w.close:
		w.out = append(w.out, "Connection: close\r\n"...)
	case w.request.ProtoMinor == 0:
		w.out = append(w.out, "Connection: keep-alive\r\n"...)
	}
}

// appendStatus adds the status line.
func appendStatus(b []byte, status int) []byte {
	if status == http.StatusOK {
		return append(b, "HTTP/1.1 200 OK\r\n"...)
	}
	b = append(b, "HTTP/1.1 "...)
	b = append(strconv.AppendInt(b, int64(status), 10), ' ')
	text := http.StatusText(status)
	if text == "" {
		text = "status code " + strconv.Itoa(status)
	}
	return append(append(b, text...), "\r\n"...)
}

// appendField adds one line for each value. A name that is none is left out; a line end inside a value becomes a blank.
func appendField(b []byte, name string, values []string) []byte {
	if !isName(name) {
		return b
	}
	for _, v := range values {
		b = append(b, name...)
		b = append(b, ": "...)
		from := len(b)
		b = append(b, v...)
		if hasLineEnd(b[from:]) {
			for i, c := range b[from:] {
				if c == '\r' || c == '\n' {
					b[from+i] = ' '
				}
			}
		}
		b = append(b, "\r\n"...)
	}
	return b
}

// nameByte tells the bytes that a header name may hold (RFC 9110, 5.6.2).
var nameByte = func() (t [256]bool) {
	for c := range 256 {
		t[c] = c < 0x80 && httpguts.IsTokenRune(rune(c))
	}
	return t
}()

func isName(s string) bool {
	for i := range len(s) {
		if !nameByte[s[i]] {
			return false
		}
	}
	return s != ""
}

// hasLineEnd reports whether a CR or LF stands in b. It looks at eight bytes at once; what looks like one is looked at again.
func hasLineEnd(b []byte) bool {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	for ; len(b) >= 8; b = b[8:] {
		x := binary.LittleEndian.Uint64(b)
		if (x-0x20*ones)&^x&high != 0 && lineEndIn(b[:8]) {
			return true
		}
	}
	return lineEndIn(b)
}

func lineEndIn(b []byte) bool {
	for _, c := range b {
		if c == '\r' || c == '\n' {
			return true
		}
	}
	return false
}
