package crossdoor

import "bytes"

// markupScanner finds the texts and attribute values of XML or HTML while it streams by. Like jsonScanner it never fails.
type markupScanner struct {
	emit func(text string, more int) // more bytes of the text follow, as squeeze counts them
	max  int

	text   []byte
	more   int
	inTag  bool
	entity bool // inside &…; of what is not kept
	quote  byte // the quote that opened an attribute's value, 0 outside
}

func (m *markupScanner) feed(p []byte) {
	for _, c := range p {
		switch {
		case m.quote != 0 && c == m.quote:
			m.hand()
			m.quote = 0
		case m.quote != 0:
			m.put(c)
		case m.inTag && (c == '"' || c == '\''):
			m.quote, m.text, m.more, m.entity = c, m.text[:0], 0, false
		case m.inTag && c == '>':
			m.inTag = false
		case m.inTag:
		case c == '<':
			m.hand()
			m.inTag = true
		default:
			m.put(c)
		}
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
		m.entity = c == '&'
	}
}

func (m *markupScanner) hand() {
	if len(m.text) > 0 {
		m.emit(m.kept(), m.more)
		m.text, m.more, m.entity = m.text[:0], 0, false
	}
}

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
