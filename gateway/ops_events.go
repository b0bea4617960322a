package gateway

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"sallyport/config"
	"sallyport/gateway/journal"
)

// eventsAnswer is GET /api/hardening/events?from=&to=&after=&door=&kind=&limit=: from the history file where it is open, else
// from memory.
type eventsAnswer struct {
	Status    string          `json:"status"`
	Timestamp string          `json:"timestamp"`
	Source    string          `json:"source"`
	Events    []journal.Event `json:"events"`
}

func (g *Gateway) getEvents(c *gin.Context) {
	q, err := eventQuery(c)
	if err != nil {
		refuse(c, http.StatusBadRequest, err.Error())
		return
	}
	a := eventsAnswer{Status: "ok", Timestamp: g.timestamp(), Source: "history"}
	a.Events, err = g.history.Events(c.Request.Context(), q)
	if errors.Is(err, journal.ErrNotOpen) {
		a.Source, a.Events, err = "memory", g.remembered(q), nil
	}
	if err != nil {
		g.log.Warn("events", "error", err)
		refuse(c, http.StatusServiceUnavailable, "The history cannot be read.")
		return
	}
	c.JSON(http.StatusOK, a)
}

// remembered are the events in memory that q chooses.
func (g *Gateway) remembered(q journal.EventQuery) []journal.Event {
	events := []journal.Event{}
	for _, e := range g.journal.Newest(1000) {
		if len(events) < q.Limit && e.ID > q.After && !e.At.Before(q.From) && (q.To.IsZero() || e.At.Before(q.To)) && (q.Door == "" || q.Door == e.Door) && (q.Kind == "" || q.Kind == e.Kind) {
			events = append(events, e)
		}
	}
	return events
}

// eventQuery reads the parameters; limit is 100 where none is given, at most 10,000.
func eventQuery(c *gin.Context) (journal.EventQuery, error) {
	q := journal.EventQuery{Door: c.Query("door"), Kind: c.Query("kind"), Limit: 100}
	var err error
	if q.From, err = timeOf(c.Query("from")); err != nil {
		return q, errors.New("from is not a time such as 2026-01-31T14:00:00Z")
	}
	if q.To, err = timeOf(c.Query("to")); err != nil {
		return q, errors.New("to is not a time such as 2026-01-31T14:00:00Z")
	}
	for name, into := range map[string]*int64{"after": &q.After} {
		if text := c.Query(name); text != "" {
			if *into, err = strconv.ParseInt(text, 10, 64); err != nil {
				return q, errors.New(name + " is not a number")
			}
		}
	}
	if text := c.Query("limit"); text != "" {
		if q.Limit, err = strconv.Atoi(text); err != nil || q.Limit < 1 || q.Limit > 10_000 {
			return q, errors.New("limit is not a number from 1 to 10000")
		}
	}
	return q, nil
}

// timeOf reads an RFC 3339 time, the zero time where text is "".
func timeOf(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	return time.Parse(time.RFC3339, text)
}

// historyAnswer is GET /api/hardening/history?range=24h&series=a,b: figures over a range, null where there are none.
type historyAnswer struct {
	Status    string         `json:"status"`
	Timestamp string         `json:"timestamp"`
	From      string         `json:"from"`
	To        string         `json:"to"`
	StepMs    int64          `json:"stepMs"`
	Series    []seriesAnswer `json:"series"`
	File      journal.Status `json:"file"`
}

type seriesAnswer struct {
	Name string `json:"name"`
	// Fold is how minutes became a step: "sum", "mean" or "max".
	Fold   journal.Fold `json:"fold"`
	Points []*float64   `json:"points"`
}

// ranges are those of the page, with the step that keeps each at 60 to 720 points.
var ranges = map[string]struct{ span, step time.Duration }{
	"1h": {time.Hour, time.Minute}, "24h": {24 * time.Hour, 5 * time.Minute}, "7d": {7 * 24 * time.Hour, 30 * time.Minute}, "30d": {30 * 24 * time.Hour, time.Hour},
}

func (g *Gateway) getHistory(c *gin.Context) {
	r, known := ranges[c.DefaultQuery("range", "1h")]
	if !known {
		refuse(c, http.StatusBadRequest, "range is not 1h, 24h, 7d or 30d")
		return
	}
	var names []string
	if text := c.Query("series"); text != "" {
		names = strings.Split(text, ",")
	}
	to := g.clock().UTC()
	tracks, err := g.history.Series(c.Request.Context(), names, to.Add(-r.span), to, r.step)
	if err != nil && !errors.Is(err, journal.ErrNotOpen) {
		g.log.Warn("history", "error", err)
		refuse(c, http.StatusServiceUnavailable, "The history cannot be read.")
		return
	}
	a := historyAnswer{
		Status: "ok", Timestamp: g.timestamp(), From: to.Add(-r.span).Truncate(r.step).Format(time.RFC3339), To: to.Format(time.RFC3339),
		StepMs: r.step.Milliseconds(), Series: []seriesAnswer{}, File: g.history.Status(),
	}
	for _, t := range tracks {
		a.Series = append(a.Series, seriesAnswer{t.Name, t.Fold, nullable(t.Points)})
	}
	c.JSON(http.StatusOK, a)
}

// nullable turns NaN, which JSON does not know, into null.
func nullable(points []float64) []*float64 {
	out := make([]*float64, len(points))
	for i := range points {
		if points[i] == points[i] { // not NaN
			out[i] = &points[i]
		}
	}
	return out
}

// settingsAnswer is GET /api/hardening/settings: the effective settings with their origins, secrets hidden.
type settingsAnswer struct {
	Status     string         `json:"status"`
	Timestamp  string         `json:"timestamp"`
	Generation int            `json:"generation"`
	Since      string         `json:"since"`
	Settings   []config.Value `json:"settings"`
}

func (g *Gateway) getSettings(c *gin.Context) {
	n := g.current.Load()
	c.JSON(http.StatusOK, settingsAnswer{"ok", g.timestamp(), n.number, n.since.UTC().Format(time.RFC3339), n.cfg.Explain()})
}
