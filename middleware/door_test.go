package middleware

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
)

// stand is a chain on a real server, before an app that the test gives.
type stand struct {
	*httptest.Server
	State *State

	mu       sync.Mutex
	rejected []Rejection
	answers  []Answer
}

// started runs app behind the chain of s; the client's peer is 127.0.0.1. Options change the Parts.
func started(t testing.TB, s Settings, app http.HandlerFunc, options ...func(*Parts)) *stand {
	t.Helper()
	st := &stand{State: NewState(nil)}
	p := Parts{State: st.State, OnReject: func(r Rejection) {
		st.mu.Lock()
		defer st.mu.Unlock()
		st.rejected = append(st.rejected, r)
	}, OnAnswer: func(a Answer) {
		st.mu.Lock()
		defer st.mu.Unlock()
		st.answers = append(st.answers, a)
	}}
	for _, o := range options {
		o(&p)
	}
	st.Server = newServer(t, engine(t, s, p, app))
	return st
}

// newServer runs h with the header and keep-alive limits that the gateway sets.
func newServer(t testing.TB, h http.Handler) *httptest.Server {
	t.Helper()
	srv := httptest.NewUnstartedServer(h)
	srv.Config.ReadHeaderTimeout = 5 * time.Second
	srv.Config.IdleTimeout = 2 * time.Minute
	srv.Start()
	t.Cleanup(srv.Close)
	return srv
}

// engine is a gin engine as the gateway builds it: the chain, and everything else to the app.
func engine(t testing.TB, s Settings, p Parts, app http.HandlerFunc) *gin.Engine {
	t.Helper()
	gin.SetMode(gin.ReleaseMode)
	chain, err := Chain(s, p)
	if err != nil {
		t.Fatal(err)
	}
	e := gin.New()
	e.RedirectTrailingSlash = false
	e.Use(chain...)
	e.NoRoute(func(c *gin.Context) {
		c.Status(http.StatusOK)
		app(c.Writer, c.Request)
	})
	return e
}

// do sends a request whose headers are given as name, value pairs.
func (st *stand) do(t testing.TB, method, path string, body io.Reader, headers ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequest(method, st.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header[headers[i]] = append(r.Header[headers[i]], headers[i+1])
	}
	resp, err := st.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

func (st *stand) get(t testing.TB, path string, headers ...string) *http.Response {
	t.Helper()
	return st.do(t, http.MethodGet, path, nil, headers...)
}

// rejections returns what was refused so far.
func (st *stand) rejections() []Rejection {
	st.mu.Lock()
	defer st.mu.Unlock()
	return append([]Rejection(nil), st.rejected...)
}

func ok(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }

// quiet are the defaults without limits, for tests of something else.
func quiet() Settings {
	s := Defaults()
	s.RateLimit.Requests = 0
	s.RateLimit.Concurrent = 0
	return s
}

func wantStatus(t testing.TB, resp *http.Response, want int) {
	t.Helper()
	if resp.StatusCode != want {
		t.Fatalf("%s %s: got status %d, want %d", resp.Request.Method, resp.Request.URL.Path, resp.StatusCode, want)
	}
}

func bodyOf(t testing.TB, resp *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// eventually asks until claim holds, for at most thirty seconds.
func eventually(t testing.TB, what string, claim func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !claim() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: still not so after 30s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestDefaultsAreValid(t *testing.T) {
	if bad := Defaults().Validate(); bad != nil {
		t.Fatalf("got %v, want none", bad)
	}
}

func TestValidateNamesEveryMistakeByItsKey(t *testing.T) {
	s := Defaults()
	s.ClientIP.Trust = []string{"127.0.0.0/99"}
	s.BodyMax = 0
	s.Timeouts.KeepAlive = time.Minute
	s.RateLimit.OnStoreError = "panic"
	s.RateLimit.Policies = []Policy{{Name: "default", Path: "api", Requests: 0, Methods: []string{"get"}}}
	s.CORS = CORS{Origins: []string{"*", "null", "https://a.example/x"}, Credentials: true}
	s.Headers = "paranoid"
	s.HeaderRules = map[string]HeaderRule{"X Bad": {Mode: "sometimes", Value: "a\nb"}}
	s.Access = Access{TeamDomain: "team"}
	want := []string{
		"client_ip.trust[0] ", "body_max ", "timeouts.keep_alive ", "rate_limit.on_store_error ", "rate_limit.policies[0].name ",
		"rate_limit.policies[0].path ", "rate_limit.policies[0].methods[0] ", "rate_limit.policies[0].requests ", "rate_limit.policies[0].per ",
		"cors.origins[1] ", "cors.origins[2] ", "cors.credentials ", "headers ", "header_rules.X Bad ", "header_rules.X Bad.mode ",
		"header_rules.X Bad.value ", "csp.nonce_header", "access.team_domain ", "access.audience ",
	}
	s.CSP.NonceHeader = ""
	got := s.Validate()
	for _, key := range want {
		found := false
		for _, err := range got {
			found = found || strings.HasPrefix(err.Error(), key)
		}
		if !found {
			t.Errorf("no mistake begins with %q in %v", key, got)
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %d mistakes, want %d: %v", len(got), len(want), got)
	}
}

func TestEveryAnswerCarriesTheRequestID(t *testing.T) {
	var seen string
	st := started(t, quiet(), func(w http.ResponseWriter, r *http.Request) { seen = r.Header.Get("X-Request-Id") })
	resp := st.get(t, "/", "X-Request-Id", "forged")
	if got := resp.Header.Get("X-Request-Id"); len(got) != 32 || got != seen {
		t.Errorf("got id %q in the answer and %q at the app, want the same 32 digits", got, seen)
	}
}
