package gateway

import (
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"
)

// The words for how things stand.
const (
	healthy   = "healthy"
	degraded  = "degraded"
	unhealthy = "unhealthy"
)

// healthAnswer is GET /api/hardening/health.
type healthAnswer struct {
	Status     string           `json:"status"`
	Timestamp  string           `json:"timestamp"`
	APIVersion string           `json:"apiVersion"`
	Checks     map[string]check `json:"checks"`
}

// check is one thing looked at; Reason is one sentence.
type check struct {
	Status string `json:"status"`
	Reason string `json:"detail"`
}

func (g *Gateway) getHealth(c *gin.Context) {
	a := g.judge()
	status := http.StatusOK
	if a.Status == unhealthy {
		status = http.StatusServiceUnavailable
	}
	c.JSON(status, a)
}

// judge looks at everything; the whole is as ill as its illest part.
func (g *Gateway) judge() healthAnswer {
	a := healthAnswer{Status: healthy, Timestamp: g.timestamp(), APIVersion: apiVersion, Checks: map[string]check{
		"doors": g.checkDoors(), "app": g.checkApp(), "clientIdentity": g.checkIdentity(), "history": g.checkHistory(), "drift": g.checkDrift(),
	}}
	if g.replicas.answer().Enabled {
		a.Checks["replicas"] = g.checkReplicas()
	}
	if g.database != nil {
		a.Checks["database"] = g.checkDatabase()
	}
	if g.tunnel != nil {
		a.Checks["tunnel"] = g.checkTunnel()
	}
	if g.appRun != nil {
		a.Checks["process"] = g.checkProcess()
	}
	for _, c := range a.Checks {
		if c.Status == unhealthy || (c.Status == degraded && a.Status == healthy) {
			a.Status = c.Status
		}
	}
	return a
}

func (g *Gateway) checkDoors() check {
	if !g.serving.Load() {
		return check{unhealthy, "The doors do not accept."}
	}
	return check{healthy, "The doors accept."}
}

func (g *Gateway) checkApp() check {
	s := g.current.Load().app.Snapshot()
	switch {
	case s.Breaker == "open":
		return check{unhealthy, "The circuit to the app is open."}
	case !s.Health.Healthy:
		return check{unhealthy, "The app does not answer: " + s.Health.Err + "."}
	case s.Health.At.IsZero():
		return check{healthy, "The app was not looked at yet."}
	}
	return check{healthy, fmt.Sprintf("The app answered within %d ms.", s.Health.Took.Milliseconds())}
}

func (g *Gateway) checkHistory() check {
	s := g.history.Status()
	switch {
	case s.Path == "":
		return check{healthy, "History is kept in memory only."}
	case s.Held:
		return check{degraded, "Another gateway writes the history file."}
	case !s.Open:
		return check{degraded, "The history file is not open."}
	case s.Dropped > 0:
		return check{degraded, fmt.Sprintf("%d events found no room in the history's queue.", s.Dropped)}
	}
	return check{healthy, "History is written."}
}

func (g *Gateway) checkDrift() check {
	switch d := g.driftPart(); {
	case d.Count == 1:
		return check{degraded, "Not as declared: " + d.Items[0].Fact + "."}
	case d.Count > 1:
		return check{degraded, fmt.Sprintf("%d facts are not as declared.", d.Count)}
	}
	return check{healthy, "Everything is as declared."}
}

func (g *Gateway) checkDatabase() check {
	s := g.database.guard.Snapshot()
	switch {
	case s.CircuitBreaker.State == "open":
		return check{unhealthy, "The circuit to the database is open."}
	case s.Health.LastCheck == nil:
		return check{healthy, "The database was not looked at yet."}
	case !s.Health.Healthy:
		return check{unhealthy, "The database does not answer."}
	}
	return check{healthy, fmt.Sprintf("The database answered within %.1f ms.", s.Health.Latency)}
}

func (g *Gateway) checkTunnel() check {
	s := g.tunnel.Snapshot()
	if len(s.Incidents) > 0 {
		return check{degraded, s.Incidents[0].Summary}
	}
	return check{healthy, "The tunnel is " + string(s.State) + "."}
}

// checkProcess tells how the app's process is, where it is ours; whether the app answers is checkApp's.
func (g *Gateway) checkProcess() check {
	s := g.appRun.Snapshot()
	if len(s.Incidents) > 0 {
		return check{degraded, s.Incidents[0].Summary}
	}
	return check{healthy, "The app's process is " + string(s.State) + "."}
}

// statusAnswer is that of the probes.
type statusAnswer struct {
	Status    string `json:"status"`
	Timestamp string `json:"timestamp"`
}

// livez says that the process lives.
func (g *Gateway) livez(c *gin.Context) {
	c.JSON(http.StatusOK, statusAnswer{"alive", g.timestamp()})
}

// readyz says whether the doors accept; not any more from the moment the gateway drains.
func (g *Gateway) readyz(c *gin.Context) {
	if !g.serving.Load() {
		refuse(c, http.StatusServiceUnavailable, "The doors do not accept.")
		return
	}
	c.JSON(http.StatusOK, statusAnswer{"ready", g.timestamp()})
}
