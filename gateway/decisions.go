package gateway

import (
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"sallyport/config"
	"sallyport/middleware"
)

// The decisions of the last stages, for explanations.
var (
	adminRefused  = &middleware.Decision{Stage: "reserved", Setting: "admin.on_door", Verdict: "refused: the admin API is not served here"}
	adminServed   = &middleware.Decision{Stage: "reserved", Setting: "admin.on_door", Verdict: "answered by the admin API: the token is good"}
	probeRefused  = &middleware.Decision{Stage: "reserved", Verdict: "refused: the probe's nonce is not of this process"}
	reportTaken   = &middleware.Decision{Stage: "reserved", Setting: "csp.reports", Verdict: "taken by the report collector"}
	tunnelOurs    = &middleware.Decision{Stage: "tunnel", Setting: "require_tunnel", Verdict: "brought by our own connector, or nobody can tell yet"}
	tunnelForeign = &middleware.Decision{Stage: "tunnel", Setting: "require_tunnel", Verdict: "not brought by our own connector; only counted"}
	tunnelRefused = &middleware.Decision{Stage: "tunnel", Setting: "require_tunnel", Verdict: "refused: not brought by our own connector"}
	appAsked      = &middleware.Decision{Stage: "upstream", Setting: "upstream", Verdict: "passed to the app"}
	appFailed     = &middleware.Decision{Stage: "upstream", Setting: "upstream", Verdict: "refused: the app failed"}
	appLate       = &middleware.Decision{Stage: "upstream", Setting: "timeouts.upstream", Verdict: "refused: the app did not begin its answer in time"}
	appSpared     = &middleware.Decision{Stage: "upstream", Setting: "breaker.failures", Verdict: "refused: the circuit to the app is open"}
)

// upstreamDecisions tell why the way to the app refused, by status; what the client did is told by its body's stage.
var upstreamDecisions = map[int]*middleware.Decision{
	http.StatusBadGateway: appFailed, http.StatusGatewayTimeout: appLate, http.StatusServiceUnavailable: appSpared,
}

// settingsKept is how many generations of settings are kept for explanations.
const settingsKept = 16

// keepSettings remembers cfg as the settings of generation n.
func (g *Gateway) keepSettings(n int, cfg config.Config) {
	g.pastMu.Lock()
	defer g.pastMu.Unlock()
	if g.past == nil {
		g.past = map[int]config.Config{}
	}
	g.past[n] = cfg
	delete(g.past, n-settingsKept)
}

// settingsOf returns the settings of generation n, false where they are forgotten.
func (g *Gateway) settingsOf(n int) (config.Config, bool) {
	g.pastMu.Lock()
	defer g.pastMu.Unlock()
	cfg, known := g.past[n]
	return cfg, known
}

// explainAnswer is GET /api/hardening/explain?id=: what each stage made of a request, and by which setting.
type explainAnswer struct {
	Status     string          `json:"status"`
	Timestamp  string          `json:"timestamp"`
	Request    explainedHead   `json:"request"`
	Decisions  []explainedStep `json:"decisions"`
	Generation int             `json:"generation"`
}

type explainedHead struct {
	ID      string  `json:"id"`
	At      string  `json:"at"`
	Client  string  `json:"client"`
	Method  string  `json:"method"`
	Path    string  `json:"path"`
	Status  int     `json:"status"`
	TookMs  float64 `json:"tookMs"`
	Refused string  `json:"refused"`
}

// explainedStep is one decision; Setting, Value and Origin are "" where no setting made it.
type explainedStep struct {
	Stage   string `json:"stage"`
	Verdict string `json:"verdict"`
	Setting string `json:"setting"`
	Value   string `json:"value"`
	Origin  string `json:"origin"`
}

func (g *Gateway) getExplain(c *gin.Context) {
	id := c.Query("id")
	e, known := g.visitors.Explain(id)
	if !known {
		refuse(c, http.StatusNotFound, "No request with this id is remembered: the newest thousand are, and a thousand that were refused or failed.")
		return
	}
	cfg, _ := g.settingsOf(e.Generation)
	a := explainAnswer{Status: "ok", Timestamp: g.timestamp(), Generation: e.Generation, Decisions: []explainedStep{}, Request: explainedHead{
		e.RequestID, e.At.UTC().Format(time.RFC3339Nano), e.Client, e.Method, e.Path, e.Status, milliseconds(e.Took), e.Refused,
	}}
	for _, d := range e.Decisions {
		a.Decisions = append(a.Decisions, explainedStepOf(d, cfg))
	}
	c.JSON(http.StatusOK, a)
}

// explainedStepOf adds value and place of the setting to d. Settings of the HTTP door are named within their section.
func explainedStepOf(d middleware.Decision, cfg config.Config) explainedStep {
	s := explainedStep{Stage: d.Stage, Verdict: d.Verdict}
	if d.Setting == "" {
		return s
	}
	key := d.Setting
	if !strings.HasPrefix(key, "admin.") {
		key = "http." + key
	}
	v, known := cfg.Setting(key)
	if !known {
		v.Key = key
	}
	s.Setting, s.Value, s.Origin = v.Key, v.Value, v.Origin
	return s
}
