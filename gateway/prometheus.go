package gateway

import (
	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// prometheus returns the handler of /metrics. Counters are of this process and never go back.
func (g *Gateway) prometheus() gin.HandlerFunc {
	r := prometheus.NewRegistry()
	ours := prometheus.WrapRegistererWithPrefix("sallyport_", r)
	ours.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), &exporter{g})
	return gin.WrapH(promhttp.HandlerFor(r, promhttp.HandlerOpts{}))
}

// exporter reads the gateway's counters when it is asked. No label holds a path, a query, a client or a fingerprint.
type exporter struct{ g *Gateway }

// Describe says nothing: what there is depends on the doors.
func (*exporter) Describe(chan<- *prometheus.Desc) {}

// Collect sends every figure.
func (e *exporter) Collect(out chan<- prometheus.Metric) {
	s := series{out}
	e.process(s)
	e.http(s)
	e.events(s)
	if e.g.database != nil {
		e.database(s)
	}
	if e.g.tunnel != nil {
		e.tunnel(s)
	}
	if e.g.appRun != nil {
		e.app(s)
	}
}

func (e *exporter) process(s series) {
	n := e.g.current.Load()
	s.gauge("build_info", "The program; always 1.", 1, "version", e.g.parts.Version)
	s.gauge("settings_generation", "Number of the settings that hold.", float64(n.number))
	s.counter("settings_reloads_total", "Reloads of the settings, by outcome.", float64(e.g.reloads.good.Load()), "outcome", "ok")
	s.counter("settings_reloads_total", "Reloads of the settings, by outcome.", float64(e.g.reloads.bad.Load()), "outcome", "refused")
	s.gauge("ready", "1 while the doors accept.", truth(e.g.serving.Load()))
	for name, c := range e.g.judge().Checks {
		s.gauge("health", "How a check stands: 1 healthy, 0.5 degraded, 0 unhealthy.", map[string]float64{healthy: 1, degraded: 0.5}[c.Status], "check", name)
	}
	if r := e.g.replicas.answer(); r.Enabled {
		s.gauge("replicas", "Replicas that share holds and learned statements, this one among them.", float64(len(r.Members)))
		s.gauge("replicas_apart", "1 while nothing is heard of the other replicas.", truth(r.Apart))
	}
	h := e.g.history.Status()
	s.counter("history_dropped_events_total", "Events for which the history's queue had no room.", float64(h.Dropped))
	s.gauge("history_bytes", "Size of the history file.", float64(h.Bytes))
}

// durationBounds are the buckets of request durations, seconds.
var durationBounds = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}

func (e *exporter) http(s series) {
	v, app := e.g.visitors, e.g.current.Load().app.Snapshot()
	s.counter("http_requests_total", "Requests that came in at the HTTP door.", float64(v.Requests.Load()))
	s.gauge("http_requests_in_flight", "Requests running at the HTTP door.", float64(v.InFlight.Load()))
	for _, r := range []struct {
		reason string
		n      int64
	}{
		{"rate_limit", v.RateLimited.Load()}, {"too_large", v.TooLarge.Load()}, {"too_slow", v.TooSlow.Load()}, {"held", v.Held.Load()},
		{"origin", v.BadOrigin.Load()}, {"malformed", e.g.malformed.Load()},
	} {
		s.counter("http_refused_total", "Requests that the HTTP door refused, by reason.", float64(r.n), "reason", r.reason)
	}
	s.counter("http_server_errors_total", "Answers of 500 and more.", float64(e.g.serverErrors.Load()))
	s.counter("http_spoofed_headers_total", "Requests from which forged headers were removed.", float64(v.Spoofed.Load()))
	s.counter("http_misnamed_clients_total", "Requests whose peer named a client by no address, or without being trusted.", float64(v.BadHeader.Load()+v.Distrusted.Load()))
	s.counter("http_unnamed_clients_total", "Requests of trusted peers that did not name their client.", float64(v.MissingHeader.Load()))
	s.counter("http_panics_total", "Handlers that panicked.", float64(v.Panics.Load()))
	s.counter("http_rate_limit_store_errors_total", "Requests for which the rate-limit store did not answer.", float64(v.StoreErrors.Load()))
	s.gauge("http_holds", "Clients held off.", float64(len(v.Holds.List())))
	count, sum, under := e.g.latency.prometheus(durationBounds)
	s.histogram("http_request_duration_seconds", "Time from request to the end of its answer.", count, sum, under)
	s.counter("app_requests_total", "Exchanges with the app.", float64(app.Requests))
	s.counter("app_failures_total", "Exchanges that the app failed.", float64(app.Failed))
	s.counter("app_retries_total", "Second tries of exchanges with the app.", float64(app.Retries))
	s.counter("app_breaker_openings_total", "Times the circuit to the app opened.", float64(app.Openings))
	s.gauge("app_breaker_open", "1 while the circuit to the app is open, 0.5 while half-open.", openness(app.Breaker))
	s.gauge("app_healthy", "1 while the app answers its checks.", truth(app.Health.Healthy))
	s.gauge("app_websockets", "WebSockets open.", float64(app.Upgrades))
}

func (e *exporter) events(s series) {
	for kind, n := range e.g.journal.Kinds() {
		s.counter("events_total", "Events of the journal, by kind.", float64(n), "kind", kind)
	}
}

func (e *exporter) database(s series) {
	c := e.g.database.guard.Counters()
	for _, r := range []struct {
		outcome string
		n       uint64
	}{{"ok", c.OK}, {"failed", c.Failed}, {"blocked", c.Blocked}, {"too_complex", c.TooComplex}, {"unserved", c.Unserved}} {
		s.counter("database_queries_total", "Queries at the database door, by outcome.", float64(r.n), "outcome", r.outcome)
	}
	s.counter("database_slow_queries_total", "Queries at or over the slow limit.", float64(c.Slow))
	s.counter("database_suspicious_queries_total", "Queries with findings that did not refuse them.", float64(c.Suspicious))
	s.gauge("database_queries_running", "Queries running.", float64(c.Running))
	s.counter("database_dials_total", "Connections made to the database, by outcome.", float64(c.Dials), "outcome", "ok")
	s.counter("database_dials_total", "Connections made to the database, by outcome.", float64(c.DialsFailed), "outcome", "failed")
	s.counter("database_dial_retries_total", "Connections tried again.", float64(c.Retries))
	s.counter("database_breaker_openings_total", "Times the circuit to the database opened.", float64(c.Opened))
	s.histogram("database_query_duration_seconds", "Execution time of queries that ran.", c.OK+c.Failed, c.Took.Seconds(), c.Durations)
	snap := e.g.database.guard.Snapshot()
	s.gauge("database_breaker_open", "1 while the circuit to the database is open, 0.5 while half-open.", openness(snap.CircuitBreaker.State))
	s.gauge("database_healthy", "1 while the database answers its checks.", truth(snap.Health.Healthy))
	p := snap.Metrics.Pool
	s.gauge("database_pool_max", "Most connections to the database.", float64(p.Max))
	s.gauge("database_pool_active", "Connections that run something.", float64(p.Active))
	s.gauge("database_pool_idle", "Connections that wait.", float64(p.Idle))
	s.gauge("database_pool_waiting", "Clients that wait for a connection.", float64(p.Waiting))
}

func (e *exporter) tunnel(s series) {
	t := e.g.tunnel.Snapshot()
	s.gauge("tunnel_ready_connections", "Connections of the tunnel that are up.", float64(t.ReadyConnections))
	s.gauge("tunnel_restarts_used", "Restarts of the budget's window that were used.", float64(t.Restarts.Used))
	s.gauge("tunnel_up", "1 while the tunnel serves: it has a connection, and nothing holds or starts it.", truth(t.State.Serves() && t.ReadyConnections > 0))
	s.gauge("tunnel_restarts_budget", "Restarts that the budget's window allows.", float64(t.Restarts.Budget))
	s.gauge("tunnel_incidents", "Faults of the tunnel that are open.", float64(len(t.Incidents)))
	if !t.Certificate.NotAfter.IsZero() {
		s.gauge("tunnel_certificate_expiry_timestamp_seconds", "When the public certificate ends.", float64(t.Certificate.NotAfter.Unix()))
	}
}

func (e *exporter) app(s series) {
	a := e.g.appRun.Snapshot()
	s.gauge("app_process_up", "1 while the app's process, which is ours, accepts connections.", truth(a.State.Serves()))
	s.gauge("app_process_restarts_used", "Restarts of the budget's window that were used.", float64(a.Restarts.Used))
	s.gauge("app_process_incidents", "Faults of the app's process that are open.", float64(len(a.Incidents)))
}

// series sends single figures. Labels are given as name, value.
type series struct{ out chan<- prometheus.Metric }

func (s series) counter(name, help string, v float64, labels ...string) {
	s.send(prometheus.CounterValue, name, help, v, labels)
}

func (s series) gauge(name, help string, v float64, labels ...string) {
	s.send(prometheus.GaugeValue, name, help, v, labels)
}

func (s series) send(kind prometheus.ValueType, name, help string, v float64, labels []string) {
	var names, values []string
	for i := 0; i+1 < len(labels); i += 2 {
		names, values = append(names, labels[i]), append(values, labels[i+1])
	}
	s.out <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, names, nil), kind, v, values...)
}

func (s series) histogram(name, help string, count uint64, sum float64, under map[float64]uint64) {
	s.out <- prometheus.MustNewConstHistogram(prometheus.NewDesc(name, help, nil, nil), count, sum, under)
}

func truth(on bool) float64 {
	if on {
		return 1
	}
	return 0
}

func openness(state string) float64 {
	return map[string]float64{"open": 1, "half-open": 0.5}[state]
}
