package crossdoor

import (
	"bytes"
	"mime"
	"net/textproto"
	"strings"
)

// multipartScanner finds the fields of a multipart/form-data text while it streams by (RFC 7578). Of a file it keeps the name and
// the first bytes, as of any field; that it goes on is no cut: apps store files, and a photo on its way for a minute must not make every
// statement of its time suspect.
type multipartScanner struct {
	emit  func(name, text string, more int) // more bytes of the field follow, as squeeze counts them
	max   int                               // bytes kept of one part
	delim []byte                            // CR LF "--" boundary

	window  []byte // bytes that may be the beginning of a delimiter
	part    []byte
	more    int  // bytes of the part that were not kept
	started bool // past the first delimiter
}

func newMultipart(boundary string, max int, emit func(name, text string, more int)) *multipartScanner {
	return &multipartScanner{emit: emit, max: max, delim: []byte("\r\n--" + boundary), window: []byte("\r\n")}
}

func (m *multipartScanner) feed(p []byte) {
	m.window = append(m.window, p...)
	for {
		at := bytes.Index(m.window, m.delim)
		if at < 0 {
			break
		}
		m.take(m.window[:at])
		m.endPart()
		m.window = m.window[at+len(m.delim):]
		m.started = true
	}
	if keep := len(m.delim) - 1; len(m.window) > keep {
		m.take(m.window[:len(m.window)-keep])
		m.window = append(m.window[:0], m.window[len(m.window)-keep:]...)
	}
}

// take keeps the bytes of the part at hand, its header lines first.
func (m *multipartScanner) take(p []byte) {
	if !m.started {
		return
	}
	room := m.max + maxPartHeader - len(m.part)
	if room = max(room, 0); room < len(p) {
		m.more += squeezedLen(p[room:])
		p = p[:room]
	}
	m.part = append(m.part, p...)
}

// maxPartHeader bounds a part's header lines, bytes.
const maxPartHeader = 2048

// endPart hands on the part at hand.
func (m *multipartScanner) endPart() {
	head, body, found := bytes.Cut(m.part, []byte("\r\n\r\n"))
	if found {
		name, file := dispositionOf(head)
		if file != "" {
			m.emit(name, file, 0)
			m.more = 0
		}
		if len(body) > m.max {
			if file == "" {
				m.more += squeezedLen(body[m.max:])
			}
			body = body[:m.max]
		}
		if file == "" || bytes.IndexByte(body, 0) < 0 {
			m.emit(name, string(body), m.more)
		}
		if !isWord(name) {
			m.emit("(key)", name, 0)
		}
	}
	m.part, m.more = m.part[:0], 0
}

// finish hands on what an unfinished text ends with.
func (m *multipartScanner) finish() {
	m.take(m.window)
	m.window = m.window[:0]
	m.endPart()
}

// dispositionOf returns the field's and the file's name from a part's header lines; "" where there is none.
func dispositionOf(head []byte) (name, file string) {
	for line := range strings.SplitSeq(string(head), "\r\n") {
		key, rest, ok := strings.Cut(line, ":")
		if !ok || textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(key)) != "Content-Disposition" {
			continue
		}
		if _, params, err := mime.ParseMediaType(rest); err == nil {
			return params["name"], params["filename"]
		}
	}
	return "", ""
}
