package gateway

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"sallyport/gateway/tunnel"
	"sallyport/middleware"
)

// adminGets are the answers of the admin listener that change nothing, in order of the documentation.
func (g *Gateway) adminGets() []route {
	return []route{
		{"/api/hardening/metrics", g.getMetrics},
		{"/api/hardening/database", g.getDatabase},
		{"/api/hardening/security", g.getSecurity},
		{"/api/hardening/health", g.getHealth},
		{"/api/hardening/events", g.getEvents},
		{"/api/hardening/history", g.getHistory},
		{"/api/hardening/structures", g.getStructures},
		{"/api/hardening/compliance", g.getCompliance},
		{"/api/hardening/settings", g.getSettings},
		{"/api/hardening/csp", g.getCSP},
		{"/api/hardening/explain", g.getExplain},
		{"/api/hardening/alerts", g.getAlerts},
		{"/api/hardening/tunnel", g.getTunnel},
		{"/api/hardening/app", g.getApp},
		{"/api/hardening/checks", g.getChecks},
		{"/api/hardening/trends", g.getTrends},
	}
}

// adminPosts are the actions; each is journalled.
func (g *Gateway) adminPosts() []route {
	return []route{
		{"/api/hardening/database/reset-metrics", g.resetMetrics},
		{"/api/hardening/security/release", g.releaseHold},
		{"/api/hardening/alerts/test", g.testAlerts},
		{"/api/hardening/alerts/mute", g.muteAlerts},
		{"/api/hardening/probe", g.issueProbe},
		{"/api/hardening/checks/smoke", g.runChecks("smoke")},
		{"/api/hardening/checks/doctor", g.runChecks("doctor")},
		{"/api/hardening/checks/record", g.recordChecks},
		{"/api/hardening/tunnel/probe", g.probeTunnel},
		{"/api/hardening/tunnel/restart", g.tell("tunnel", "restart", g.tunnelSup, g.getTunnel)},
		{"/api/hardening/tunnel/hold", g.tell("tunnel", "hold", g.tunnelSup, g.getTunnel)},
		{"/api/hardening/tunnel/release", g.tell("tunnel", "release", g.tunnelSup, g.getTunnel)},
		{"/api/hardening/tunnel/backup", g.backUp},
		{"/api/hardening/tunnel/restore", g.restoreTunnel},
		{"/api/hardening/app/restart", g.tell("app", "restart", g.appSup, g.getApp)},
		{"/api/hardening/app/hold", g.tell("app", "hold", g.appSup, g.getApp)},
		{"/api/hardening/app/release", g.tell("app", "release", g.appSup, g.getApp)},
		{"/-/reload", g.reloadNow},
	}
}

// route is one path and what answers it.
type route struct {
	path    string
	handler gin.HandlerFunc
}

// adminRoutes is the whole URL map of the admin listener.
func (g *Gateway) adminRoutes() http.Handler {
	e := gin.New()
	e.RedirectTrailingSlash, e.RedirectFixedPath, e.HandleMethodNotAllowed = false, false, true
	e.Use(g.recovered, stamp, fromAfar)
	e.NoRoute(g.ownHost, g.authorized, func(c *gin.Context) { refuse(c, http.StatusNotFound, "") })
	e.NoMethod(g.ownHost, g.authorized, func(c *gin.Context) { refuse(c, http.StatusMethodNotAllowed, "") })
	for _, r := range []route{{"/livez", g.livez}, {"/readyz", g.readyz}} { // for probes, which use any Host
		e.GET(r.path, r.handler)
		e.HEAD(r.path, r.handler)
	}
	inside := e.Group("/", g.ownHost, sameSite, g.authorized)
	for _, r := range append(g.adminGets(), route{"/metrics", g.prometheus()}) {
		inside.GET(r.path, r.handler)
		inside.HEAD(r.path, r.handler)
	}
	for _, r := range g.adminPosts() {
		inside.POST(r.path, r.handler)
	}
	g.pageRoutes(inside)
	return e
}

// publicRoutes is the whole URL map of the HTTP door: the stages, then the app for everything but the admin API's tree and
// the probe's path. There are no gin routes, since gin would redirect and answer paths that are the app's.
func (g *Gateway) publicRoutes(n *generation, chain []gin.HandlerFunc) http.Handler {
	e := gin.New()
	e.RedirectTrailingSlash, e.RedirectFixedPath = false, false
	e.Use(chain...)
	e.NoRoute(g.reserved(n), g.byOurTunnel(n), g.watched(), g.askedFor(), noteApp, n.app.Handler())
	return e
}

// noteApp remembers that the request went on to the app.
func noteApp(c *gin.Context) { middleware.Note(c, appAsked) }

// reserved keeps the admin API's tree from the app. With admin.on_door it answers GETs of a bearer of the token.
func (g *Gateway) reserved(n *generation) gin.HandlerFunc {
	reports := n.cfg.HTTP.Door.CSP.Reports
	onDoor := map[string]gin.HandlerFunc{}
	if n.cfg.Admin.OnDoor == "token" {
		for _, r := range g.adminGets() {
			onDoor[r.path] = r.handler
		}
	}
	return func(c *gin.Context) {
		c.Status(http.StatusOK) // gin presets 404 for what has no route
		r := c.Request
		if isReserved(r.URL) {
			answer, known := onDoor[r.URL.EscapedPath()]
			if known && r.Method == http.MethodGet && g.token.Load().accepts(r) {
				c.Abort()
				stamp(c)
				middleware.Note(c, adminServed)
				answer(c)
				return
			}
			middleware.Note(c, adminRefused)
			middleware.Reject(c, "reserved", http.StatusNotFound, "the admin API is not served here")
			return
		}
		if reports && r.URL.Path == middleware.ReportsPath {
			c.Abort()
			middleware.Note(c, reportTaken)
			g.visitors.Reports.Serve(c)
			return
		}
		if strings.HasPrefix(r.URL.Path, tunnel.ProbePath) {
			middleware.Note(c, probeRefused)
			middleware.Reject(c, "reserved", http.StatusNotFound, "the probe's nonce is not of this process")
		}
	}
}
