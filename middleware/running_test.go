package middleware

import (
	"net/http"
	"strings"
	"sync"
	"testing"
)

func TestClientMayRunOnlySoManyRequestsAtOnce(t *testing.T) {
	s := quiet()
	s.RateLimit.Concurrent = 3
	entered, leave := make(chan struct{}, 10), make(chan struct{})
	st := started(t, s, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			entered <- struct{}{}
			<-leave
		}
	})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			r, _ := http.NewRequest(http.MethodGet, st.URL+"/slow", nil)
			r.Header.Set("CF-Connecting-IP", "203.0.113.7")
			if resp, err := st.Client().Do(r); err == nil {
				_ = resp.Body.Close()
			}
		})
		<-entered
	}
	resp := st.get(t, "/", "Cf-Connecting-Ip", "203.0.113.7")
	wantStatus(t, resp, http.StatusTooManyRequests)
	if got := resp.Header.Get("Retry-After"); got != "1" {
		t.Errorf("got Retry-After %q, want 1", got)
	}
	wantStatus(t, st.get(t, "/", "Cf-Connecting-Ip", "203.0.113.8"), http.StatusOK)
	close(leave)
	wg.Wait()
	eventually(t, "places given back", func() bool { return st.State.InFlight.Load() == 0 })
	wantStatus(t, st.get(t, "/", "Cf-Connecting-Ip", "203.0.113.7"), http.StatusOK)
	eventually(t, "no entry is left", func() bool {
		n := 0
		for i := range st.State.running.shards {
			sh := &st.State.running.shards[i]
			sh.mu.Lock()
			n += len(sh.many)
			sh.mu.Unlock()
		}
		return n == 0
	})
}

func TestNonceIsFreshPerRequestAndToldToTheApp(t *testing.T) {
	s := quiet()
	s.CSP.Policy, s.CSP.NonceHeader = "script-src $NONCE 'strict-dynamic'", "X-Page-Nonce"
	var app names
	st := started(t, s, app.app)
	seen := map[string]bool{}
	for range 3 {
		resp := st.get(t, "/", "X-Page-Nonce", "forged", "X_Page_Nonce", "forged")
		nonce := app.seen.Values("X-Page-Nonce")
		if len(nonce) != 1 || len(nonce[0]) != 22 || seen[nonce[0]] {
			t.Fatalf("got nonce %q at the app, want a fresh one", nonce)
		}
		seen[nonce[0]] = true
		if got := app.seen["X_page_nonce"]; got != nil {
			t.Errorf("the forged spelling %q reached the app", got)
		}
		policy := resp.Header.Get("Content-Security-Policy")
		if want := "script-src 'nonce-" + nonce[0] + "' 'strict-dynamic'; "; !strings.HasPrefix(policy, want) {
			t.Errorf("got policy %q, want it to begin with %q", policy, want)
		}
		if got := resp.Header.Get("Content-Security-Policy-Report-Only"); strings.Contains(got, "%!") || strings.Contains(got, "nonce-") {
			t.Errorf("got report-only policy %q, want it untouched by the nonce", got)
		}
	}
}

func TestTraceIsPassedOnOrBegun(t *testing.T) {
	var app names
	st := started(t, quiet(), app.app)
	given := "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	st.get(t, "/", "Traceparent", given, "Tracestate", "a=b")
	if got := app.seen.Get("Traceparent"); got != given {
		t.Errorf("got traceparent %q, want the client's", got)
	}
	if got := app.seen.Get("Tracestate"); got != "a=b" {
		t.Errorf("got tracestate %q, want the client's", got)
	}
	for _, bad := range []string{"", "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", "ff-" + given[3:], given + "x", strings.ToUpper(given)} {
		id := st.get(t, "/", "Traceparent", bad, "Tracestate", "a=b").Header.Get("X-Request-Id")
		got := app.seen.Get("Traceparent")
		if !validTrace(got) || got[3:35] != id {
			t.Errorf("traceparent %q became %q, want a trace of our own with the request id", bad, got)
		}
		if app.seen.Get("Tracestate") != "" {
			t.Errorf("traceparent %q: the tracestate of another trace was passed on", bad)
		}
	}
}
