package gateway

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"sallyport/gateway/dashboard"
)

// pageRoutes serves the page at / to whom the admin listener lets in.
func (g *Gateway) pageRoutes(inside *gin.RouterGroup) {
	serve := gin.WrapH(dashboard.New(dashboard.Source{View: g.view, Series: g.chart}).Handler())
	for _, path := range []string{"/", "/assets/*file", "/api/page/stream", "/api/page/view", "/api/page/series"} {
		inside.GET(path, serve)
	}
}

// views are the pages in the order of the navigation.
var views = map[string]func(*Gateway, *dashboard.View, healthAnswer){
	"overview": (*Gateway).viewOverview, "traffic": (*Gateway).viewTraffic, "database": (*Gateway).viewDatabase, "attacks": (*Gateway).viewAttacks,
	"tunnel": (*Gateway).viewTunnel, "alerts": (*Gateway).viewAlerts, "checks": (*Gateway).viewChecks,
}

// view makes the named page as it stands now.
func (g *Gateway) view(name string) (dashboard.View, bool) {
	fill, known := views[name]
	if !known {
		return dashboard.View{}, false
	}
	n, health := g.current.Load(), g.judge()
	v := dashboard.View{Page: name, At: g.clock().UTC(), Site: siteOf(n.cfg.PublicURL), Verdict: g.verdict(health), Footer: g.footer(n)}
	if n.cfg.Environment == "development" {
		v.Mode = "development"
	}
	fill(g, &v, health)
	return v, true
}

func siteOf(publicURL string) string {
	if u, err := url.Parse(publicURL); err == nil {
		return u.Host
	}
	return ""
}

// verdict is the one sentence: the whole is as ill as its illest part, and that part is named.
func (g *Gateway) verdict(health healthAnswer) dashboard.Verdict {
	var wrong []string
	for _, name := range sortedKeys(health.Checks) {
		if c := health.Checks[name]; c.Status == health.Status && health.Status != healthy {
			wrong = append(wrong, c.Reason)
		}
	}
	switch health.Status {
	case unhealthy:
		return dashboard.Verdict{State: dashboard.Bad, Title: titleOf(wrong, "Visitors cannot use the app"), Text: strings.Join(wrong, " ")}
	case degraded:
		return dashboard.Verdict{State: dashboard.Warn, Title: "It works, but something needs a look", Text: strings.Join(wrong, " ")}
	}
	return dashboard.Verdict{State: dashboard.OK, Title: "Everything works", Text: g.calm()}
}

// titleOf is the first of what is wrong as a title.
func titleOf(wrong []string, otherwise string) string {
	if len(wrong) != 1 {
		return otherwise
	}
	return strings.TrimSuffix(wrong[0], ".")
}

// calm says what is known to be good, and no more than that.
func (g *Gateway) calm() string {
	t := g.tunnelPart()
	app := g.current.Load().app.Snapshot()
	switch {
	case t.Probe.Class == "reached":
		return fmt.Sprintf("A probe came back through the public URL %s in %.0f ms. Nothing has drifted from the settings.", ago(g.clock(), t.Probe.Last), t.Probe.Latency)
	case app.Health.Healthy && !app.Health.At.IsZero():
		return fmt.Sprintf("The app answered %s in %s. No tunnel is supervised, so nothing is known of the way from visitors to here.", ago(g.clock(), app.Health.At), inMs(app.Health.Took))
	}
	return "The doors accept. The app was not looked at yet."
}

func (g *Gateway) footer(n *generation) []string {
	out := []string{"sallyport " + g.parts.Version, fmt.Sprintf("settings generation %d, since %s", n.number, n.since.UTC().Format("15:04 MST"))}
	if s := g.history.Status(); s.Open {
		out = append(out, fmt.Sprintf("history in %s", s.Path))
	} else {
		out = append(out, "history in memory only")
	}
	return append(out, "no data leaves this machine")
}

// chart returns the history of requests and the SQL they cause over span, per second.
func (g *Gateway) chart(ctx context.Context, span time.Duration) (dashboard.Series, error) {
	step := time.Minute
	for _, r := range ranges {
		if r.span == span {
			step = r.step
		}
	}
	to := g.clock()
	names := []string{"requests", "queries", "refused"}
	tracks, err := g.history.Series(ctx, names, to.Add(-span), to, step)
	if err != nil {
		return dashboard.Series{}, err
	}
	s := dashboard.Series{Times: []int64{}, Lines: []dashboard.LineData{}}
	tones := map[string]string{"requests": "blue", "queries": "purple", "refused": "red"}
	for _, name := range names {
		for _, t := range tracks {
			if t.Name != name {
				continue
			}
			s.Times = s.Times[:0]
			line := dashboard.LineData{Name: name + "/s", Tone: tones[name], Bars: name == "refused"}
			for i, p := range t.Points {
				s.Times = append(s.Times, t.Start.Add(time.Duration(i)*t.Step).Unix())
				line.Data = append(line.Data, perSecond(p, t.Step))
			}
			s.Lines = append(s.Lines, line)
		}
	}
	return s, nil
}

// perSecond is a step's sum as a rate; nil where nothing is known.
func perSecond(sum float64, step time.Duration) *float64 {
	if sum != sum { // NaN
		return nil
	}
	rate := sum / step.Seconds()
	return &rate
}

// liveChart is the last hour from memory, in steps of fifteen seconds.
func (g *Gateway) liveChart() *dashboard.Series {
	const step = 15
	recent := g.Recent(liveKept)
	for len(recent) > 0 && recent[0].At.Unix()%step != 0 { // whole steps of the clock, so that the chart moves once a step
		recent = recent[1:]
	}
	s := &dashboard.Series{Span: "1h", Times: []int64{}}
	lines := [3][]*float64{{}, {}, {}}
	for i := 0; i+step <= len(recent); i += step {
		var sums [3]float64
		for _, l := range recent[i : i+step] {
			sums[0] += float64(l.Requests)
			sums[1] += float64(l.Queries)
			sums[2] += float64(l.Refused + l.Blocked)
		}
		s.Times = append(s.Times, recent[i].At.Unix())
		for n := range sums {
			lines[n] = append(lines[n], perSecond(sums[n], step*time.Second))
		}
	}
	s.Lines = []dashboard.LineData{
		{Name: "requests/s", Tone: "blue", Data: lines[0]}, {Name: "queries/s", Tone: "purple", Data: lines[1]}, {Name: "refused", Tone: "red", Data: lines[2], Bars: true},
	}
	return s
}
