package upstream

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// appendHead adds the request line and the header that the app gets. Target and Host, where there is one, go out as they came in; what only
// concerns the client's connection stays here; what tells the app who is asking is ours alone.
func (x *exchange) appendHead(b []byte) []byte {
	r := x.c.Request
	b = append(b, r.Method...)
	b = append(b, ' ')
	b = append(b, originForm(r.RequestURI)...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	host := r.Host
	if host == "" {
		host = x.u.target.Host // HTTP/1.0 may name none; apps refuse an empty one
	}
	b = append(b, host...)
	b = append(b, "\r\n"...)
	named := r.Header["Connection"]
	for key, values := range r.Header {
		if !x.passes(key, named) {
			continue
		}
		for _, v := range values {
			b = appendField(b, key, v)
		}
	}
	b = x.appendFraming(b)
	return append(b, "\r\n"...)
}

// passes reports whether the field key is sent on; named is what the client's Connection header names.
func (x *exchange) passes(key string, named []string) bool {
	if staysHere(key) || named != nil && isNamed(named, key) {
		return slices.Contains(x.u.parts.Forwarded, key)
	}
	return true
}

// originForm cuts scheme and host off a target in absolute form.
func originForm(target string) string {
	if strings.HasPrefix(target, "/") {
		return target
	}
	if _, rest, ok := strings.Cut(target, "://"); ok {
		if i := strings.IndexByte(rest, '/'); i >= 0 {
			return rest[i:]
		}
		return "/"
	}
	return target
}

// staysHere reports whether the field key of a request is not passed on: it concerns one connection, or it tells the app
// who is asking, which only Forwarded may. A key that is not canonical cannot come from net/http, which spells all alike.
func staysHere(key string) bool {
	switch key {
	case "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer",
		"Transfer-Encoding", "Upgrade", "Http2-Settings", "Expect", "Content-Length", "Host",
		"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Server",
		"X-Real-Ip", "True-Client-Ip", "X-Original-Url", "X-Rewrite-Url", "X-Request-Id", "Traceparent":
		return true
	}
	return false
}

// isNamed reports whether Connection names the field key. Who the client is and may do is never the connection's matter.
func isNamed(named []string, key string) bool {
	if strings.HasPrefix(key, "Cf-") || key == "Cookie" || key == "Authorization" {
		return false
	}
	for _, list := range named {
		if hasToken(list, key) {
			return true
		}
	}
	return false
}

// appendField adds one line. What would make two of it is left out: net/http lets none in, so it could only be a mistake
// of ours.
func appendField(b []byte, name, value string) []byte {
	from := len(b)
	b = append(b, name...)
	b = append(b, ": "...)
	b = append(b, value...)
	if hasControl(b[from:]) {
		return b[:from]
	}
	return append(b, "\r\n"...)
}

// appendFraming says how long the body is and what becomes of the connection.
func (x *exchange) appendFraming(b []byte) []byte {
	r := x.c.Request
	switch {
	case x.upgrade:
		b = append(b, "Connection: Upgrade\r\nUpgrade: websocket\r\n"...)
	case r.ContentLength < 0:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
		b = appendAnnounced(b, r)
	case r.ContentLength > 0 || r.Method == http.MethodPost || r.Method == http.MethodPut || r.Method == http.MethodPatch:
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, r.ContentLength, 10)
		b = append(b, "\r\n"...)
	}
	for _, te := range r.Header["Te"] {
		if !x.upgrade && hasToken(te, "trailers") {
			return append(b, "Connection: TE\r\nTE: trailers\r\n"...) // the option is part of it (RFC 9110, 10.1.4)
		}
	}
	return b
}

// appendAnnounced names the trailers that the client announced, in one line: a line each would make a far larger head of them.
func appendAnnounced(b []byte, r *http.Request) []byte {
	var names []string
	for key := range r.Trailer {
		if trails(r, key) {
			names = append(names, key)
		}
	}
	if names == nil {
		return b
	}
	return appendField(b, "Trailer", strings.Join(names, ", "))
}

// trails reports whether the trailer key of r is sent on.
func trails(r *http.Request, key string) bool {
	return isName(key) && mayTrail(key) && !isNamed(r.Header["Connection"], key)
}

// wantsUpgrade reports whether r asks for another protocol, and whether that is a sound WebSocket handshake (RFC 6455,
// 4.1); nothing else is passed on.
func wantsUpgrade(r *http.Request) (asks, sound bool) {
	up := r.Header["Upgrade"]
	if up == nil {
		return false, false
	}
	key, err := base64.StdEncoding.DecodeString(r.Header.Get("Sec-Websocket-Key"))
	return true, r.Method == http.MethodGet && r.ProtoAtLeast(1, 1) && len(up) == 1 && strings.EqualFold(up[0], "websocket") &&
		isNamed(r.Header["Connection"], "Upgrade") && err == nil && len(key) == 16 && r.ContentLength == 0
}
