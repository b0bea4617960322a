package gateway

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"sallyport/dbguard"
	"sallyport/gateway/journal"
)

// databaseAnswer is GET /api/hardening/database.
type databaseAnswer struct {
	Status     string `json:"status"`
	Timestamp  string `json:"timestamp"`
	APIVersion string `json:"apiVersion"`
	Enabled    bool   `json:"enabled"`
	dbguard.Snapshot
	// TopQueries take the place of the snapshot's: they name their routes too.
	TopQueries []routedQuery `json:"topQueries"`
}

// routedQuery is a statement with the routes it comes from, as far as they are known, the most frequent first.
type routedQuery struct {
	dbguard.TopQuery
	Routes []routeShare `json:"routes"`
}

// routed names the routes of queries.
func (g *Gateway) routed(queries []dbguard.TopQuery) []routedQuery {
	shares := g.asking.shares()
	all := make([]routedQuery, len(queries))
	for i, q := range queries {
		all[i] = routedQuery{q, some(shares[q.Fingerprint])}
	}
	return all
}

func (g *Gateway) getDatabase(c *gin.Context) {
	a := databaseAnswer{Status: g.judge().Status, Timestamp: g.timestamp(), APIVersion: apiVersion}
	if g.database != nil {
		a.Enabled, a.Snapshot = true, g.database.guard.Snapshot()
		a.SecurityFeatures.AllowList = g.database.allowList()
	}
	a.Metrics = g.databaseMetrics()
	a.TopQueries, a.SlowQueries, a.Blocked = g.routed(a.Snapshot.TopQueries), some(a.SlowQueries), some(a.Blocked)
	c.JSON(http.StatusOK, a)
}

// some is list, never nil: an empty list is [] in JSON.
func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// resetAnswer is POST /api/hardening/database/reset-metrics.
type resetAnswer struct {
	Status     string          `json:"status"`
	Timestamp  string          `json:"timestamp"`
	APIVersion string          `json:"apiVersion"`
	ResetAt    string          `json:"resetAt"`
	Previous   dbguard.Metrics `json:"previous"`
}

// resetMetrics lets the JSON view of the database door count from zero; Prometheus counters go on.
func (g *Gateway) resetMetrics(c *gin.Context) {
	previous := g.resetQueries(g.clock())
	at := g.timestamp()
	g.journal.Add(journal.Event{Door: "admin", Kind: "metrics-reset", Client: peerOf(c.Request), Summary: "The database metrics were reset."})
	c.JSON(http.StatusOK, resetAnswer{"ok", at, apiVersion, at, previous})
}
