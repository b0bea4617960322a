package ingress

import (
	"bytes"
	"encoding/base64"
	"math"
)

// field reads one header line (RFC 9112, 5).
func (p *Parser) field(line []byte) *Refusal {
	if line[0] == ' ' || line[0] == '\t' {
		return errFold
	}
	colon := bytes.IndexByte(line, ':')
	if colon < 0 {
		return errNoColon
	}
	name := line[:colon]
	if r := fieldName(name); r != nil {
		return r
	}
	value := trim(line[colon+1:])
	if hasControl(value) {
		if bytes.IndexByte(value, '\r') >= 0 {
			return errBareCR
		}
		return errControl
	}
	p.head.Fields = append(p.head.Fields, Field{name, value})
	return p.known(name, value)
}

func fieldName(name []byte) *Refusal {
	if len(name) == 0 {
		return errName
	}
	if all(name, isToken) {
		return nil
	}
	if last := name[len(name)-1]; last == ' ' || last == '\t' {
		return errNameSpace
	}
	return errName
}

// known reads the fields that frame the message or steer the connection. Their lengths differ from most others', so that
// most fields are passed by one comparison.
func (p *Parser) known(name, value []byte) *Refusal {
	switch len(name) {
	case len("host"):
		if same(name, "host") {
			return p.host(value)
		}
	case len("expect"):
		if same(name, "expect") {
			return p.expect(value)
		}
	case len("upgrade"):
		if same(name, "upgrade") {
			return p.upgrade(value)
		}
		if same(name, "trailer") {
			return p.announced(value)
		}
	case len("connection"):
		if same(name, "connection") {
			return p.connection(value)
		}
	case len("content-length"):
		if resembles(name, "content-length") {
			return p.length(name, value)
		}
	case len("transfer-encoding"):
		if resembles(name, "transfer-encoding") {
			return p.coding(name, value)
		}
		if same(name, "sec-websocket-key") {
			return p.socketKey(value)
		}
	case len("sec-websocket-version"):
		if same(name, "sec-websocket-version") {
			p.marks.version = string(value) == "13" && !p.marks.versioned
			p.marks.versioned = true
		}
	}
	return nil
}

func (p *Parser) host(value []byte) *Refusal {
	if p.marks.host {
		return errHostTwice
	}
	if len(value) == 0 || !validHost(value) {
		return errHost
	}
	p.marks.host = true
	p.head.Host = value
	return nil
}

func (p *Parser) expect(value []byte) *Refusal {
	if !same(value, "100-continue") {
		return errExpect
	}
	p.head.Continue = true
	return nil
}

func (p *Parser) upgrade(value []byte) *Refusal {
	if p.marks.upgrade || !same(value, "websocket") {
		return errUpgrade
	}
	p.marks.upgrade = true
	return nil
}

// socketKey wants 16 bytes in base64 (RFC 6455, 4.1), once.
func (p *Parser) socketKey(value []byte) *Refusal {
	var raw [18]byte
	if p.marks.key || len(value) != 24 {
		return errWebSocket
	}
	if n, err := base64.StdEncoding.Decode(raw[:], value); err != nil || n != 16 {
		return errWebSocket
	}
	p.marks.key = true
	return nil
}

// listMax is how many options of the connection, and how many trailers, a head may name. Whoever sends it on compares each field with
// each of them: without a bound that is 15,000 times 128.
const listMax = 32

// announced refuses trailers that would frame the message after it was read (RFC 9110, 6.5.1).
func (p *Parser) announced(value []byte) *Refusal {
	for len(value) > 0 {
		name, rest, _ := bytes.Cut(value, comma)
		value = rest
		if p.marks.trailers++; p.marks.trailers > listMax {
			return errTooManyNames
		}
		if name = trim(name); resembles(name, "content-length") || resembles(name, "transfer-encoding") || same(name, "trailer") || same(name, "host") {
			return errTrailer
		}
	}
	return nil
}

// connection reads the options of the connection.
func (p *Parser) connection(value []byte) *Refusal {
	for len(value) > 0 {
		option, rest, _ := bytes.Cut(value, comma)
		value = rest
		if p.marks.options++; p.marks.options > listMax {
			return errTooManyNames
		}
		switch option = trim(option); {
		case same(option, "close"):
			p.head.Close = true
		case same(option, "keep-alive"):
			p.marks.keepAlive = true
		case same(option, "upgrade"):
			p.marks.asked = true
		case same(option, "host"), resembles(option, "content-length"), resembles(option, "transfer-encoding"):
			return errConnection
		}
	}
	return nil
}

var comma = []byte(",")

func (p *Parser) length(name, value []byte) *Refusal {
	if !same(name, "content-length") {
		return errLookalike
	}
	if p.marks.length {
		return errLengthTwice
	}
	n, ok := decimal(value)
	if !ok {
		return errLength
	}
	p.marks.length = true
	p.head.Length = n
	return nil
}

// decimal reads digits only: no sign, no space, no list.
func decimal(b []byte) (int64, bool) {
	var n int64
	for _, c := range b {
		if !digit(c) || n > (math.MaxInt64-int64(c-'0'))/10 {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, len(b) > 0
}

func (p *Parser) coding(name, value []byte) *Refusal {
	switch {
	case !same(name, "transfer-encoding"):
		return errLookalike
	case p.marks.coding:
		return errCodingTwice
	case !same(value, "chunked"):
		return errCoding
	}
	p.marks.coding = true
	p.head.Chunked = true
	return nil
}
