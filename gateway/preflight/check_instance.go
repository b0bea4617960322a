package preflight

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
)

// instanceHealth is GET /api/hardening/health, as far as it is used.
type instanceHealth struct {
	Status string
	Checks map[string]struct{ Status, Detail string }
}

// checkInstance asks the running instance how it is. None running is no fault: doctor is for before the start too.
func checkInstance(ctx context.Context, site Site) Result {
	r, err := site.Instance.Ask(ctx, "GET", "/api/hardening/health", nil)
	switch {
	case errors.Is(err, ErrAbsent):
		return skip("no instance runs at %s", site.Instance.Addr)
	case err != nil:
		return fail("end the process that holds the admin port, and start sallyport", "%v", err)
	}
	var h instanceHealth
	if r.Status == 503 {
		r.Status = 200 // unhealthy: the body tells why
	}
	if err := r.Decode(&h); err != nil {
		return fail("set admin.listen to where sallyport listens", "what answers at %s is no instance of this version: %v", site.Instance.Addr, err)
	}
	var ill []string
	for _, name := range slices.Sorted(maps.Keys(h.Checks)) {
		if c := h.Checks[name]; c.Status != "healthy" {
			ill = append(ill, name+" is "+c.Status+": "+c.Detail)
		}
	}
	switch h.Status {
	case "healthy":
		return ok("the instance at %s is healthy", site.Instance.Addr)
	case "degraded":
		return warn("", "the instance at %s is degraded", site.Instance.Addr).with(ill...)
	}
	return warn("see the lines above", "the instance at %s is %s: %s", site.Instance.Addr, h.Status, strings.Join(ill, "; ")).with(ill...)
}

// instanceHistory is GET /api/hardening/history, as far as it is used.
type instanceHistory struct {
	File struct {
		Path    string
		Open    bool
		Held    bool
		Dropped int64
		Fault   string
	}
}

// checkHistory looks at the history file: by the instance where one runs, by its first bytes where none does.
func checkHistory(ctx context.Context, site Site) Result {
	path := site.Config.History.Path
	if path == "" {
		return ok("history is kept in memory only")
	}
	var h instanceHistory
	if err := site.Instance.Get(ctx, "/api/hardening/history?range=1h&series=none", &h); err == nil {
		switch {
		case h.File.Held:
			return warn("end the other gateway", "another gateway writes %s", path)
		case !h.File.Open && h.File.Fault == "":
			return warn("look again in a moment", "the instance is still opening %s", path)
		case !h.File.Open:
			return fail("mend what the evidence says; the instance tries again by itself, and moves a damaged file aside", "the instance cannot write %s", path).with(clip(h.File.Fault, 300))
		}
		return ok("the instance writes %s", path)
	}
	return historyFile(path)
}

// alertEvents is GET /api/hardening/events, as far as it is used.
type alertEvents struct {
	Events []struct{ At, Summary string }
}

// checkAlerts warns where nobody would be told, or nobody has tried lately.
func checkAlerts(ctx context.Context, site Site) Result {
	a := site.Config.Alerts
	if a.Slack.WebhookFile == "" && a.Webhook.URLFile == "" && a.Email.SMTP == "" {
		return warn("set alerts.slack, alerts.webhook or alerts.email", "nobody is told when something goes wrong")
	}
	var e alertEvents
	since := site.now().AddDate(0, 0, -30).UTC().Format("2006-01-02T15:04:05Z")
	if err := site.Instance.Get(ctx, "/api/hardening/events?kind=alert-tested&limit=1&from="+since, &e); err != nil {
		return skip("needs a running instance")
	}
	if len(e.Events) == 0 {
		return warn("sallyport alerts test", "alerts were not tested in the last 30 days")
	}
	return ok("alerts were tested on %s", e.Events[0].At)
}
