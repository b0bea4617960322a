package gateway

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"sallyport/gateway/tunnel"
)

// appPart is the supervised app: its process, not how it answers. Its mode is "off" where somebody else runs it.
type appPart struct {
	Mode      string                `json:"mode"`
	State     tunnel.Phase          `json:"state"`
	Cause     tunnel.Cause          `json:"cause"`
	Since     string                `json:"since"`
	PID       int                   `json:"pid"`
	Restarts  tunnel.Restarts       `json:"restarts"`
	Incidents []tunnel.OpenIncident `json:"incidents"`
}

func (g *Gateway) appPart() appPart {
	if g.appRun == nil {
		return appPart{Mode: "off", State: tunnel.Off, Incidents: []tunnel.OpenIncident{}}
	}
	s := g.appRun.Snapshot()
	return appPart{s.Mode, s.State, s.Cause, s.Since.Format("2006-01-02T15:04:05Z07:00"), s.PID, s.Restarts, s.Incidents}
}

// appAnswer is GET /api/hardening/app, and what each order to the app answers.
type appAnswer struct {
	Status     string  `json:"status"`
	Timestamp  string  `json:"timestamp"`
	APIVersion string  `json:"apiVersion"`
	App        appPart `json:"app"`
	// Changes are the newest changes of state, oldest first, at most 200.
	Changes []tunnel.Transition `json:"changes"`
}

func (g *Gateway) getApp(c *gin.Context) {
	a := appAnswer{Status: healthy, Timestamp: g.timestamp(), APIVersion: apiVersion, App: g.appPart(), Changes: []tunnel.Transition{}}
	if g.appRun != nil {
		a.Status, a.Changes = g.checkProcess().Status, some(g.appRun.History())
	}
	c.JSON(http.StatusOK, a)
}

func (g *Gateway) appSup() *tunnel.Supervisor { return g.appRun }
