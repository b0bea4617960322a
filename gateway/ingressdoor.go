package gateway

import (
	"bytes"
	"net/http"
	"net/netip"

	"github.com/gin-gonic/gin"

	"sallyport/gateway/ingress"
	"sallyport/gateway/journal"
)

// onMalformed counts and writes down a request head that was refused before it was a request.
func (g *Gateway) onMalformed(r ingress.Refused) {
	g.malformed.Add(1)
	client := "unknown"
	if at, err := netip.ParseAddrPort(r.Remote.String()); err == nil {
		client = at.Addr().Unmap().String()
	}
	g.narrator.folds.note(journal.Event{
		At: g.clock(), Door: "http", Kind: "request-malformed", Severity: journal.Warning, Client: client,
		Summary: "A request of " + client + " was refused before it was one: " + r.Reason + ".", Detail: map[string]string{"path": clip(r.Path, 200)},
	}, r.Reason)
}

// recovered turns a panic of an admin handler into a 500 and hides what it was.
func (g *Gateway) recovered(c *gin.Context) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if v == http.ErrAbortHandler {
			panic(v)
		}
		g.log.Error("panic in admin handler", "path", c.FullPath(), "panic", v)
		if !c.Writer.Written() {
			refuse(c, http.StatusInternalServerError, "")
		}
	}()
	c.Next()
}

// refusalHeaders are the security headers of n as header lines, for refusals that no stage sees.
func (n *generation) refusalHeaders() []byte {
	h := http.Header{}
	for _, name := range n.headers {
		h[name] = n.headerValues[name]
	}
	var b bytes.Buffer
	_ = h.Write(&b) // a buffer takes everything
	return b.Bytes()
}
