package preflight

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// maxPage is how much of an answer is read, bytes.
const maxPage = 256 << 10

// visit asks for path below the base with more headers; the answer's body is read and closed.
func (s *smoke) visit(ctx context.Context, path string, more ...string) (*http.Response, string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(s.base, "/")+path, nil)
	if err != nil {
		return nil, "", err
	}
	for i := 0; i+1 < len(more); i += 2 {
		req.Header.Set(more[i], more[i+1])
	}
	res, err := client().Do(req)
	if err != nil {
		return nil, "", plain(err)
	}
	defer res.Body.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(io.LimitReader(res.Body, maxPage))
	return res, string(text), err
}

func (s *smoke) silent(err error) Result {
	return fail("sallyport doctor", "%s does not answer: %v", s.base, err)
}

func (s *smoke) door(ctx context.Context, _ Site) Result {
	begun := time.Now()
	res, _, err := s.visit(ctx, "/")
	switch {
	case err != nil:
		return s.silent(err)
	case res.StatusCode >= 500:
		return fail("sallyport doctor", "%s/ answers %d", s.base, res.StatusCode)
	case res.Header.Get("X-Request-Id") == "":
		return fail("sallyport doctor", "%s/ answers, but not through the HTTP door: X-Request-Id is missing", s.base)
	}
	return ok("%s/ answers %d in %d ms", s.base, res.StatusCode, time.Since(begun).Milliseconds())
}

// probeTimes is how many nonces are sent: a second connector with another origin would take its share of them.
const probeTimes = 8

func (s *smoke) probes(ctx context.Context, site Site) Result {
	for n := range probeTimes {
		status, _, err := probe(ctx, site, s.base)
		if err != nil {
			return fail(lookAtTunnel(site), "probe %d of %d did not come back: %v", n+1, probeTimes, err)
		}
		if status != http.StatusNoContent {
			return fail("look for a second connector or a stale process: sallyport doctor", "probe %d of %d was answered by somebody else with %d", n+1, probeTimes, status)
		}
	}
	return ok("%d of %d probes reached this very process", probeTimes, probeTimes)
}

// strictHeaders must be on each answer of the strict preset, once.
var strictHeaders = []string{"X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy", "Content-Security-Policy"}

func (s *smoke) headers(ctx context.Context, site Site) Result {
	if site.Config.HTTP.Door.Headers == "off" {
		return warn("set http.headers: strict", "security headers are off")
	}
	res, _, err := s.visit(ctx, "/")
	if err != nil {
		return s.silent(err)
	}
	var bad []string
	for _, name := range strictHeaders {
		if n := len(res.Header.Values(name)); n != 1 {
			bad = append(bad, fmt.Sprintf("%s stands there %d times", name, n))
		}
	}
	if len(bad) > 0 {
		return fail("see http.headers and http.header_rules", "security headers are not each there once").with(bad...)
	}
	return ok("security headers are there, each once")
}

func (s *smoke) requestID(ctx context.Context, _ Site) Result {
	first, _, err := s.visit(ctx, "/")
	if err != nil {
		return s.silent(err)
	}
	second, _, err := s.visit(ctx, "/")
	if err != nil {
		return s.silent(err)
	}
	if a, b := first.Header.Get("X-Request-Id"), second.Header.Get("X-Request-Id"); a == "" || a == b {
		return fail("something before the door answers from a cache; exclude HTML from it", "two requests have the same id")
	}
	return ok("each request has its own id")
}

func (s *smoke) rateLimit(ctx context.Context, site Site) Result {
	if site.Config.HTTP.Door.RateLimit.Requests == 0 {
		return warn("set http.rate_limit.requests", "there is no rate limit")
	}
	res, _, err := s.visit(ctx, "/")
	if err != nil {
		return s.silent(err)
	}
	if res.Header.Get("RateLimit-Policy") == "" {
		return fail("sallyport doctor", "answers name no rate limit")
	}
	return ok("the rate limit counts: %s", clip(res.Header.Get("RateLimit"), 60))
}

// bodyLimit announces one byte too many and waits with the body (RFC 9110, section 10.1.1): the door must refuse the head.
func (s *smoke) bodyLimit(ctx context.Context, site Site) Result {
	size := site.Config.HTTP.Door.BodyMax + 1
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(s.base, "/")+"/", io.LimitReader(zeros{}, size))
	if err != nil {
		return fail("", "%v", err)
	}
	req.ContentLength = size
	req.Header.Set("Expect", "100-continue")
	asking := client()
	asking.Transport = &http.Transport{DisableKeepAlives: true, ExpectContinueTimeout: 2 * time.Second}
	res, err := asking.Do(req)
	if err != nil {
		return warn("", "a body of %d bytes was cut off without an answer (%v)", size, plain(err))
	}
	defer res.Body.Close() //nolint:errcheck // only the status is wanted
	if res.StatusCode != http.StatusRequestEntityTooLarge {
		return fail("sallyport doctor", "a body of %d bytes is answered %d, want 413", size, res.StatusCode)
	}
	return ok("a body of %d bytes is refused with 413", size)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func (s *smoke) foreignOrigin(ctx context.Context, site Site) Result {
	const foreign = "https://sallyport-smoke.invalid"
	res, _, err := s.visit(ctx, "/", "Origin", foreign)
	if err != nil {
		return s.silent(err)
	}
	allowed := res.Header.Get("Access-Control-Allow-Origin")
	switch {
	case allowed == foreign:
		return fail("set http.cors.origins to the origins that may", "any origin may read answers: %s was allowed", foreign)
	case allowed == "*" && !slices.Contains(site.Config.HTTP.Door.CORS.Origins, "*"):
		return warn("set http.cors.origins", "the app lets any origin read its answers (*)")
	}
	return ok("a foreign origin may not read answers")
}

// adminSpellings are ways to write the admin API's path; none may reach it.
var adminSpellings = []string{
	"/api/hardening/metrics", "//api/hardening/metrics", "/api//hardening/metrics", "/API/Hardening/metrics", "/%61pi/hardening/metrics", "/x/../api/hardening/metrics", "/-/reload",
}

func (s *smoke) adminHidden(ctx context.Context, _ Site) Result {
	for _, path := range adminSpellings {
		res, _, err := s.visit(ctx, path)
		if err != nil {
			return s.silent(err)
		}
		if res.Header.Get("X-Hardening-Api") != "" && res.StatusCode == http.StatusOK {
			return fail("set admin.on_door: \"off\", or point the tunnel at http.listen", "the admin API answers at %s%s", s.base, path)
		}
	}
	return ok("the admin API answers in none of %d spellings", len(adminSpellings))
}

// innards are words that only a stack trace holds.
var innards = []string{"Traceback (most recent call last)", "at Object.<anonymous>", "node_modules/", "goroutine 1 [", "PG::", "SQLSTATE", "stack trace"}

func (s *smoke) errorPage(ctx context.Context, _ Site) Result {
	_, text, err := s.visit(ctx, "/sallyport-smoke-no-such-page")
	if err != nil {
		return s.silent(err)
	}
	for _, word := range innards {
		if strings.Contains(text, word) {
			return warn("run the app in its production mode", "the page for a missing path shows the app's innards (%q)", word)
		}
	}
	return ok("the page for a missing path shows no innards")
}
