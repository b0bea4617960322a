package preflight

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"sallyport/config"
)

// instanceReplicas is GET /api/hardening/security, as far as it is used.
type instanceReplicas struct {
	Replicas struct {
		Enabled bool
		Self    string
		Apart   bool
		Members []struct{ ID, Host, HTTP, Database, Version string }
	}
}

// checkReplicas looks whether the replicas hear each other.
func checkReplicas(ctx context.Context, site Site) Result {
	if site.Config.HTTP.Door.RateLimit.Store != "redis" {
		return skip("there is one gateway only: rate_limit.store is memory")
	}
	var a instanceReplicas
	if err := site.Instance.Get(ctx, "/api/hardening/security", &a); err != nil {
		return fail("", "the instance does not tell of its replicas: %v", err)
	}
	r := a.Replicas
	var facts []string
	versions := map[string]bool{}
	for _, m := range r.Members {
		versions[m.Version] = true
		facts = append(facts, fmt.Sprintf("%s on %s, version %s, HTTP door %s, database door %s", m.ID, m.Host, m.Version, m.HTTP, m.Database))
	}
	switch {
	case !r.Enabled:
		return fail("sallyport reload", "the instance does not share anything, though rate_limit.store is redis")
	case r.Apart:
		return fail("start Redis at "+site.Config.HTTP.Door.RateLimit.Redis.Address, "the instance hears nothing of other replicas")
	case len(versions) > 1:
		return warn("finish the rollout", "%d replicas share holds and statements, of %d versions", len(r.Members), len(versions)).with(facts...)
	}
	return ok("%d replicas share holds and statements", len(r.Members)).with(facts...)
}

// meetings is how often one request is tried: a balancer between the app and the database doors would have to choose right each time.
const meetings = 4

// checkMeeting looks whether both doors of one request meet in one replica: only the process that sees both can tell what became SQL. It
// sends requests to the HTTP door of this instance, past any balancer, and wants their statements at its own database door.
func checkMeeting(ctx context.Context, site Site) Result {
	want, found := countedRequest(site.Config.Smoke.Requests)
	switch {
	case site.Config.HTTP.Door.RateLimit.Store != "redis":
		return skip("there is one gateway only: rate_limit.store is memory")
	case !site.Config.Database.Enabled():
		return skip("the settings name no database: database.upstream_file is not set")
	case !found:
		return warn("add a request with min_queries to smoke.requests", "nobody looks whether the app of this replica sends its statements to this replica")
	}
	s := &smoke{base: "http://" + reachable(site.Config.HTTP.Listen)}
	for range meetings {
		if r := s.request(want)(ctx, site); r.Status != OK {
			r.Fix = "let the app behind this replica use 127.0.0.1 of the same pod or machine as DATABASE_URL's host: one app beside each replica"
			r.Found = "a request of this replica does not come back at its own database door: " + r.Found
			return r
		}
	}
	r := ok("%d requests of this replica came back at its own database door", meetings)
	if !besideUs(site.Config) {
		r = warn("use loopback addresses, so that no balancer can come between", "%s, but the app is reached over the network", r.Found)
	}
	return r
}

// countedRequest is the first of requests that causes statements.
func countedRequest(requests []config.SmokeRequest) (config.SmokeRequest, bool) {
	for _, r := range requests {
		if r.MinQueries > 0 {
			return r, true
		}
	}
	return config.SmokeRequest{}, false
}

// besideUs reports that app and database door are on loopback, where only the app beside this replica can use them.
func besideUs(cfg config.Config) bool {
	door, err := netip.ParseAddrPort(cfg.Database.Listen)
	app := strings.TrimPrefix(cfg.HTTP.App.URL, "http://")
	at, bad := netip.ParseAddrPort(app)
	local := bad == nil && at.Addr().IsLoopback() || strings.HasPrefix(app, "unix:")
	return err == nil && door.Addr().IsLoopback() && local
}
