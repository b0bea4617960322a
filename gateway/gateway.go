// Package gateway builds both doors and their helpers, runs them and shuts them down in order.
package gateway

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"sallyport/config"
	"sallyport/gateway/alert"
	"sallyport/gateway/journal"
	"sallyport/gateway/tunnel"
	"sallyport/middleware"
)

// Parts is what a Gateway is given beside its settings; each may be left out.
type Parts struct {
	// Log hears what the gateway does; nil discards.
	Log *slog.Logger
	// AccessLog takes one JSON line a request; nil writes none.
	AccessLog io.Writer
	// Version is the program's, for people to see.
	Version string
	// Reload reads the settings anew; nil refuses reloads.
	Reload func() (config.Config, error)
	// OnReload hears settings that a reload has made hold; nil hears nothing.
	OnReload func(config.Config)
	// OnListen is told once every listener is open, before anything is served.
	OnListen func(Addresses)
	// OnServe is told once the doors accept.
	OnServe func()
	// Environ is the environment that cloudflared may get a part of.
	Environ []string
	// Clock is the time; nil is time.Now.
	Clock func() time.Time
	// Lookup resolves the edge's name before the tunnel is started; nil asks the system's resolver.
	Lookup func(ctx context.Context, host string) ([]string, error)
}

// Addresses are where the listeners listen; Database is "" where there is no database to guard.
type Addresses struct {
	HTTP     string `json:"http"`
	Database string `json:"database"`
	Admin    string `json:"admin"`
}

// Gateway is both doors with their helpers. Run it once.
type Gateway struct {
	parts   Parts
	log     *slog.Logger
	clock   func() time.Time
	started time.Time

	history  *journal.History
	journal  *journal.Journal
	narrator *narrator
	visitors *middleware.State
	latency  latencies
	database *database // nil where there is none to guard
	tunnel   *tunnel.Supervisor
	appRun   *tunnel.Supervisor // nil where somebody else runs the app
	desk     *alert.Desk
	nonces   tunnel.Nonces
	totals   totals
	replicas replicas
	live     live
	drift    drift
	naming   naming
	checks   checkRuns
	trend    trendCache
	asking   asking
	// malformed counts requests refused before they were any, strangers those not brought by our own connector.
	malformed, strangers atomic.Int64
	// serverErrors counts answers of 500 and more.
	serverErrors atomic.Int64

	current atomic.Pointer[generation]
	pastMu  sync.Mutex            // guards past
	past    map[int]config.Config // settings by generation, the newest few
	token   atomic.Pointer[bearer]
	reloads reloads
	// serving is true from the moment the doors accept until they stop.
	serving atomic.Bool
	// beats counts the rounds of the pulse.
	beats atomic.Uint64

	door                            place
	databaseListener, adminListener net.Listener
}

// New builds the gateway of cfg, which must have been checked. It reads the secrets that cfg names and opens nothing.
func New(cfg config.Config, p Parts) (*Gateway, error) {
	gin.SetMode(gin.ReleaseMode)
	if p.Log == nil {
		p.Log = slog.New(slog.DiscardHandler)
	}
	if p.Clock == nil {
		p.Clock = time.Now
	}
	g := &Gateway{parts: p, log: p.Log, clock: p.Clock, started: p.Clock()}
	g.nonces.Now = p.Clock
	g.history = journal.NewHistory(cfg.History, journal.HistoryOptions{Log: p.Log, Clock: p.Clock, Report: g.report})
	g.journal = journal.New(journal.Options{History: g.history, Log: p.Log, Clock: p.Clock})
	g.visitors = middleware.NewState(p.Clock)
	g.narrator = newNarrator(g.journal, g.visitors.Holds, p.Clock)
	g.totals.begin(g.started)
	if err := g.build(cfg); err != nil {
		return nil, err
	}
	return g, nil
}

// build makes what cfg asks for: the database's guard, the tunnel, and the first generation of the HTTP door.
func (g *Gateway) build(cfg config.Config) error {
	var err error
	if cfg.Database.Enabled() {
		if g.database, err = g.newDatabase(cfg); err != nil {
			return fmt.Errorf("database door: %w", err)
		}
	}
	if err := g.buildTunnel(cfg); err != nil {
		return fmt.Errorf("tunnel: %w", err)
	}
	g.buildApp(cfg)
	g.desk = g.newDesk(cfg)
	first, err := g.generate(cfg, nil)
	if err != nil {
		return fmt.Errorf("http door: %w", err)
	}
	token, err := cfg.Secret(cfg.Admin.TokenFile)
	if err != nil {
		return fmt.Errorf("admin: %w", err)
	}
	g.install(first, newBearer(token))
	return nil
}

// report takes what the history says of its own file; the journal exists by then.
func (g *Gateway) report(e journal.Event) { g.journal.Add(e) }

// Listen opens every listener, so that the ports are known before Run. Run does it where nobody has.
func (g *Gateway) Listen(ctx context.Context) (err error) {
	if g.door.at() != nil {
		return nil
	}
	cfg := g.current.Load().cfg
	defer func() {
		if err != nil {
			g.closeListeners()
		}
	}()
	public, err := listen(ctx, "http.listen", cfg.HTTP.Listen)
	if err != nil {
		return err
	}
	g.door.set(public)
	if g.adminListener, err = listen(ctx, "admin.listen", cfg.Admin.Listen); err != nil {
		return err
	}
	if g.database != nil {
		g.databaseListener, err = listen(ctx, "database.listen", cfg.Database.Listen)
	}
	return err
}

// closeListeners closes what Listen opened, for a gateway that will not run.
func (g *Gateway) closeListeners() {
	if l := g.door.at(); l != nil {
		_ = l.Close() // nothing was accepted yet
		g.door.set(nil)
	}
	for _, l := range []*net.Listener{&g.adminListener, &g.databaseListener} {
		if *l != nil {
			_ = (*l).Close() // nothing was accepted yet
			*l = nil
		}
	}
}

// Addresses returns where the gateway listens; "" before Listen.
func (g *Gateway) Addresses() Addresses {
	return Addresses{addressOf(g.door.at()), addressOf(g.databaseListener), addressOf(g.adminListener)}
}

func addressOf(l net.Listener) string {
	if l == nil {
		return ""
	}
	return l.Addr().String()
}

// Journal returns what happened.
func (g *Gateway) Journal() *journal.Journal { return g.journal }
