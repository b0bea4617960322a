package ingress

import (
	"bytes"
	"net/netip"
)

// requestLine reads method, target and version, each parted by exactly one space (RFC 9112, 3).
func (p *Parser) requestLine(line []byte) *Refusal {
	a, b := bytes.IndexByte(line, ' '), bytes.LastIndexByte(line, ' ')
	if a < 0 {
		return malformed(line)
	}
	h := &p.head
	h.Method = line[:a]
	if r := method(h.Method); r != nil {
		return r
	}
	if a == b {
		return malformed(line)
	}
	h.Target = line[a+1 : b]
	if int64(len(h.Target)) > p.limits.URIMax {
		return errURITooLong
	}
	if r := p.version(line[b+1:]); r != nil {
		return r
	}
	return target(h.Target)
}

func malformed(line []byte) *Refusal {
	if hasControl(line) {
		return errControl
	}
	return errRequestLine
}

// method wants capitals: a server that folds the case would read get as GET where another does not.
func method(m []byte) *Refusal {
	if len(m) == 0 || len(m) > 32 || !all(m, isUpper) {
		return errMethod
	}
	switch string(m) {
	case "CONNECT", "TRACE", "TRACK":
		return errMethodForbidden
	case "PRI":
		return errHTTP2
	}
	return nil
}

func (p *Parser) version(v []byte) *Refusal {
	switch string(v) {
	case "HTTP/1.1":
		p.head.Minor = 1
		return nil
	case "HTTP/1.0":
		p.head.Minor = 0
		return nil
	}
	if len(v) == 8 && string(v[:5]) == "HTTP/" && v[6] == '.' && digit(v[5]) && digit(v[7]) {
		return errVersion
	}
	return malformed(v)
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// target wants a path, or a whole http URL whose host finish compares; the form * is refused as well, since nothing
// behind the door could answer it.
func target(t []byte) *Refusal {
	if !all(t, isTarget) {
		if hasControl(t) {
			return errControl
		}
		return errTarget
	}
	path := t
	if len(t) == 0 || t[0] != '/' {
		if _, path = split(t); path == nil {
			return errTarget
		}
	}
	return escapes(path)
}

// escapes wants two hexadecimal digits after each % of the path; queries are the app's business.
func escapes(path []byte) *Refusal {
	if q := bytes.IndexByte(path, '?'); q >= 0 {
		path = path[:q]
	}
	for {
		i := bytes.IndexByte(path, '%')
		if i < 0 {
			return nil
		}
		if len(path) < i+3 || class[path[i+1]]&class[path[i+2]]&isHex == 0 {
			return errTarget
		}
		path = path[i+3:]
	}
}

// split parts a target in absolute form into authority and path; path is nil where it is none.
func split(t []byte) (authority, path []byte) {
	i := bytes.Index(t, []byte("://"))
	if i < 0 || !same(t[:i], "http") && !same(t[:i], "https") {
		return nil, nil
	}
	rest := t[i+3:]
	slash := bytes.IndexByte(rest, '/')
	if slash < 0 {
		return nil, nil
	}
	return rest[:slash], rest[slash:]
}

// absolute wants a target in absolute form to name the host of the Host header, in ASCII as that is: folded, the Kelvin sign would be a k.
func (p *Parser) absolute() *Refusal {
	t := p.head.Target
	if t[0] == '/' {
		return nil
	}
	authority, _ := split(t)
	if len(authority) == 0 || !validHost(authority) || !bytes.EqualFold(authority, p.head.Host) {
		return errForeignTarget
	}
	return nil
}

// validHost reports whether h is a name or an address, with or without a port.
func validHost(h []byte) bool {
	name := h
	if i := bytes.LastIndexByte(h, ':'); i >= 0 && (h[0] != '[' || h[i-1] == ']') {
		name = h[:i]
		port := h[i+1:]
		if len(port) == 0 || len(port) > 5 {
			return false
		}
		for _, c := range port {
			if !digit(c) {
				return false
			}
		}
	}
	if len(name) > 2 && name[0] == '[' && name[len(name)-1] == ']' {
		ip, err := netip.ParseAddr(string(name[1 : len(name)-1]))
		return err == nil && ip.Is6() && ip.Zone() == ""
	}
	return len(name) > 0 && len(name) <= 255 && all(name, isHost)
}
