package http1

import (
	"net/http"
	"net/textproto"
	"net/url"
	"strings"

	"sallyport/gateway/ingress"
)

// asked is what a request needs beside itself, in one piece of memory.
type asked struct {
	ctx requestContext
	url url.URL
}

// request makes the Request of the head that the parser has found in the next n bytes of the inbox, and takes it out of
// there. All strings of it are parts of one copy.
func (c *conn) request(n int) (*http.Request, *requestContext) {
	in, t := c.in, newTurn()
	h, head := in.parser.Head(), in.buf[in.r:in.r+n]
	c.turn = t
	text := string(head)
	// A part of head is the same part of text; where it begins, its capacity tells.
	same := func(part []byte) string {
		if len(part) == 0 {
			return ""
		}
		at := cap(head) - cap(part)
		return text[at : at+len(part)]
	}
	a := &asked{ctx: requestContext{local: c.local}}
	r := c.proto.WithContext(&a.ctx)
	r.Method = methodOf(h.Method, same)
	r.RequestURI = same(h.Target)
	r.Host = same(h.Host)
	r.URL = parseTarget(r.RequestURI, &a.url)
	if r.URL.Host != "" {
		r.Host = r.URL.Host
	}
	r.Proto, r.ProtoMinor = "HTTP/1.1", 1
	if h.Minor == 0 {
		r.Proto, r.ProtoMinor = "HTTP/1.0", 0
	}
	r.Close = h.Close
	r.Header = t.header
	trailer := t.fill(h.Fields, same)
	in.r += n
	c.enter(handling, 0, &a.ctx)
	t.answer.begin(c, r, h.Close)
	c.frame(r, h, trailer)
	if r.Body == http.NoBody && in.empty() {
		c.letGo() // whoever waits for the handler needs none
	}
	return r, &a.ctx
}

// fill puts the head's fields into the turn's header, each name in its canonical spelling, and returns the values of Trailer.
// Host and what frames the message are not among them, as with net/http.
func (t *turn) fill(fields []ingress.Field, same func([]byte) string) (trailer []string) {
	if cap(t.values) < len(fields) {
		t.values = make([]string, 0, 2*len(fields))
	}
	var seen uint64
	for _, f := range fields {
		k := names[string(f.Name)]
		if k.name == "" {
			name := textproto.CanonicalMIMEHeaderKey(same(f.Name))
			if k = names[name]; k.name == "" { // else a known one in another spelling, which counts as seen
				k.name = name
			}
		}
		value := same(f.Value)
		switch k.name {
		case "Host", "Transfer-Encoding":
			continue
		case "Trailer":
			trailer = append(trailer, value)
			continue
		}
		if k.bit == 0 || seen&k.bit != 0 {
			if had, ok := t.header[k.name]; ok {
				t.header[k.name] = append(had, value)
				continue
			}
		}
		seen |= k.bit
		i := len(t.values)
		t.values = append(t.values, value)
		t.header[k.name] = t.values[i : i+1 : i+1]
	}
	return trailer
}

// frame gives r its body.
func (c *conn) frame(r *http.Request, h *ingress.Head, trailer []string) {
	if trailer != nil && !h.Chunked {
		c.turn.header["Trailer"] = trailer // it announces nothing then, and is a field like others
	}
	switch {
	case h.Chunked:
		r.ContentLength, r.TransferEncoding = -1, chunkedOnly
		for _, list := range trailer {
			for name := range strings.SplitSeq(list, ",") {
				if name = strings.TrimSpace(name); name == "" {
					continue
				}
				if r.Trailer == nil {
					r.Trailer = http.Header{}
				}
				r.Trailer[textproto.CanonicalMIMEHeaderKey(name)] = nil
			}
		}
	case h.Length > 0:
		r.ContentLength = h.Length
	default:
		r.Body = http.NoBody
		c.watched.Store(true)
		return
	}
	c.watched.Store(false)
	b := &body{c: c, request: r, left: h.Length, chunked: h.Chunked}
	b.expected.Store(h.Continue && h.Minor == 1)
	r.Body, c.turn.answer.body = b, b
}

var chunkedOnly = []string{"chunked"}

// methodOf returns the method; usual ones need no part of the copy.
func methodOf(m []byte, same func([]byte) string) string {
	switch string(m) {
	case http.MethodGet:
		return http.MethodGet
	case http.MethodPost:
		return http.MethodPost
	case http.MethodHead:
		return http.MethodHead
	case http.MethodPut:
		return http.MethodPut
	case http.MethodPatch:
		return http.MethodPatch
	case http.MethodDelete:
		return http.MethodDelete
	case http.MethodOptions:
		return http.MethodOptions
	}
	return same(m)
}

// parseTarget reads a target that the parser found sound. A plain one, which means the same however it is read, goes into
// room; net/url reads the others.
func parseTarget(target string, room *url.URL) *url.URL {
	path, query, asks := strings.Cut(target, "?")
	if plain(path) && (query != "" || !asks) {
		room.Path, room.RawQuery = path, query
		return room
	}
	u, err := url.ParseRequestURI(target)
	if err != nil {
		// The parser lets nothing in that net/url refuses; should it, the path is what came.
		room.Path, room.RawPath, room.RawQuery = path, path, query
		return room
	}
	return u
}

// plain reports a path of letters, digits and -_.~ between slashes, which is its own escaped form.
func plain(path string) bool {
	for i := range len(path) {
		c := path[i]
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '-' || c > '9') && c != '_' && c != '~' {
			return false
		}
	}
	return path != "" && path[0] == '/'
}
