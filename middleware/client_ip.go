package middleware

import (
	"net/http"
	"net/netip"
	"net/textproto"
	"strings"

	"github.com/gin-gonic/gin"
)

// identity says whose word about the client is believed. It trusts peers by network: a trusted peer's header names the
// client, anybody else is the client. gin's ClientIP is not used: it believes X-Forwarded-For from anyone.
type identity struct {
	trust []netip.Prefix
	// header names the client: in canonical form, and plain in lower case.
	header, plain string
	// nonce is the header that tells the app its nonce, in lower case.
	nonce string
}

func newIdentity(s ClientIP, nonceHeader string) (identity, error) {
	id := identity{header: textproto.CanonicalMIMEHeaderKey(s.Header), plain: strings.ToLower(s.Header), nonce: strings.ToLower(nonceHeader)}
	for _, network := range s.Trust {
		p, err := parseNetwork(network)
		if err != nil {
			return id, err
		}
		id.trust = append(id.trust, p)
	}
	return id, nil
}

// clientIP finds out who the client is, removes what anybody could have forged and tells the app what we found.
func (d *door) clientIP(c *gin.Context) {
	x := of(c)
	r := c.Request
	peer := peerAddr(r.RemoteAddr)
	x.client = client{addr: peer, proto: "http", trusted: d.identity.trusts(peer)}
	if r.TLS != nil {
		x.client.proto = "https"
	}
	if x.client.trusted {
		d.believe(&x.client, r.Header)
	} else if r.Header[d.identity.header] != nil {
		d.state.Distrusted.Add(1)
	}
	x.note(x.client.reason())
	if x.client.key == "" {
		x.client.key = clientKey(x.client.addr)
	}
	if d.identity.strip(r.Header, &x.client) {
		d.state.Spoofed.Add(1)
		x.note(clientForged)
	}
	forward(r, &x.client)
}

// reason says how it was decided who the client is.
func (c *client) reason() *Decision {
	switch {
	case c.named:
		return clientNamed
	case c.trusted:
		return clientUnnamed
	}
	return clientIsPeer
}

// believe takes the client's address and scheme from what a trusted peer says.
func (d *door) believe(c *client, h http.Header) {
	if proto := h["X-Forwarded-Proto"]; len(proto) == 1 && proto[0] == "https" {
		c.proto = "https"
	}
	addr, text, state := d.identity.named(h)
	switch state {
	case absent:
		d.state.MissingHeader.Add(1)
	case malformed:
		d.state.BadHeader.Add(1)
	case present:
		d.state.Named.Add(1)
		c.addr, c.named = addr, true
		if strings.IndexByte(text, ':') < 0 {
			// A dotted IPv4 address has one spelling only, so the header's own string is the key.
			c.key = text
		}
	}
}

func (id *identity) trusts(peer netip.Addr) bool {
	for _, p := range id.trust {
		if p.Contains(peer) {
			return true
		}
	}
	return false
}

// presence says what a header held.
type presence int

const (
	absent presence = iota
	malformed
	present
)

// named returns the address that the header holds. Of a list (X-Forwarded-For) it takes the last address that is not
// one of the trusted peers, since each proxy appends the peer it saw.
func (id *identity) named(h http.Header) (netip.Addr, string, presence) {
	values := h[id.header]
	if len(values) == 0 {
		return netip.Addr{}, "", absent
	}
	if id.header == "X-Forwarded-For" {
		return id.lastForeign(values)
	}
	if len(values) > 1 {
		return netip.Addr{}, "", malformed
	}
	return parseNamed(values[0])
}

func (id *identity) lastForeign(values []string) (netip.Addr, string, presence) {
	list := strings.Split(strings.Join(values, ","), ",")
	for i := len(list) - 1; i >= 0; i-- {
		addr, text, state := parseNamed(strings.TrimSpace(list[i]))
		if state != present || !id.trusts(addr) {
			return addr, text, state
		}
	}
	return netip.Addr{}, "", malformed
}

func parseNamed(text string) (netip.Addr, string, presence) {
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" {
		return netip.Addr{}, "", malformed
	}
	return addr.Unmap(), text, present
}

// peerAddr returns the address of the connection's other end; the zero Addr where there is none (a Unix socket).
func peerAddr(remote string) netip.Addr {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

// clientKey is the name of addr in budgets and logs: an IPv6 host owns its whole /64 and may send from any of it.
func clientKey(addr netip.Addr) string {
	switch {
	case !addr.IsValid():
		return "unknown"
	case addr.Is4():
		return addr.String()
	}
	p, err := addr.Prefix(64)
	if err != nil {
		return "unknown"
	}
	return p.String()
}
