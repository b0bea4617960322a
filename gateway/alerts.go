package gateway

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"sallyport/config"
	"sallyport/gateway/alert"
	"sallyport/gateway/journal"
)

// floodFrom is how many refusals of one client within a minute make a flood.
const floodFrom = 100

// alertRules say which events of this gateway are faults. Faults of the tunnel come with a cause of their own.
func alertRules() []alert.Rule {
	return []alert.Rule{
		{Cause: "DATABASE_DOWN", Severity: journal.Critical, Begin: []string{"breaker-open", "database-down"}, Count: 1, End: []string{"breaker-closed", "database-up"}},
		{Cause: "APP_DOWN", Severity: journal.Critical, Begin: []string{"app-down", "app-breaker-open"}, Count: 1, End: []string{"app-up", "app-breaker-closed"}},
		{Cause: "REDIS_DOWN", Severity: journal.Critical, Begin: []string{"rate-limit-store-down", "replicas-apart"}, Count: 1, End: []string{"rate-limit-store-up", "replicas-joined"}},
		{Cause: "CROSS_DOOR_ATTACK", Severity: journal.Critical, Begin: []string{"cross-door", "client-held"}, Count: 1, Quiet: 10 * time.Minute},
		{Cause: "SQL_ATTACK", Severity: journal.Warning, Begin: []string{"query-blocked", "query-too-complex"}, Count: 5, Within: time.Minute, Quiet: 10 * time.Minute},
		{Cause: "REQUEST_FLOOD", Severity: journal.Warning, Begin: []string{"request-flood"}, Count: 1, Quiet: 10 * time.Minute},
		{Cause: "SETTINGS_REFUSED", Severity: journal.Warning, Begin: []string{"settings-refused"}, Count: 1, End: []string{"settings-reloaded"}},
		{Cause: "NOT_AS_DECLARED", Severity: journal.Warning, Begin: []string{"drift"}, Count: 1, End: []string{"drift-resolved"}},
		{Cause: "HISTORY_DAMAGED", Severity: journal.Warning, Begin: []string{"history-damaged"}, Count: 1, Quiet: time.Hour},
		{Cause: "HANDLER_PANICKED", Severity: journal.Critical, Begin: []string{"handler-panicked"}, Count: 1, Quiet: time.Hour},
	}
}

// newDesk builds whoever tells people.
func (g *Gateway) newDesk(cfg config.Config) *alert.Desk {
	source := siteOf(cfg.PublicURL)
	if source == "" {
		source = cfg.HTTP.Listen
	}
	return alert.New(cfg.Alerts, alert.Options{Source: source, Log: g.log, Now: g.clock, Rules: alertRules()})
}

// startAlerts runs the desk as one of the helpers. It hears every event that was written before it is told to end.
func (g *Gateway) startAlerts(helpers *crew) {
	heard := g.journal.Subscribe(4096)
	helpers.run("alerts", func(ctx context.Context) error {
		desk := newCrew(ctx, helpers.fail)
		desk.run("alerts", g.desk.Run)
		hearing := make(chan struct{})
		go func() {
			defer close(hearing)
			for e := range heard.Events() {
				g.hear(*e)
			}
		}()
		<-ctx.Done()
		heard.Close()
		<-hearing
		desk.stop()
		if n := heard.Dropped(); n > 0 {
			g.log.Warn("alerts did not hear every event", "dropped", n)
		}
		return nil
	})
	helpers.run("anomalies", g.watchAnomalies)
}

// hear passes e to the desk: faults of supervised processes as they are, everything else to the rules.
func (g *Gateway) hear(e journal.Event) {
	switch {
	case e.Detail["cause"] != "" && e.Detail["state"] == "open":
		g.desk.Open(alert.Fault{Cause: e.Detail["cause"], Severity: e.Severity, Summary: e.Summary, Detail: e.Detail})
	case e.Detail["cause"] != "" && e.Detail["state"] == "resolved":
		g.desk.Close(e.Detail["cause"], e.Summary)
	case e.Kind == "rate-limited":
		if n, err := strconv.Atoi(e.Detail["count"]); err == nil && n >= floodFrom {
			e.Kind = "request-flood"
			g.desk.Hear(e)
		}
	default:
		g.desk.Hear(e)
	}
}

// alertsAnswer is GET /api/hardening/alerts.
type alertsAnswer struct {
	Status    string `json:"status"`
	Timestamp string `json:"timestamp"`
	alert.Snapshot
	Rules []ruleAnswer `json:"rules"`
}

// ruleAnswer is one rule in words.
type ruleAnswer struct {
	Cause    string           `json:"cause"`
	Severity journal.Severity `json:"severity"`
	Begin    []string         `json:"begin"`
	Count    int              `json:"count"`
	WithinMs int64            `json:"withinMs"`
}

func (g *Gateway) getAlerts(c *gin.Context) {
	a := alertsAnswer{Status: "ok", Timestamp: g.timestamp(), Snapshot: g.desk.Snapshot(), Rules: []ruleAnswer{}}
	for _, r := range alertRules() {
		a.Rules = append(a.Rules, ruleAnswer{r.Cause, r.Severity, r.Begin, r.Count, r.Within.Milliseconds()})
	}
	c.JSON(http.StatusOK, a)
}

// testAnswer is POST /api/hardening/alerts/test: "" where a channel took the message, else why not.
type testAnswer struct {
	Status    string            `json:"status"`
	Timestamp string            `json:"timestamp"`
	Channels  map[string]string `json:"channels"`
}

func (g *Gateway) testAlerts(c *gin.Context) {
	a := testAnswer{Status: "ok", Timestamp: g.timestamp(), Channels: map[string]string{}}
	for name, err := range g.desk.Test(c.Request.Context()) {
		a.Channels[name] = ""
		if err != nil {
			a.Status, a.Channels[name] = "failed", err.Error()
		}
	}
	if len(a.Channels) == 0 {
		refuse(c, http.StatusConflict, "There is no channel: set alerts.slack, alerts.webhook or alerts.email.")
		return
	}
	names := slices.Sorted(maps.Keys(a.Channels))
	g.journal.Add(journal.Event{Door: "admin", Kind: "alert-tested", Client: peerOf(c.Request), Summary: "Alerts were tested: " + a.Status + ".", Detail: map[string]string{"channels": strings.Join(names, ", ")}})
	c.JSON(http.StatusOK, a)
}

// muteRequest is the body of POST /api/hardening/alerts/mute: a cause or "*", and for how long; "0s" ends a mute.
type muteRequest struct {
	Cause string `json:"cause"`
	For   string `json:"for"`
	Why   string `json:"why"`
}

// maxMute is the longest mute: whoever forgets one is told again the next day.
const maxMute = 24 * time.Hour

func (g *Gateway) muteAlerts(c *gin.Context) {
	var m muteRequest
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, 4<<10)
	if err := c.ShouldBindJSON(&m); err != nil || m.Cause == "" {
		refuse(c, http.StatusBadRequest, `Name a cause and a time: {"cause": "APP_DOWN", "for": "1h"}.`)
		return
	}
	d, err := time.ParseDuration(m.For)
	if err != nil || d < 0 || d > maxMute {
		refuse(c, http.StatusBadRequest, "for is not a time from 0s to 24h")
		return
	}
	until := g.clock().Add(d).UTC()
	g.desk.Mute(alert.Mute{Cause: m.Cause, Until: until, By: peerOf(c.Request), Why: clip(m.Why, 200)})
	g.journal.Add(journal.Event{Door: "admin", Kind: "alert-muted", Client: peerOf(c.Request), Summary: "Alerts of " + clip(m.Cause, 60) + " are muted until " + until.Format(time.RFC3339) + "."})
	g.getAlerts(c)
}
