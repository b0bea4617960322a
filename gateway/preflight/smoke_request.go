package preflight

import (
	"context"
	"net/http"
	"strings"
	"time"

	"sallyport/config"
)

// request is the check of one request of the settings.
func (s *smoke) request(want config.SmokeRequest) func(context.Context, Site) Result {
	return func(ctx context.Context, site Site) Result {
		s.counting.Lock()
		defer s.counting.Unlock()
		before, err := queries(ctx, site)
		if err != nil && want.MinQueries > 0 {
			return fail("", "the queries at the database door cannot be counted: %v", err)
		}
		begun := time.Now()
		res, text, err := s.visit(ctx, want.Get)
		if err != nil {
			return s.silent(err)
		}
		took := time.Since(begun)
		status := want.Status
		if status == 0 {
			status = http.StatusOK
		}
		switch {
		case res.StatusCode != status:
			return fail("look at: sallyport explain "+clip(res.Header.Get("X-Request-Id"), 64), "GET %s answers %d, want %d", want.Get, res.StatusCode, status)
		case !strings.Contains(text, want.Contains):
			return fail("", "GET %s does not hold %q in its first %d bytes", want.Get, clip(want.Contains, 60), maxPage)
		case want.MinQueries > 0:
			return s.counted(ctx, site, want, before)
		}
		return ok("GET %s answers %d in %d ms", want.Get, res.StatusCode, took.Milliseconds())
	}
}

// counted waits until as many queries were counted as the request must cause; too few mean that the app goes past the door.
func (s *smoke) counted(ctx context.Context, site Site, want config.SmokeRequest, before uint64) Result {
	deadline := time.Now().Add(time.Second)
	for {
		now, err := queries(ctx, site)
		if err != nil {
			return fail("", "the queries at the database door cannot be counted: %v", err)
		}
		if now >= before+uint64(want.MinQueries) {
			return ok("GET %s answers, with %d queries at the database door", want.Get, now-before)
		}
		if time.Now().After(deadline) {
			return fail("point the app's DATABASE_URL at "+site.Config.Database.Listen,
				"GET %s caused %d queries at the database door, want %d: the app goes past it", want.Get, now-before, want.MinQueries)
		}
		select {
		case <-ctx.Done():
			return fail("", "GET %s: the time for this check ran out", want.Get)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// queries is how many statements the database door has seen.
func queries(ctx context.Context, site Site) (uint64, error) {
	var m struct {
		Hardening struct {
			Database struct{ Metrics struct{ TotalQueries uint64 } }
		}
	}
	err := site.Instance.Get(ctx, "/api/hardening/metrics", &m)
	return m.Hardening.Database.Metrics.TotalQueries, err
}
