package gateway

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"
)

// apiVersion is the version of the admin API's shapes; keys are added, never renamed or retyped.
const apiVersion = "1"

// bearer is the admin token, kept as its hash. The zero value accepts nobody.
type bearer struct {
	sum [sha256.Size]byte
	set bool
}

func newBearer(token string) bearer {
	if token == "" {
		return bearer{}
	}
	return bearer{sha256.Sum256([]byte(token)), true}
}

// accepts reports whether r carries the token: as a bearer, or as the password of basic authentication, which browsers can
// ask for. The comparison takes the same time whatever was sent.
func (b bearer) accepts(r *http.Request) bool {
	token, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !found {
		_, token, found = r.BasicAuth()
	}
	sum := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(sum[:], b.sum[:]) == 1 && b.set && found
}

// fromAfar ends requests that came through Cloudflare: nothing of this listener is for the internet, and to it nothing is here.
func fromAfar(c *gin.Context) {
	for name := range c.Request.Header {
		switch strings.ReplaceAll(strings.ToLower(name), "_", "-") {
		case "cf-ray", "cf-connecting-ip", "cf-connecting-ipv6", "cf-warp-tag-id", "cf-visitor":
			refuse(c, http.StatusNotFound, "")
			return
		}
	}
}

// ownHost refuses a Host that is not this listener's address: a page on the internet can point a name of its own at
// 127.0.0.1 and would be the same origin (DNS rebinding). Who carries the token may use any name.
func (g *Gateway) ownHost(c *gin.Context) {
	if !isOwnHost(c.Request) && !g.token.Load().accepts(c.Request) {
		refuse(c, http.StatusMisdirectedRequest, "Host is not this listener's address; use the address that admin.listen names.")
	}
}

// isOwnHost reports whether r's Host is the address that its connection came in on, or localhost on a loopback one.
func isOwnHost(r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok {
		return false
	}
	at := local.AddrPort()
	host, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		host, port = strings.Trim(r.Host, "[]"), "80"
	}
	if port != portOf(at) {
		return false
	}
	if strings.EqualFold(host, "localhost") {
		return at.Addr().Unmap().IsLoopback()
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap() == at.Addr().Unmap()
}

func portOf(at netip.AddrPort) string {
	_, port, _ := strings.Cut(at.String()[strings.LastIndexByte(at.String(), ']')+1:], ":")
	return port
}

// sameSite refuses actions that a page of another site asked the browser for.
func sameSite(c *gin.Context) {
	r := c.Request
	if r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions {
		return
	}
	site := r.Header.Get("Sec-Fetch-Site")
	origin := r.Header.Get("Origin")
	u, err := url.Parse(origin)
	foreign := origin != "" && (err != nil || !strings.EqualFold(u.Host, r.Host))
	if foreign || (site != "" && site != "same-origin" && site != "none") {
		refuse(c, http.StatusForbidden, "A page of another site cannot act here.")
	}
}

// authorized asks for the token unless the connection comes from this machine.
func (g *Gateway) authorized(c *gin.Context) {
	if peer, err := netip.ParseAddrPort(c.Request.RemoteAddr); err == nil && peer.Addr().Unmap().IsLoopback() {
		return
	}
	if !g.token.Load().accepts(c.Request) {
		c.Header("WWW-Authenticate", `Basic realm="sallyport", charset="UTF-8"`)
		refuse(c, http.StatusUnauthorized, "The admin token is required from another machine.")
	}
}

// stamp puts the API's version on every answer.
func stamp(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("X-Hardening-Api", apiVersion)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
}
