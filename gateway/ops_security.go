package gateway

import (
	"net"
	"net/http"

	"github.com/gin-gonic/gin"

	"sallyport/dbguard"
	"sallyport/gateway/journal"
	"sallyport/middleware"
)

// recentEvents is how many events the security answer holds.
const recentEvents = 50

// securityAnswer is GET /api/hardening/security.
type securityAnswer struct {
	Status       string            `json:"status"`
	Timestamp    string            `json:"timestamp"`
	APIVersion   string            `json:"apiVersion"`
	HTTP         httpSecurity      `json:"http"`
	Database     databaseSecurity  `json:"database"`
	CrossDoor    crossDoorPart     `json:"crossDoor"`
	Holds        []middleware.Hold `json:"holds"`
	Replicas     replicasAnswer    `json:"replicas"`
	Suspects     []suspect         `json:"suspects"`
	RecentEvents []journal.Event   `json:"recentEvents"`
}

// httpSecurity is what the HTTP door guards and what it refused since the process started.
type httpSecurity struct {
	serverSecurity
	RequireTunnel string      `json:"requireTunnel"`
	Refused       httpRefused `json:"refused"`
	Clients       clientNames `json:"clients"`
}

type httpRefused struct {
	RateLimited int64 `json:"rateLimited"`
	TooLarge    int64 `json:"tooLarge"`
	TooSlow     int64 `json:"tooSlow"`
	Malformed   int64 `json:"malformed"`
	BadOrigin   int64 `json:"badOrigin"`
	Held        int64 `json:"held"`
}

// clientNames counts how trusted peers named clients: where they do not, everybody shares one budget.
type clientNames struct {
	Named         int64 `json:"named"`
	MissingHeader int64 `json:"missingHeader"`
	BadHeader     int64 `json:"badHeader"`
	Spoofed       int64 `json:"spoofed"`
	NotByTunnel   int64 `json:"notByTunnel"`
}

// databaseSecurity is what the database door guards and what it refused.
type databaseSecurity struct {
	Enabled           bool                   `json:"enabled"`
	Features          dbguard.Features       `json:"features"`
	Limits            dbguard.LimitsView     `json:"limits"`
	BlockedQueries    uint64                 `json:"blockedQueries"`
	SuspiciousQueries uint64                 `json:"suspiciousQueries"`
	Blocked           []dbguard.BlockedQuery `json:"blocked"`
}

func (g *Gateway) getSecurity(c *gin.Context) {
	n := g.current.Load()
	c.JSON(http.StatusOK, securityAnswer{
		Status: g.judge().Status, Timestamp: g.timestamp(), APIVersion: apiVersion, HTTP: g.httpSecurity(n), Database: g.databaseSecurity(),
		CrossDoor: g.crossDoorPart(), Holds: some(g.visitors.Holds.List()), Suspects: g.narrator.suspects.list(),
		Replicas: g.replicas.answer(), RecentEvents: g.journal.Newest(recentEvents),
	})
}

func (g *Gateway) httpSecurity(n *generation) httpSecurity {
	v := g.visitors
	return httpSecurity{
		serverSecurity: g.serverSecurity(n), RequireTunnel: n.cfg.HTTP.RequireTunnel,
		Refused: httpRefused{v.RateLimited.Load(), v.TooLarge.Load(), v.TooSlow.Load(), g.malformed.Load(), v.BadOrigin.Load(), v.Held.Load()},
		Clients: clientNames{v.Named.Load(), v.MissingHeader.Load(), v.BadHeader.Load(), v.Spoofed.Load(), g.strangers.Load()},
	}
}

func (g *Gateway) databaseSecurity() databaseSecurity {
	m := g.databaseMetrics()
	s := databaseSecurity{BlockedQueries: m.BlockedQueries, SuspiciousQueries: m.SuspiciousQueries, Blocked: []dbguard.BlockedQuery{}}
	if g.database != nil {
		now := g.database.guard.Snapshot()
		s.Enabled, s.Features, s.Limits, s.Blocked = true, now.SecurityFeatures, now.Limits, some(now.Blocked)
		s.Features.AllowList = g.database.allowList()
	}
	return s
}

// cspAnswer is GET /api/hardening/csp?all=: what browsers reported and the policy that would let pages do it.
type cspAnswer struct {
	Status     string                 `json:"status"`
	Timestamp  string                 `json:"timestamp"`
	Violations []middleware.Violation `json:"violations"`
	Dropped    int64                  `json:"dropped"`
	Suggestion middleware.Suggestion  `json:"suggestion"`
}

func (g *Gateway) getCSP(c *gin.Context) {
	r := g.visitors.Reports
	cfg := g.current.Load().cfg
	base := cfg.HTTP.Door.ReportOnly()
	c.JSON(http.StatusOK, cspAnswer{"ok", g.timestamp(), some(r.List()), r.Dropped(), r.Suggest(base, c.Query("all") == "1")})
}

// releaseAnswer is POST /api/hardening/security/release.
type releaseAnswer struct {
	Status    string `json:"status"`
	Timestamp string `json:"timestamp"`
	Client    string `json:"client"`
	Released  bool   `json:"released"`
}

// releaseHold ends the hold of the client named by the query or the JSON body.
func (g *Gateway) releaseHold(c *gin.Context) {
	var body struct {
		Client string `json:"client"`
	}
	body.Client = c.Query("client")
	if body.Client == "" {
		c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, 4<<10)
		if err := c.ShouldBindJSON(&body); err != nil || body.Client == "" {
			refuse(c, http.StatusBadRequest, "Name the client: ?client=192.0.2.1.")
			return
		}
	}
	released := g.visitors.Holds.Release(body.Client)
	if released {
		g.journal.Add(journal.Event{Door: "admin", Kind: "client-released", Client: body.Client, Summary: body.Client + " is held no more."})
	}
	c.JSON(http.StatusOK, releaseAnswer{"ok", g.timestamp(), body.Client, released})
}

// peerOf is the address that r's connection comes from, without the port.
func peerOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
