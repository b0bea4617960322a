package crossdoor

import "bytes"

// markupScanner finds the texts and attribute values of XML or HTML while it streams by. Like jsonScanner it never fails.
type markupScanner struct {
	emit func(text string, more int) // more bytes of the text follow, as squeeze counts them
	max  int

	text   []byte
	more   int
	entity bool // inside &…; of what is not kept
	inTag  bool
	quote  byte // the quote that opened an attribute's value, 0 outside

	opened  []byte // what the tag at hand begins with, as far as it may be a section
	section []byte // what ends the section at hand, nil outside
	last    [3]byte
}

// The sections in which < and quotes mean nothing: text as it stands, and comments (XML 1.0, 2.5 and 2.7).
var (
	cdataBegins, cdataEnds     = []byte("![CDATA["), []byte("]]>")
	commentBegins, commentEnds = []byte("!--"), []byte("-->")
)

func (m *markupScanner) feed(p []byte) {
	for _, c := range p {
		switch {
		case c == 0: // half of a character in UTF-16, which parsers tell by themselves
		case m.section != nil:
			m.inSection(c)
		case m.quote != 0 && c == m.quote:
			m.hand()
			m.quote = 0
		case m.quote != 0:
			m.put(c)
		case m.inTag && (c == '"' || c == '\''):
			m.quote = c
			m.reset()
		case m.inTag && c == '>':
			m.inTag = false
		case m.inTag:
			m.open(c)
		case c == '<':
			m.hand()
			m.inTag, m.opened = true, m.opened[:0]
		default:
			m.put(c)
		}
	}
}

// open reads a byte of a tag outside its attributes: it may be the beginning of a section.
func (m *markupScanner) open(c byte) {
	if len(m.opened) >= len(cdataBegins) {
		return
	}
	m.opened = append(m.opened, c)
	switch {
	case bytes.Equal(m.opened, cdataBegins):
		m.section = cdataEnds
	case bytes.Equal(m.opened, commentBegins):
		m.section = commentEnds
	default:
		return
	}
	m.inTag, m.last = false, [3]byte{}
	m.reset()
}

// inSection reads a byte of a section, whose text is an input: of a comment too, since apps take those out and use the rest.
func (m *markupScanner) inSection(c byte) {
	m.put(c)
	m.last = [3]byte{m.last[1], m.last[2], c}
	if bytes.Equal(m.last[:], m.section) {
		m.text = bytes.TrimSuffix(m.text, m.section)
		m.hand()
		m.section = nil
	}
}

func (m *markupScanner) put(c byte) {
	if len(m.text) >= m.max {
		m.skip(c)
		return
	}
	m.text = append(m.text, c)
}

// skip counts a byte that is not kept; an entity is one, whatever it stands for.
func (m *markupScanner) skip(c byte) {
	switch {
	case m.entity:
		m.entity = c != ';'
	case !dropped[c]:
		m.more++
		m.entity = c == '&' && m.section == nil
	}
}

func (m *markupScanner) hand() {
	if len(m.text) > 0 {
		m.emit(m.kept(), m.more)
	}
	m.reset()
}

func (m *markupScanner) reset() { m.text, m.more, m.entity = m.text[:0], 0, false }

// maxEntity bounds an entity that the cut may have halved, bytes.
const maxEntity = 12

// kept is the text without half an entity that the cut left.
func (m *markupScanner) kept() string {
	if i := bytes.LastIndexByte(m.text, '&'); m.more > 0 && i > len(m.text)-maxEntity && bytes.IndexByte(m.text[i:], ';') < 0 {
		return string(m.text[:i])
	}
	return string(m.text)
}

func (m *markupScanner) finish() { m.hand() }
