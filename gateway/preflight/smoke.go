package preflight

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Smoke are the checks of sallyport smoke: real requests through the public URL, or through the door where there is none. They
// include the requests of the settings.
func Smoke(site Site) []Check {
	s := &smoke{base: site.Config.PublicURL}
	if s.base == "" {
		s.base = "http://" + reachable(site.Config.HTTP.Listen)
	}
	checks := []Check{
		{Name: "instance", Run: runningInstance},
		{Name: "door", Needs: []string{"instance"}, Run: s.door},
		{Name: "probe", Needs: []string{"door"}, Run: s.probes},
		{Name: "security-headers", Needs: []string{"door"}, Run: s.headers},
		{Name: "request-id", Needs: []string{"door"}, Run: s.requestID},
		{Name: "rate-limit", Needs: []string{"door"}, Run: s.rateLimit},
		{Name: "body-limit", Needs: []string{"door"}, Run: s.bodyLimit},
		{Name: "foreign-origin", Needs: []string{"door"}, Run: s.foreignOrigin},
		{Name: "admin-hidden", Needs: []string{"door"}, Run: s.adminHidden},
		{Name: "error-page", Needs: []string{"door"}, Run: s.errorPage},
		{Name: "database-door", Needs: []string{"instance"}, Run: s.alone(optionalDoor)},
		{Name: "database-bypass", Needs: []string{"instance"}, Run: s.alone(optionalBypass)},
	}
	for i, r := range site.Config.Smoke.Requests {
		checks = append(checks, Check{Name: fmt.Sprintf("request-%d", i+1), Needs: []string{"door"}, Run: s.request(r)})
	}
	for i := range checks {
		checks[i].Wait = smokeWait
	}
	return checks
}

// smokeWait is the longest that one check may take: requests that count queries wait for one another, and an app may be slow.
const smokeWait = 15 * time.Second

// smoke is where the requests go, and what keeps those apart that count queries.
type smoke struct {
	base string
	// counting is held by a check while what it does may cause queries at the database door.
	counting sync.Mutex
}

// alone runs check while no other one counts queries.
func (s *smoke) alone(check func(context.Context, Site) Result) func(context.Context, Site) Result {
	return func(ctx context.Context, site Site) Result {
		s.counting.Lock()
		defer s.counting.Unlock()
		return check(ctx, site)
	}
}

// runningInstance is checkInstance for smoke, which is nothing without one.
func runningInstance(ctx context.Context, site Site) Result {
	r := checkInstance(ctx, site)
	if r.Status == Skip {
		return fail("sallyport run", "%s", r.Found)
	}
	return r
}

func optionalDoor(ctx context.Context, site Site) Result {
	if !site.Config.Database.Enabled() {
		return skip("the settings name no database: database.upstream_file is not set")
	}
	return checkDatabaseDoor(ctx, site)
}

func optionalBypass(ctx context.Context, site Site) Result {
	if !site.Config.Database.Enabled() {
		return skip("the settings name no database: database.upstream_file is not set")
	}
	return checkBypass(ctx, site)
}
