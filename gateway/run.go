package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"sallyport/gateway/http1"
	"sallyport/gateway/ingress"
	"sallyport/gateway/journal"
)

// Run serves until ctx ends or a part fails, then shuts down in order and returns the first failure, nil where there was
// none. When it returns, nothing it started is left.
func (g *Gateway) Run(ctx context.Context) error {
	if err := g.Listen(ctx); err != nil {
		return err
	}
	if g.parts.OnListen != nil {
		g.parts.OnListen(g.Addresses())
	}
	life, fail := context.WithCancelCause(ctx)
	defer fail(nil)

	memory := newCrew(ctx, fail)
	memory.run("history", g.history.Run)
	helpers := newCrew(ctx, fail)
	helpers.run("pulse", g.pulse)
	helpers.run("drift", g.watchDrift)
	helpers.run("replicas", g.shareWithReplicas)
	if g.tunnel != nil {
		helpers.run("tunnel", func(ctx context.Context) error { return g.afterApp(ctx, g.tunnel.Run) })
	}
	g.startAlerts(helpers)
	base := newCrew(ctx, fail)
	if g.database != nil {
		base.run("database door", func(ctx context.Context) error { return g.database.run(ctx, g.databaseListener) })
		base.run("database check", g.watchDatabase)
	}
	app := newCrew(ctx, fail)
	if g.appRun != nil {
		app.run("app", g.appRun.Run)
	}
	g.current.Load().start()
	public, admin := g.publicServer(), g.adminServer()
	servers := newCrew(ctx, fail)
	servers.run("admin", serve(admin, g.adminListener))
	servers.run("http door", serve(public, g.door.serveWith(public)))
	g.serving.Store(true)
	if g.parts.OnServe != nil {
		g.parts.OnServe()
	}
	g.journal.Add(journal.Event{Door: "process", Kind: "started", Summary: "The gateway serves."})

	<-life.Done()
	g.shutdown(public, admin, crews{servers, app, base, helpers, memory})
	if cause := context.Cause(life); !errors.Is(cause, context.Canceled) && ctx.Err() == nil {
		return cause
	}
	return nil
}

// crews are the parts by the order in which they end.
type crews struct{ servers, app, base, helpers, memory *crew }

// shutdown ends the parts in the order in which they need each other: readiness says no, the HTTP door drains (the app needs
// the database door for that), an app of ours ends, database sessions end, the admin listener closes, helpers end, so that
// the last event is told, and the history last, so that it is written.
func (g *Gateway) shutdown(public, admin server, c crews) {
	g.serving.Store(false)
	limits := g.current.Load().cfg.HTTP.Door.Timeouts
	g.log.Info("draining", "limit", limits.Drain)
	if !g.drain(public, limits.Drain, limits.DrainStreams) {
		g.journal.Add(journal.Event{Door: "http", Kind: "drain-cut", Severity: journal.Warning, Summary: "Requests were still running at the end of the drain time and were cut."})
	}
	g.reloads.wait()
	g.current.Load().emptied(emptyWithin)
	g.current.Load().stop()
	c.app.stop()
	c.base.stop()
	g.narrator.folds.flush(g.clock())
	g.journal.Add(journal.Event{Door: "process", Kind: "stopped", Summary: "The gateway stopped in order."})
	closeServer(admin, 2*time.Second)
	c.servers.stop()
	c.helpers.stop()
	g.closeStore(g.current.Load().store)
	c.memory.stop()
}

// emptyWithin is how long requests whose connections were cut may take to notice.
const emptyWithin = 5 * time.Second

// emptied waits until no request is inside n, at most limit. What was cut still uses the app's goroutine until it has noticed.
func (n *generation) emptied(limit time.Duration) {
	for end := time.Now().Add(limit); n.running.Load() > 0 && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
}

// drain lets running requests end for at most limit, event streams for at most streams, and tells WebSockets that the server goes
// away. It reports whether all others ended by themselves.
func (g *Gateway) drain(public server, limit, streams time.Duration) bool {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	defer time.AfterFunc(streams, g.endStreams).Stop()
	sockets := make(chan error, 1)
	go func() { sockets <- g.drainSockets(ctx) }()
	err := public.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, public.Close())
	}
	err = errors.Join(err, <-sockets)
	if err != nil {
		g.log.Warn("drain", "error", err)
	}
	return err == nil
}

// server is what answers on one listener: net/http's for the admin, ours for the door.
type server interface {
	Serve(net.Listener) error
	Shutdown(context.Context) error
	Close() error
}

// serve returns a part that serves l until the server is shut down.
func serve(s server, l net.Listener) func(context.Context) error {
	return func(context.Context) error {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	}
}

// closeServer ends s within limit.
func closeServer(s server, limit time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if s.Shutdown(ctx) != nil {
		_ = s.Close() // its listener is closed already; what is left are connections
	}
}

// publicServer serves the HTTP door.
func (g *Gateway) publicServer() *http1.Server {
	limits := func() (ingress.Settings, time.Duration) {
		s := &g.current.Load().cfg.HTTP
		return s.Head, s.Door.Timeouts.KeepAlive
	}
	return &http1.Server{
		Handler: http.HandlerFunc(g.servePublic), Limits: limits,
		RefusalHeaders: func() []byte { return g.current.Load().refusalHeaders() }, OnRefusal: g.onMalformed, Logger: g.log.With("part", "http door"),
	}
}

// adminServer serves the admin listener. Streams end when it shuts down.
func (g *Gateway) adminServer() *http.Server {
	ctx, cancel := context.WithCancel(context.Background())
	s := &http.Server{
		Handler: g.adminRoutes(), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    slog.NewLogLogger(g.log.With("part", "admin").Handler(), slog.LevelDebug),
	}
	s.RegisterOnShutdown(cancel)
	return s
}
