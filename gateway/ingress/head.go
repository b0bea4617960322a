package ingress

import (
	"bytes"
	"net"
)

// Head is a request head. Its slices point into the buffer that was parsed and are good until that changes.
type Head struct {
	Method, Target []byte
	// Host is the Host header, empty in HTTP/1.0 where it may be missing.
	Host []byte
	// Minor is the minor version: HTTP/1.Minor.
	Minor int
	// Length is the length of the body, 0 where there is none; it means nothing where the body is Chunked.
	Length  int64
	Chunked bool
	// Close is true where the client wants the connection closed after the answer.
	Close bool
	// Upgrade is true for a well-formed WebSocket upgrade.
	Upgrade bool
	// Continue is true where the client waits for 100 Continue.
	Continue bool
	// Fields are the header fields in order of appearance.
	Fields []Field
}

// Field is one header field; the value has no whitespace around it.
type Field struct{ Name, Value []byte }

// Parser reads request heads. It keeps its place between calls, so that no byte is searched twice. The zero value with
// limits set is ready.
type Parser struct {
	limits Settings
	head   Head
	// first is where the buffer began at the last call: where a head moves into a larger one, reading begins again.
	first *byte
	// next is where the line begins that is not complete yet, seen how many bytes of it were searched.
	next, seen int
	marks      marks
}

// marks are what the head said of itself so far.
type marks struct {
	// line is true once the request line was found sound.
	line                            bool
	host, length, coding, keepAlive bool
	// asked is true where Connection names the upgrade.
	upgrade, asked, key bool
	// version is true for version 13 of WebSocket, versioned once one was named.
	version, versioned bool
	// options and trailers count what Connection and Trailer name.
	options, trailers int
}

// NewParser returns a Parser with the limits of s.
func NewParser(s Settings) *Parser { return &Parser{limits: s} }

// Limit makes s the limits of the next head.
func (p *Parser) Limit(s Settings) { p.limits = s }

// Feed looks for a head at the beginning of buf, which holds all bytes since the head's first, those of earlier calls
// included. It returns the head's length once it is complete and sound, 0 while it is not complete, and a refusal as
// soon as one is due.
func (p *Parser) Feed(buf []byte) (int, *Refusal) {
	if len(buf) == 0 {
		return 0, nil
	}
	if p.first != &buf[0] {
		p.reset(&buf[0])
	}
	for {
		i := bytes.IndexByte(buf[p.next+p.seen:], '\n')
		if i < 0 {
			p.seen = len(buf) - p.next
			return 0, p.unfinished(buf)
		}
		end := p.next + p.seen + i
		if end == p.next || buf[end-1] != '\r' {
			return 0, errBareLF
		}
		if int64(end) >= p.limits.HeaderMax {
			return 0, p.tooLarge()
		}
		line := buf[p.next : end-1]
		first := p.next == 0
		p.next, p.seen = end+1, 0
		if len(line) == 0 && !first {
			p.first = nil
			return p.next, p.finish()
		}
		if r := p.line(line, first); r != nil {
			return 0, r
		}
	}
}

// Head returns the head that Feed completed, until Feed is called again.
func (p *Parser) Head() *Head { return &p.head }

func (p *Parser) reset(first *byte) {
	p.first, p.next, p.seen = first, 0, 0
	p.head = Head{Fields: p.head.Fields[:0]}
	p.marks = marks{}
}

func (p *Parser) line(line []byte, first bool) *Refusal {
	if first {
		r := p.requestLine(line)
		p.marks.line = r == nil
		return r
	}
	if int64(len(p.head.Fields)) >= p.limits.FieldsMax {
		return errTooManyFields
	}
	return p.field(line)
}

// unfinished refuses a head that cannot become good any more, before it is complete.
func (p *Parser) unfinished(buf []byte) *Refusal {
	if p.next == 0 && len(buf) > 0 && class[buf[0]]&isUpper == 0 {
		return errMethod
	}
	if p.next == 0 && int64(len(buf)) > p.limits.URIMax+64 {
		return errURITooLong
	}
	if int64(len(buf)) >= p.limits.HeaderMax {
		return p.tooLarge()
	}
	return nil
}

func (p *Parser) tooLarge() *Refusal {
	if p.next == 0 {
		return errURITooLong
	}
	return errHeadTooLarge
}

// finish judges the head as a whole.
func (p *Parser) finish() *Refusal {
	h, m := &p.head, &p.marks
	switch {
	case h.Minor == 1 && !m.host:
		return errHostMissing
	case m.length && m.coding:
		return errBothFramings
	case m.coding && h.Minor == 0:
		return errCodingVersion
	case m.upgrade && !(h.Minor == 1 && m.asked && m.key && m.version && string(h.Method) == "GET" && !m.coding && h.Length == 0):
		return errWebSocket
	}
	if h.Minor == 0 && !m.keepAlive {
		h.Close = true
	}
	h.Upgrade = m.upgrade
	return p.absolute()
}

// Refused tells of r, which this parser or the body after its head gave, and of the request as far as it was understood.
func (p *Parser) Refused(r *Refusal, remote net.Addr) Refused {
	told := Refused{Refusal: *r, Remote: remote}
	if p.marks.line {
		path, _, _ := bytes.Cut(p.head.Target, []byte("?"))
		told.Method = string(p.head.Method)
		told.Path = string(path[:min(len(path), 256)])
	}
	return told
}
