package middleware

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	limiter "github.com/ulule/limiter/v3"
)

// call sends one request through e with the client's own address, without a network.
func call(e http.Handler, method, path string, headers ...string) *http.Response {
	r := httptest.NewRequest(method, path, nil)
	r.RemoteAddr = "127.0.0.1:40000"
	r.Header["Cf-Connecting-Ip"] = []string{"203.0.113.7"}
	for i := 0; i < len(headers); i += 2 {
		r.Header[headers[i]] = []string{headers[i+1]}
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return w.Result()
}

func TestRateLimitRefusesRequest101UntilRetryAfterIsOver(t *testing.T) {
	c := newClock()
	e := engine(t, Defaults(), Parts{State: NewState(c.now), Now: c.now}, ok)
	for i := range 100 {
		if resp := call(e, http.MethodGet, "/"); resp.StatusCode != http.StatusOK {
			t.Fatalf("request %d: got %d, want 200", i+1, resp.StatusCode)
		}
	}
	resp := call(e, http.MethodGet, "/")
	wait, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if resp.StatusCode != http.StatusTooManyRequests || err != nil || wait < 1 {
		t.Fatalf("got %d and Retry-After %q, want 429 and whole seconds", resp.StatusCode, resp.Header.Get("Retry-After"))
	}
	if wait > 10 {
		t.Errorf("got Retry-After %d, want at most the 9 s that one request takes to come back", wait)
	}
	c.pass(time.Duration(wait) * time.Second)
	if resp := call(e, http.MethodGet, "/"); resp.StatusCode != http.StatusOK {
		t.Errorf("got %d after waiting, want 200", resp.StatusCode)
	}
}

func TestRateLimitHeadersSayWhatIsLeft(t *testing.T) {
	c := newClock()
	e := engine(t, Defaults(), Parts{State: NewState(c.now), Now: c.now}, ok)
	call(e, http.MethodGet, "/")
	h := call(e, http.MethodGet, "/").Header
	want := map[string]string{
		"RateLimit": `"default";r=98;t=19`, "RateLimit-Policy": `"default";q=100;w=900`, "X-RateLimit-Limit": "100",
		"X-RateLimit-Remaining": "98", "X-RateLimit-Reset": strconv.FormatInt(c.now().Unix()+19, 10), "Retry-After": "",
	}
	for name, value := range want {
		if got := h.Get(name); got != value {
			t.Errorf("got %s %q, want %q", name, got, value)
		}
	}
}

func TestPageWithFiftyAssetsSurvivesReloads(t *testing.T) {
	e := engine(t, Defaults(), Parts{State: NewState(nil)}, ok)
	for range 20 {
		for range 50 {
			if resp := call(e, http.MethodGet, "/static/app.3f2a.js"); resp.StatusCode != http.StatusOK {
				t.Fatalf("asset: got %d, want 200", resp.StatusCode)
			}
		}
		if resp := call(e, http.MethodGet, "/"); resp.StatusCode != http.StatusOK {
			t.Fatalf("page: got %d, want 200", resp.StatusCode)
		}
	}
}

func TestWhatCostsNothingAndWhatOnlyLooksSo(t *testing.T) {
	s := Defaults()
	s.RateLimit.ExemptPaths = []string{"/healthz"}
	b := newBudget(s.RateLimit, NewBudgets(time.Now))
	cases := []struct {
		method, path string
		free         bool
	}{
		{"GET", "/a/b.css", true},
		{"HEAD", "/logo.svg", true},
		{"GET", "/healthz", true},
		{"POST", "/a/b.css", false},
		{"POST", "/healthz", false},
		{"GET", "/healthz/", false},
		{"GET", "/api/report", false},
		{"GET", "/api/report;x.css", false},
		{"GET", "/api/report%3Bx.css", false},
		{"GET", "/api/report%2Ecss", false},
		{"GET", "/api/report?x=.css", false},
		{"GET", "/a/../api.css", false},
		{"GET", "/data.json", false},
		{"GET", "/", false},
	}
	for _, k := range cases {
		r := httptest.NewRequest(k.method, k.path, nil)
		p, _ := b.policyOf(r)
		if got := p == nil; got != k.free {
			t.Errorf("%s %s: got free %v, want %v", k.method, k.path, got, k.free)
		}
	}
}

func TestPolicyHoldsForEverySpellingOfItsPath(t *testing.T) {
	s := Defaults().RateLimit
	s.Policies = []Policy{
		{Name: "login", Path: "/login", Methods: []string{"POST"}, Requests: 5, Per: time.Minute},
		{Name: "api", Path: "/api/", Requests: 50, Per: time.Minute},
	}
	b := newBudget(s, NewBudgets(time.Now))
	cases := map[string]string{
		"POST /login": "login", "POST /login/": "login", "POST /LOGIN": "login", "POST //login": "login", "POST /x/../login": "login",
		"POST /%6cogin": "login", "POST /login/step": "login", "POST /login;v=1": "login", "POST /x;/../login": "login", "GET /login": "default", "POST /loginx": "default",
		"GET /api/x": "api", "GET /api": "api", "GET /api/x.css": "api", "GET /apix": "default",
	}
	for line, want := range cases {
		var method, path string
		for i := range line {
			if line[i] == ' ' {
				method, path = line[:i], line[i+1:]
			}
		}
		r := httptest.NewRequest(method, "http://x"+path, nil)
		if p, _ := b.policyOf(r); p == nil || p.name != want {
			t.Errorf("%s: got policy %+v, want %s", line, p, want)
		}
	}
}

// illStore fails on demand.
type illStore struct {
	limiter.Store
	err error
}

func (s *illStore) Get(ctx context.Context, key string, rate limiter.Rate) (limiter.Context, error) {
	if s.err != nil {
		return limiter.Context{}, s.err
	}
	return s.Store.Get(ctx, key, rate)
}

func TestIllStoreAllowsOrDeniesAsTold(t *testing.T) {
	for mode, want := range map[string]int{"allow": http.StatusOK, "deny": http.StatusServiceUnavailable} {
		s := Defaults()
		s.RateLimit.OnStoreError = mode
		st := NewState(nil)
		var told []error
		store := &illStore{Store: st.Budgets, err: errors.New("connection refused")}
		e := engine(t, s, Parts{State: st, Store: store, OnStore: func(err error) { told = append(told, err) }}, ok)
		for range 3 {
			if got := call(e, http.MethodGet, "/").StatusCode; got != want {
				t.Errorf("%s: got %d, want %d", mode, got, want)
			}
		}
		store.err = nil
		if got := call(e, http.MethodGet, "/").StatusCode; got != http.StatusOK {
			t.Errorf("%s: got %d from the mended store, want 200", mode, got)
		}
		if got := st.StoreErrors.Load(); got != 3 {
			t.Errorf("%s: counted %d store errors, want 3", mode, got)
		}
		if len(told) != 2 || told[0] == nil || told[1] != nil {
			t.Errorf("%s: told %v, want one failure and one recovery", mode, told)
		}
	}
}

func TestRateLimitSurvivesAReload(t *testing.T) {
	st := NewState(nil)
	first := engine(t, Defaults(), Parts{State: st}, ok)
	for range 100 {
		call(first, http.MethodGet, "/")
	}
	second := engine(t, Defaults(), Parts{State: st}, ok)
	if got := call(second, http.MethodGet, "/").StatusCode; got != http.StatusTooManyRequests {
		t.Errorf("got %d from the chain of the next generation, want 429", got)
	}
}
