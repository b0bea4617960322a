package gateway

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"sallyport/config"
	"sallyport/gateway/tunnel"
	"sallyport/gateway/upstream"
	"sallyport/middleware"
)

// generation is one set of settings made ready to serve; a reload swaps it as a whole.
type generation struct {
	number  int
	since   time.Time
	cfg     config.Config
	engine  http.Handler
	app     *way
	store   *store
	running atomic.Int64 // requests inside
	// headers are the names of the security headers on every answer, sorted; headerValues what they say.
	headers      []string
	headerValues http.Header
}

// way is the app with its goroutine. Generations whose settings of the app are equal share it, so that a reload keeps the
// breaker's memory.
type way struct {
	*upstream.Upstream
	settings upstream.Settings
	nonce    string // the header that tells the app its nonce
	begun    atomic.Bool
	cancel   context.CancelFunc
	ended    chan struct{}
}

// generate builds the next generation from cfg without touching what serves now.
func (g *Gateway) generate(cfg config.Config, before *generation) (*generation, error) {
	next := &generation{number: 1, since: g.clock(), cfg: cfg}
	if before != nil {
		next.number = before.number + 1
	}
	nonce := http.CanonicalHeaderKey(cfg.HTTP.Door.CSP.NonceHeader)
	if before != nil && before.app.settings == cfg.HTTP.App && before.app.nonce == nonce {
		next.app = before.app
	} else {
		app, err := g.newWay(cfg.HTTP.App, nonce)
		if err != nil {
			return nil, err
		}
		next.app = app
	}
	var err error
	if next.store, err = g.budgets(cfg, before); err != nil {
		return nil, err
	}
	chain, err := middleware.Chain(cfg.HTTP.Door, middleware.Parts{
		State: g.visitors, Generation: next.number, Store: next.store.limiter(), Logger: g.log, AccessLog: g.parts.AccessLog, PublicURL: cfg.PublicURL, Development: cfg.Environment == "development",
		OnReject: g.narrator.onRejection, OnAnswer: g.onAnswer, OnStore: g.narrator.onStore, Now: g.clock,
	})
	if err != nil {
		return nil, err
	}
	if next.headers, next.headerValues, err = dressed(cfg); err != nil {
		return nil, err
	}
	next.engine = g.publicRoutes(next, chain)
	return next, nil
}

func (g *Gateway) newWay(s upstream.Settings, nonce string) (*way, error) {
	app, err := upstream.New(s, upstream.Parts{
		Forwarded: append(slices.Clone(middleware.ForwardedHeaders), nonce), Refuse: refuseUpstream, OnBreaker: g.narrator.onAppBreaker, OnHealth: g.narrator.onAppHealth,
		FollowClient: g.followedSocket, Logger: g.log, Now: g.clock,
	})
	if err != nil {
		return nil, err
	}
	return &way{Upstream: app, settings: s, nonce: nonce, ended: make(chan struct{})}, nil
}

func refuseUpstream(c *gin.Context, status int, reason string) {
	if why := upstreamDecisions[status]; why != nil {
		middleware.Note(c, why)
	}
	middleware.Reject(c, "upstream", status, reason)
}

// start runs the app's goroutine where it does not run yet.
func (n *generation) start() { n.app.start() }

// stop ends the app's goroutine and waits for it.
func (n *generation) stop() { n.app.stop() }

func (w *way) start() {
	if w.begun.Swap(true) {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	go func() {
		defer close(w.ended)
		_ = w.Run(ctx) // it returns nil when ctx ends and has no other way out
	}()
}

func (w *way) stop() {
	if w.begun.Load() {
		w.cancel()
		<-w.ended
	}
}

// install makes next the generation that serves, with its token.
func (g *Gateway) install(next *generation, token bearer) {
	g.narrator.trust(next.cfg.HTTP.Door.ClientIP.Trust)
	g.token.Store(&token)
	g.keepSettings(next.number, next.cfg)
	g.current.Store(next)
}

// enter returns the generation that serves and counts the caller in; leave it with running.Add(-1).
func (g *Gateway) enter() *generation {
	for {
		n := g.current.Load()
		n.running.Add(1)
		if g.current.Load() == n {
			return n
		}
		n.running.Add(-1) // swapped meanwhile: whoever retires it may have looked already
	}
}

// servePublic answers everything that comes in at the HTTP door.
func (g *Gateway) servePublic(w http.ResponseWriter, r *http.Request) {
	if g.isOwnProbe(w, r) {
		return
	}
	n := g.enter()
	defer n.running.Add(-1)
	n.engine.ServeHTTP(w, r)
}

// isOwnProbe answers a request that carries a nonce of this process, before the stages: they would count it as a visitor's.
// Any other request to that path is left to them.
func (g *Gateway) isOwnProbe(w http.ResponseWriter, r *http.Request) bool {
	if len(r.URL.Path) <= len(tunnel.ProbePath) || r.URL.Path[:len(tunnel.ProbePath)] != tunnel.ProbePath {
		return false
	}
	var status statusOnly
	g.nonces.Answer(&status, r)
	if status.code != http.StatusNoContent {
		return false
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return true
}

// statusOnly is a ResponseWriter that keeps the status and nothing else.
type statusOnly struct {
	code int
	head http.Header
}

func (s *statusOnly) Header() http.Header {
	if s.head == nil {
		s.head = http.Header{}
	}
	return s.head
}

func (s *statusOnly) Write(p []byte) (int, error) { return len(p), nil }

func (s *statusOnly) WriteHeader(code int) { s.code = code }

// onAnswer counts an answered request.
func (g *Gateway) onAnswer(a middleware.Answer) {
	g.latency.add(a.Took)
	if a.Status >= http.StatusInternalServerError {
		g.serverErrors.Add(1)
	}
}

// endStreams cuts the event streams of every generation.
func (g *Gateway) endStreams() {
	g.current.Load().app.EndStreams()
	g.reloads.endStreams()
}

// drainSockets tells the WebSockets of every generation that the server goes away.
func (g *Gateway) drainSockets(ctx context.Context) error {
	if err := g.current.Load().app.Drain(ctx); err != nil {
		return fmt.Errorf("websockets: %w", err)
	}
	return g.reloads.drainSockets(ctx)
}
