package gateway

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"sallyport/dbguard"
	"sallyport/gateway/tunnel"
)

// metricsAnswer is GET /api/hardening/metrics.
type metricsAnswer struct {
	Status     string    `json:"status"`
	Timestamp  string    `json:"timestamp"`
	APIVersion string    `json:"apiVersion"`
	Version    string    `json:"version"`
	Generation int       `json:"generation"`
	Hardening  hardening `json:"hardening"`
}

type hardening struct {
	Database databasePart    `json:"database"`
	Server   serverPart      `json:"server"`
	Tunnel   tunnel.Snapshot `json:"tunnel"`
	App      appPart         `json:"app"`
	Drift    driftPart       `json:"drift"`
}

type databasePart struct {
	Enabled          bool             `json:"enabled"`
	Health           dbguard.Health   `json:"health"`
	Metrics          dbguard.Metrics  `json:"metrics"`
	SecurityFeatures dbguard.Features `json:"securityFeatures"`
}

type serverPart struct {
	Metrics  serverMetrics  `json:"metrics"`
	Security serverSecurity `json:"security"`
}

// serverMetrics are those of the HTTP door. Uptime is in seconds, latencies in milliseconds; requestsTotal, rateLimited and
// tooLarge count since the database metrics' since.
type serverMetrics struct {
	Uptime           float64 `json:"uptime"`
	Memory           memory  `json:"memory"`
	RequestsTotal    int64   `json:"requestsTotal"`
	RequestsInFlight int64   `json:"requestsInFlight"`
	P95Latency       float64 `json:"p95Latency"`
	RateLimited      int64   `json:"rateLimited"`
	TooLarge         int64   `json:"tooLarge"`
}

// serverSecurity tells which protections of the HTTP door are on. Headers are the names that every answer bears.
type serverSecurity struct {
	HelmetEnabled    bool     `json:"helmetEnabled"`
	CORSConfigured   bool     `json:"corsConfigured"`
	RateLimitEnabled bool     `json:"rateLimitEnabled"`
	BodyLimitBytes   int64    `json:"bodyLimitBytes"`
	RequestTimeoutMs int64    `json:"requestTimeoutMs"`
	Headers          []string `json:"headers"`
}

// driftPart are facts that are not as they were declared.
type driftPart struct {
	Count int         `json:"count"`
	Items []driftItem `json:"items"`
}

// driftItem is one such fact.
type driftItem struct {
	Fact     string    `json:"fact"`
	Declared string    `json:"declared"`
	Observed string    `json:"observed"`
	Source   string    `json:"source"`
	Since    time.Time `json:"since"`
	Evidence []string  `json:"evidence,omitempty"`
	Fix      string    `json:"fix,omitempty"`
}

func (g *Gateway) getMetrics(c *gin.Context) {
	n := g.current.Load()
	c.JSON(http.StatusOK, metricsAnswer{
		Status: g.judge().Status, Timestamp: g.timestamp(), APIVersion: apiVersion, Version: g.parts.Version, Generation: n.number,
		Hardening: hardening{Database: g.databasePart(), Server: serverPart{g.serverMetrics(), g.serverSecurity(n)}, Tunnel: g.tunnelPart(), App: g.appPart(), Drift: g.driftPart()},
	})
}

func (g *Gateway) timestamp() string { return g.clock().UTC().Format(time.RFC3339) }

func (g *Gateway) databasePart() databasePart {
	p := databasePart{Metrics: g.databaseMetrics()}
	if g.database == nil {
		return p
	}
	s := g.database.guard.Snapshot()
	p.Enabled, p.Health, p.SecurityFeatures = true, s.Health, s.SecurityFeatures
	p.SecurityFeatures.AllowList = g.database.allowList()
	return p
}

func (g *Gateway) serverMetrics() serverMetrics {
	f := g.figures()
	return serverMetrics{
		Uptime: float64(g.clock().Sub(g.started).Milliseconds()) / 1000, Memory: readMemory(), RequestsTotal: f.Requests,
		RequestsInFlight: g.visitors.InFlight.Load(), P95Latency: milliseconds(g.latency.quantile(0.95)), RateLimited: f.RateLimited, TooLarge: f.TooLarge,
	}
}

func (g *Gateway) serverSecurity(n *generation) serverSecurity {
	s := n.cfg.HTTP.Door
	return serverSecurity{
		HelmetEnabled: s.Headers != "off", CORSConfigured: len(s.CORS.Origins) > 0, RateLimitEnabled: s.RateLimit.Requests > 0,
		BodyLimitBytes: s.BodyMax, RequestTimeoutMs: s.Timeouts.Upstream.Milliseconds(), Headers: n.headers,
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
