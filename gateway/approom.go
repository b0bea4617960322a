package gateway

import (
	"context"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"sallyport/config"
	"sallyport/gateway/tunnel"
)

// buildApp makes the supervisor of the app where the settings name a command for it.
func (g *Gateway) buildApp(cfg config.Config) {
	if !cfg.App.Enabled() {
		return
	}
	g.appRun = tunnel.NewApp(cfg.App, tunnel.Options{
		Upstream: appAddress(cfg.HTTP.App.URL), OnIncident: g.narrator.onAppIncident, Log: g.log.With("process", "app"),
		Environ: forApp(g.parts.Environ, cfg.SecretVariables()), Now: g.clock,
	})
}

// appAddress is host and port of the app's URL.
func appAddress(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	if at, err := netip.ParseAddrPort(u.Host); err == nil {
		return at.String()
	}
	return u.Host + ":80"
}

// forApp is what the app gets of our environment: everything but our own settings and the variables that hold our secrets.
// One of those can be the way past the database door.
func forApp(environ, secrets []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return strings.HasPrefix(name, "SALLYPORT_") || name == "CREDENTIALS_DIRECTORY" || name == "NOTIFY_SOCKET" || slices.Contains(secrets, name)
	})
}

// afterApp runs the tunnel once the app accepts, or after the time that the app has to come up: whoever visits then sees the
// door's own answer, and people see why.
func (g *Gateway) afterApp(ctx context.Context, then func(context.Context) error) error {
	if g.appRun != nil {
		limit := time.NewTimer(g.current.Load().cfg.App.Start)
		defer limit.Stop()
		look := time.NewTicker(50 * time.Millisecond)
		defer look.Stop()
		for s := g.appRun.Snapshot(); s.State != tunnel.Up && s.State != tunnel.Held; s = g.appRun.Snapshot() {
			select {
			case <-ctx.Done():
				return then(ctx)
			case <-limit.C:
				return then(ctx)
			case <-look.C:
			}
		}
	}
	return then(ctx)
}
