package middleware

import (
	"net/http"
	"testing"
)

func TestForeignOriginIsRefusedBeforeTheAppSeesIt(t *testing.T) {
	s := quiet()
	s.CORS.Origins = []string{"https://friend.example", "https://*.shop.example", "http://localhost:5173"}
	var app names
	st := started(t, s, app.app, func(p *Parts) { p.PublicURL = "https://shop.example" })
	cases := map[string]bool{
		"https://friend.example": true, "https://a.shop.example": true, "https://a.b.shop.example": true, "https://shop.example": true,
		"http://localhost:5173": true,
		"null":                  false, "https://evil.example": false, "http://friend.example": false, "https://friend.example:8443": false,
		"https://evilshop.example": false, "https://.shop.example": false, "https://a..shop.example": false, "https://friend.example.evil.example": false,
		"https://evil.example/.shop.example": false, "https://evil.example?.shop.example": false, "https://evil@a.shop.example": false, "": false,
	}
	for origin, allowed := range cases {
		hits := app.hits
		resp := st.get(t, "/", "Origin", origin)
		if got := resp.StatusCode == http.StatusOK; got != allowed {
			t.Errorf("origin %q: got status %d, want allowed %v", origin, resp.StatusCode, allowed)
		}
		if got := app.hits > hits; got != allowed {
			t.Errorf("origin %q: reached the app: %v, want %v", origin, got, allowed)
		}
		if got := resp.Header.Get("Vary"); got != "Origin" {
			t.Errorf("origin %q: got Vary %q, want Origin", origin, got)
		}
		want := ""
		if allowed && origin != "https://shop.example" {
			want = origin
		}
		if got := resp.Header.Get("Access-Control-Allow-Origin"); got != want {
			t.Errorf("origin %q: got Access-Control-Allow-Origin %q, want %q", origin, got, want)
		}
	}
	if got := st.get(t, "/", "Origin", "https://friend.example", "Origin", "https://friend.example").StatusCode; got != http.StatusForbidden {
		t.Errorf("two origins: got %d, want 403", got)
	}
	if got := st.get(t, "/").Header.Get("Vary"); got != "Origin" {
		t.Errorf("without an origin: got Vary %q, want Origin", got)
	}
}

func TestAppsWordOnCORSGoesWhereTheGatewayOwnsIt(t *testing.T) {
	s := quiet()
	s.CORS.Origins = []string{"https://friend.example"}
	st := started(t, s, func(w http.ResponseWriter, _ *http.Request) {
		for _, name := range corsNames {
			w.Header().Set(name, "the app's")
		}
	})
	for _, origin := range []string{"", "https://friend.example"} {
		var headers []string
		if origin != "" {
			headers = []string{"Origin", origin}
		}
		resp := st.get(t, "/", headers...)
		for _, name := range corsNames {
			want := ""
			if name == "Access-Control-Allow-Origin" {
				want = origin
			}
			if got := resp.Header.Get(name); got != want {
				t.Errorf("origin %q: got %s %q, want %q", origin, name, got, want)
			}
		}
	}
}

func TestPreflightIsAnsweredForTheApp(t *testing.T) {
	s := quiet()
	s.CORS.Origins, s.CORS.Credentials = []string{"https://friend.example"}, true
	var app names
	st := started(t, s, app.app)
	resp := st.do(t, http.MethodOptions, "/api", nil, "Origin", "https://friend.example", "Access-Control-Request-Method", "PUT")
	wantStatus(t, resp, http.StatusNoContent)
	want := map[string]string{
		"Access-Control-Allow-Origin": "https://friend.example", "Access-Control-Allow-Credentials": "true",
		"Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, PATCH, DELETE", "Access-Control-Max-Age": "600",
		"Access-Control-Allow-Headers": "Accept, Authorization, Content-Type, X-Requested-With",
		"Vary":                         "Access-Control-Request-Method, Access-Control-Request-Headers, Origin",
	}
	for name, value := range want {
		if got := resp.Header.Get(name); got != value {
			t.Errorf("got %s %q, want %q", name, got, value)
		}
	}
	if app.hits != 0 {
		t.Error("the preflight reached the app")
	}
	refused := st.do(t, http.MethodOptions, "/api", nil, "Origin", "https://evil.example", "Access-Control-Request-Method", "PUT")
	wantStatus(t, refused, http.StatusForbidden)
	plain := st.do(t, http.MethodOptions, "/api", nil, "Origin", "https://friend.example")
	wantStatus(t, plain, http.StatusOK)
	if app.hits != 1 {
		t.Error("a plain OPTIONS did not reach the app")
	}
}

func TestWithoutOriginsTheAppOwnsCORS(t *testing.T) {
	st := started(t, quiet(), func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "https://own.example")
		w.Header().Set("Vary", "Accept")
	})
	resp := st.get(t, "/", "Origin", "https://evil.example")
	wantStatus(t, resp, http.StatusOK)
	if got := resp.Header.Get("Access-Control-Allow-Origin"); got != "https://own.example" {
		t.Errorf("got Access-Control-Allow-Origin %q, want the app's", got)
	}
	if got := resp.Header.Get("Vary"); got != "Accept, Origin" {
		t.Errorf("got Vary %q, want the app's and Origin", got)
	}
}

func TestAnyOriginNeverComesWithCredentials(t *testing.T) {
	s := quiet()
	s.CORS.Origins = []string{"*"}
	st := started(t, s, ok)
	resp := st.get(t, "/", "Origin", "https://anybody.example")
	if got := resp.Header.Get("Access-Control-Allow-Origin"); got != "*" {
		t.Errorf("got Access-Control-Allow-Origin %q, want *", got)
	}
	if got := resp.Header.Get("Access-Control-Allow-Credentials"); got != "" {
		t.Errorf("got Access-Control-Allow-Credentials %q, want none", got)
	}
	if got := st.get(t, "/", "Origin", "null").StatusCode; got != http.StatusForbidden {
		t.Errorf("null origin: got %d, want 403", got)
	}
	s.CORS.Credentials = true
	if _, err := Chain(s, Parts{State: NewState(nil)}); err == nil {
		t.Error("a chain with credentials for any origin was built")
	}
}

func FuzzOrigin(f *testing.F) {
	for _, seed := range []string{"https://a.shop.example", "https://shop.example", "null", "https://a..shop.example", "https://x/.shop.example"} {
		f.Add(seed)
	}
	o, err := newOrigins(CORS{Origins: []string{"https://*.shop.example"}}, "")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, origin string) {
		if !o.allows(origin) {
			return
		}
		r, err := http.NewRequest(http.MethodGet, origin, nil)
		if err != nil || r.URL.Scheme != "https" || r.URL.Path != "" || r.URL.User != nil || r.URL.RawQuery != "" {
			t.Errorf("allowed %q, which is no origin", origin)
		}
	})
}
