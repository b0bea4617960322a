package middleware

import (
	"bytes"
	"net/http"
	"strings"
)

// ForwardedHeaders are the request headers that the stages write for the app, after every inbound spelling of them was
// removed. Whoever sends the request on must take them from the request at the end of the chain, since a client's
// Connection header may name them.
var ForwardedHeaders = []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-Ip", "X-Request-Id", "Traceparent"}

// spoofable are the names, in lower case and with hyphens, by which apps are told about clients, hosts, paths and
// methods. Anybody can send them, through Cloudflare too, so they go from every request.
var spoofable = map[string]bool{
	"forwarded": true, "x-forwarded": true, "x-forwarded-for": true, "x-forwarded-proto": true, "x-forwarded-protocol": true,
	"x-forwarded-host": true, "x-forwarded-port": true, "x-forwarded-scheme": true, "x-forwarded-ssl": true,
	"x-forwarded-server": true, "x-forwarded-prefix": true, "x-forwarded-path": true, "x-forwarded-by": true,
	"x-forwarded-uri": true, "x-forwarded-method": true, "x-forwarded-user": true, "x-forwarded-email": true,
	"x-forwarded-groups": true, "x-forwarded-preferred-username": true, "x-forwarded-access-token": true,
	"x-forwarded-client-cert": true, "x-forwarded-for-original": true, "forwarded-for": true, "forwarded-for-ip": true,
	"x-original-forwarded-for": true, "x-real-ip": true, "x-client-ip": true, "x-clientip": true, "client-ip": true,
	"true-client-ip": true, "x-true-client-ip": true, "x-true-ip": true, "x-remote-ip": true, "x-remote-addr": true,
	"remote-addr": true, "remote-user": true, "x-remote-user": true, "x-cluster-client-ip": true, "x-originating-ip": true, "x-host": true,
	"x-envoy-external-address": true, "x-envoy-original-path": true, "fastly-client-ip": true, "fly-client-ip": true,
	"x-azure-clientip": true, "x-azure-socketip": true, "x-appengine-user-ip": true, "x-vercel-forwarded-for": true,
	"x-original-url": true, "x-rewrite-url": true, "x-original-uri": true, "x-original-host": true, "x-original-method": true,
	"x-http-method-override": true, "x-http-method": true, "x-method-override": true, "x-scheme": true, "x-url-scheme": true,
	"front-end-https": true, "x-middleware-subrequest": true, "proxy": true, "wl-proxy-client-ip": true, "proxy-client-ip": true,
	"http-client-ip": true, "http-x-forwarded-for": true,
}

// ours are names that the stages write, in lower case; an app behind CGI or WSGI cannot tell X_Request_Id from them.
var ours = map[string]bool{"x-request-id": true, "traceparent": true, "tracestate": true}

// strip removes what c could have forged. It reports whether something went that our own connector would not have sent.
func (id *identity) strip(h http.Header, c *client) bool {
	forged := false
	for name := range h {
		if name != id.header && (!suspect(name) && !strings.EqualFold(name, id.nonce) || c.trusted && cloudflares(name)) {
			continue
		}
		var space [64]byte
		gone, forgery := id.judge(name, appendPlain(space[:0], name), c)
		if gone {
			delete(h, name)
		}
		forged = forged || forgery
	}
	return forged
}

// judge says whether the header name, whose plain form is given, must go and whether it is a forgery.
func (id *identity) judge(name string, plain []byte, c *client) (gone, forgery bool) {
	switch {
	case spoofable[string(plain)], string(plain) == id.nonce:
		return true, !c.trusted || name != "X-Forwarded-For" && name != "X-Forwarded-Proto"
	case name == id.header:
		return !c.named, !c.named
	case bytes.HasPrefix(plain, []byte("cf-")):
		gone = !c.trusted || odd(name)
	case odd(name):
		gone = ours[string(plain)] || string(plain) == id.plain
	}
	return gone, gone
}

// cloudflares reports a plainly spelled name that Cloudflare keeps for itself; a client's own is overwritten at its edge.
func cloudflares(name string) bool { return strings.HasPrefix(name, "Cf-") && !odd(name) }

// suspect is a quick look whether name may have to go: most headers of a request are dismissed here.
func suspect(name string) bool {
	switch name[0] | 0x20 {
	case 'x', 'c', 'f', 't', 'p', 'w', 'r', 'h':
	default:
		return odd(name)
	}
	switch name {
	case "Content-Type", "Content-Length", "Cookie", "Cache-Control", "Connection", "Referer", "Pragma", "Priority",
		"X-Request-Id", "Traceparent", "Tracestate", "Cdn-Loop", "X-Csrf-Token", "X-Requested-With":
		return false
	}
	return true
}

// odd reports a name with _ or ., which CGI and WSGI servers read as a hyphen.
func odd(name string) bool {
	for i := range len(name) {
		if name[i] == '_' || name[i] == '.' {
			return true
		}
	}
	return false
}

// appendPlain appends name in lower case with hyphens for _ and dots, as the apps' servers may read it.
func appendPlain(b []byte, name string) []byte {
	for i := range len(name) {
		switch ch := name[i]; {
		case ch == '_' || ch == '.':
			b = append(b, '-')
		case ch >= 'A' && ch <= 'Z':
			b = append(b, ch|0x20)
		default:
			b = append(b, ch)
		}
	}
	return b
}

// forward tells the app what we know of the client.
func forward(r *http.Request, c *client) {
	ip := c.key
	if !c.addr.IsValid() {
		ip = "unknown"
	} else if !c.addr.Is4() {
		ip = c.addr.String()
	}
	v := make([]string, 4)
	v[0], v[1], v[2], v[3] = ip, c.proto, r.Host, forwardedValue(ip, c, r.Host)
	h := r.Header
	h["X-Forwarded-For"] = v[0:1:1]
	h["X-Real-Ip"] = v[0:1:1]
	h["X-Forwarded-Proto"] = v[1:2:2]
	h["X-Forwarded-Host"] = v[2:3:3]
	h["Forwarded"] = v[3:4:4]
}

// forwardedValue is the Forwarded header of RFC 7239; a host that would need escapes is left out.
func forwardedValue(ip string, c *client, host string) string {
	var space [192]byte
	b := append(space[:0], "for="...)
	if c.addr.IsValid() && !c.addr.Is4() {
		b = append(append(append(b, `"[`...), ip...), `]"`...)
	} else {
		b = append(b, ip...)
	}
	b = append(append(b, ";proto="...), c.proto...)
	if plainHost(host) {
		b = append(append(append(b, `;host="`...), host...), '"')
	}
	return string(b)
}

func plainHost(host string) bool {
	for i := range len(host) {
		if b := host[i]; !tokenByte(b) && b != ':' && b != '[' && b != ']' {
			return false
		}
	}
	return host != ""
}
