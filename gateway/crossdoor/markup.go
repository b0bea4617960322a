package crossdoor

// markupScanner finds the texts and attribute values of XML or HTML while it streams by. Like jsonScanner it never fails.
type markupScanner struct {
	emit func(text string, more int) // more bytes of the text follow, as squeeze counts them
	max  int

	text  []byte
	more  int
	inTag bool
	quote byte // the quote that opened an attribute's value, 0 outside
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
			m.quote, m.text, m.more = c, m.text[:0], 0
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
		if !dropped[c] {
			m.more++
		}
		return
	}
	m.text = append(m.text, c)
}

func (m *markupScanner) hand() {
	if len(m.text) > 0 {
		m.emit(string(m.text), m.more)
		m.text, m.more = m.text[:0], 0
	}
}

func (m *markupScanner) finish() { m.hand() }
