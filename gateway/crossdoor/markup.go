package crossdoor

// markupScanner finds the texts and attribute values of XML or HTML while it streams by. Like jsonScanner it never fails.
type markupScanner struct {
	emit func(text string)
	max  int

	text  []byte
	inTag bool
	quote byte // the quote that opened an attribute's value, 0 outside
	cut   bool
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
			m.quote, m.text = c, m.text[:0]
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
		m.cut = true
		return
	}
	m.text = append(m.text, c)
}

func (m *markupScanner) hand() {
	if len(m.text) > 0 {
		m.emit(string(m.text))
		m.text = m.text[:0]
	}
}

func (m *markupScanner) finish() { m.hand() }
