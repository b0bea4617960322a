package crossdoor

import (
	"bytes"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/textproto"
	"strings"
)

// multipartScanner finds the fields of a multipart/form-data text while it streams by (RFC 7578). Of a file it keeps the name and
// the first bytes, as of any field; that it goes on is no cut: apps store files, and a photo on its way for a minute must not make every
// statement of its time suspect.
type multipartScanner struct {
	emit  func(name, text string, more int) // more bytes of the field follow, as squeeze counts them
	max   int                               // bytes kept of one part
	delim []byte                            // LF "--" boundary: the CR before it is left out by some, and read past by all

	window  []byte // bytes that may be the beginning of a delimiter
	part    []byte
	more    int  // bytes of the part that were not kept
	started bool // past the first delimiter
}

func newMultipart(boundary string, max int, emit func(name, text string, more int)) *multipartScanner {
	return &multipartScanner{emit: emit, max: max, delim: []byte("\n--" + boundary), window: []byte("\n")}
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
	head, body, found := cutHead(m.part)
	if found {
		p := partHead(head)
		body = m.decoded(p.coding, bytes.TrimSuffix(body, []byte("\r")))
		if p.odd != "" {
			m.emit("(header)", p.odd, 0)
		}
		if p.file != "" {
			m.emit(p.name, p.file, 0)
			m.more = 0
		}
		if len(body) > m.max {
			if p.file == "" {
				m.more += squeezedLen(body[m.max:])
			}
			body = body[:m.max]
		}
		if p.file == "" || bytes.IndexByte(body, 0) < 0 {
			m.emit(p.name, string(body), m.more)
		}
		if !isWord(p.name) {
			m.emit("(key)", p.name, 0)
		}
	}
	m.part, m.more = m.part[:0], 0
}

// decoded reads quoted-printable, as some parsers do unasked (Go's among them); base64 is one of an input's spellings.
func (m *multipartScanner) decoded(coding string, body []byte) []byte {
	if !strings.EqualFold(coding, "quoted-printable") {
		return body
	}
	plain, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(body)))
	if err != nil {
		m.emit("", string(body), m.more)
	}
	return plain
}

// cutHead parts a part's header lines from its text at the first empty line, whichever way lines end.
func cutHead(part []byte) (head, body []byte, found bool) {
	for i := 0; i < len(part); {
		n := bytes.IndexByte(part[i:], '\n')
		if n < 0 {
			break
		}
		if line := part[i : i+n]; i > 0 && len(bytes.TrimSuffix(line, []byte("\r"))) == 0 {
			return part[:i], part[i+n+1:], true
		}
		i += n + 1
	}
	return nil, nil, false
}

// finish hands on what an unfinished text ends with.
func (m *multipartScanner) finish() {
	m.take(m.window)
	m.window = m.window[:0]
	m.endPart()
}

// partOf is what a part's header lines say: the field's and the file's name, how the text is coded, and a line that is none of those that
// browsers send; "" where there is none.
type partOf struct{ name, file, coding, odd string }

func partHead(head []byte) (p partOf) {
	for line := range strings.SplitSeq(string(head), "\n") {
		key, rest, ok := strings.Cut(line, ":")
		if rest = strings.TrimSpace(rest); !ok {
			continue
		}
		switch textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(key)) {
		case "Content-Disposition":
			if _, params, err := mime.ParseMediaType(rest); err == nil {
				p.name, p.file = params["name"], params["filename"]
			} else {
				p.odd = rest
			}
		case "Content-Transfer-Encoding":
			p.coding = rest
		case "Content-Type":
			if _, params, err := mime.ParseMediaType(rest); err != nil || len(params) > 0 {
				p.odd = rest
			}
		}
	}
	return p
}
