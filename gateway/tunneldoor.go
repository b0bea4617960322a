package gateway

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"sallyport/config"
	"sallyport/gateway/tunnel"
	"sallyport/middleware"
)

// buildTunnel makes the supervisor where there is a tunnel to run or to watch.
func (g *Gateway) buildTunnel(cfg config.Config) error {
	if !cfg.Tunnel.Enabled() {
		return nil
	}
	sup, err := tunnel.New(cfg.Tunnel, tunnel.Options{
		PublicURL: cfg.PublicURL, Door: cfg.HTTP.Listen, Upstream: strings.TrimPrefix(cfg.HTTP.App.URL, "http://"), Nonces: &g.nonces,
		OnIncident: g.narrator.onIncident, Log: g.log, Environ: g.parts.Environ, Now: g.clock, Lookup: g.parts.Lookup,
	})
	g.tunnel = sup
	return err
}

// byOurTunnel takes the tags that connectors add off each request and, where require_tunnel says so, refuses what our own
// connector did not bring.
func (g *Gateway) byOurTunnel(n *generation) gin.HandlerFunc {
	mode := n.cfg.HTTP.RequireTunnel
	if g.tunnel == nil || mode == "off" {
		return dropTags
	}
	return func(c *gin.Context) {
		door := g.tunnel.Door()
		ours := !door.Known() || door.Check(c.Request.Header[tunnel.DoorTagHeader])
		dropTags(c)
		switch {
		case ours:
			middleware.Note(c, tunnelOurs)
		case mode == "enforce":
			middleware.Note(c, tunnelRefused)
			middleware.Reject(c, "tunnel", http.StatusForbidden, "the request did not come by our own connector")
		default:
			middleware.Note(c, tunnelForeign)
			g.strangers.Add(1)
		}
	}
}

// dropTags removes the tags of connectors: one of them is a secret, and the app has no use for any.
func dropTags(c *gin.Context) {
	for name := range c.Request.Header {
		if strings.HasPrefix(name, tunnel.TagHeaderPrefix) {
			delete(c.Request.Header, name)
		}
	}
}

// probeAnswer is POST /api/hardening/probe: a path that only this process answers with 204, once, within two minutes.
type probeAnswer struct {
	Status    string `json:"status"`
	Timestamp string `json:"timestamp"`
	Path      string `json:"path"`
}

func (g *Gateway) issueProbe(c *gin.Context) {
	c.JSON(http.StatusOK, probeAnswer{"ok", g.timestamp(), tunnel.ProbePath + g.nonces.Issue()})
}

// tunnelPart is the tunnel's state; its mode is "off" where there is none.
func (g *Gateway) tunnelPart() tunnel.Snapshot {
	if g.tunnel == nil {
		return tunnel.Snapshot{Mode: "off", State: tunnel.Off, Incidents: []tunnel.OpenIncident{}}
	}
	return g.tunnel.Snapshot()
}
