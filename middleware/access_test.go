package middleware

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

const (
	team     = "https://team.cloudflareaccess.com"
	audience = "0123456789abcdef"
)

// signer is a key of the team, or of somebody else.
type signer struct {
	id  string
	key *rsa.PrivateKey
}

func newSigner(t *testing.T, id string) signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return signer{id, key}
}

func (s signer) set() []byte {
	text, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: s.key.Public(), KeyID: s.id, Algorithm: "RS256", Use: "sig"}}})
	if err != nil {
		panic(err)
	}
	return text
}

func (s signer) token(t testing.TB, alg jose.SignatureAlgorithm, change func(claims map[string]any)) string {
	t.Helper()
	sign, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: s.key, KeyID: s.id}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	claims := map[string]any{
		"iss": team, "aud": []string{audience}, "sub": "u1", "email": "ann@example.com",
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	if change != nil {
		change(claims)
	}
	text, err := jwt.Signed(sign).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func accessSettings(keysFile string) Settings {
	s := quiet()
	s.Access = Access{TeamDomain: team, Audience: audience, KeysFile: keysFile}
	return s
}

func keysFile(t *testing.T, s signer) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(file, s.set(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestOnlyGoodAccessTokensPass(t *testing.T) {
	ours, forger := newSigner(t, "k1"), newSigner(t, "k1")
	var app names
	st := started(t, accessSettings(keysFile(t, ours)), app.app)
	good := ours.token(t, jose.RS256, nil)
	part := strings.Split(good, ".")
	unsigned := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","kid":"k1"}`)) + "." + part[1] + "."
	cases := map[string]struct {
		token string
		want  int
	}{
		"good":           {good, 200},
		"other audience": {ours.token(t, jose.RS256, func(c map[string]any) { c["aud"] = "other" }), 403},
		"no audience":    {ours.token(t, jose.RS256, func(c map[string]any) { delete(c, "aud") }), 403},
		"other issuer":   {ours.token(t, jose.RS256, func(c map[string]any) { c["iss"] = "https://evil.cloudflareaccess.com" }), 403},
		"expired":        {ours.token(t, jose.RS256, func(c map[string]any) { c["exp"] = time.Now().Add(-time.Minute).Unix() }), 403},
		"without end":    {ours.token(t, jose.RS256, func(c map[string]any) { delete(c, "exp") }), 403},
		"not yet":        {ours.token(t, jose.RS256, func(c map[string]any) { c["nbf"] = time.Now().Add(time.Hour).Unix() }), 403},
		"forged":         {forger.token(t, jose.RS256, nil), 403},
		"PS256":          {ours.token(t, jose.PS256, nil), 403},
		"unsigned":       {unsigned, 403},
		"cut":            {part[0] + "." + part[1] + "." + part[2][:20], 403},
		"no token":       {"x", 403},
	}
	for name, k := range cases {
		resp := st.get(t, "/", accessToken, k.token, accessEmail, "forged@example.com")
		if resp.StatusCode != k.want {
			t.Errorf("%s: got %d, want %d", name, resp.StatusCode, k.want)
		}
	}
	wantStatus(t, st.get(t, "/"), http.StatusForbidden)
	wantStatus(t, st.get(t, "/", accessToken, good, accessToken, good), http.StatusForbidden)
	if app.hits != 1 {
		t.Errorf("%d requests reached the app, want the good one", app.hits)
	}
	if got := app.seen.Values(accessEmail); len(got) != 1 || got[0] != "ann@example.com" {
		t.Errorf("got email %q at the app, want the token's", got)
	}
	for _, r := range st.rejections() {
		if strings.Contains(r.Reason, part[1][:20]) || strings.Contains(r.Reason, "example.com") {
			t.Errorf("the reason tells of the token: %s", r.Reason)
		}
	}
}

func TestAccessProtectsEverySpellingOfItsPaths(t *testing.T) {
	s := accessSettings(keysFile(t, newSigner(t, "k1")))
	s.Access.Paths = []string{"/admin"}
	st := started(t, s, ok)
	for path, want := range map[string]int{
		"/": 200, "/administrator": 200, "/admin": 403, "/admin/": 403, "/Admin/x": 403, "//admin": 403, "/x/../admin": 403, "/%61dmin": 403,
		"/admin;v=1/x": 403, "/;a/admin": 403, "/.//admin": 403, "/x;y/../admin": 403, "/%5Cadmin": 403, "/admin%2Fx": 403,
	} {
		_, r := st.raw(t, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
		if got := status(t, r); got != want {
			t.Errorf("%s: got %d, want %d", path, got, want)
		}
	}
}

func TestAccessKeysComeFromTheURLAndRotate(t *testing.T) {
	first, second := newSigner(t, "k1"), newSigner(t, "k2")
	var current atomic.Pointer[signer]
	current.Store(&first)
	var fetches atomic.Int64
	keys := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fetches.Add(1)
		if s := current.Load(); s != nil {
			_, _ = w.Write(s.set())
			return
		}
		w.WriteHeader(http.StatusBadGateway)
	}))
	t.Cleanup(keys.Close)
	c := &clock{t: time.Now()}
	s := accessSettings("")
	s.Access.KeysURL = keys.URL
	st := started(t, s, ok, func(p *Parts) { p.Now = c.now })
	try := func(s signer, want int) {
		t.Helper()
		wantStatus(t, st.get(t, "/", accessToken, s.token(t, jose.RS256, nil)), want)
	}
	try(first, 200)
	try(first, 200)
	invented := newSigner(t, "invented")
	for range 20 {
		try(invented, 403)
	}
	if got := fetches.Load(); got != 1 {
		t.Errorf("invented key ids caused %d fetches, want 1 in %s", got, refetchAfter)
	}
	current.Store(&second)
	c.pass(refetchAfter)
	try(second, 200)
	current.Store(nil)
	c.pass(refetchAfter)
	try(first, 403)
	try(second, 200)
}

func TestAccessWithoutReadableKeysFileBuildsNoChain(t *testing.T) {
	if _, err := Chain(accessSettings(filepath.Join(t.TempDir(), "none")), Parts{State: NewState(nil)}); err == nil {
		t.Error("a chain was built without keys")
	}
}

func TestVerifiedTokensEndWithTheirTime(t *testing.T) {
	s := newSigner(t, "k1")
	c := &clock{t: time.Now()}
	a, err := newAccess(accessSettings(keysFile(t, s)).Access, c.now)
	if err != nil {
		t.Fatal(err)
	}
	token := s.token(t, jose.RS256, func(claims map[string]any) { claims["exp"] = c.now().Add(30 * time.Second).Unix() })
	for range 2 {
		if _, err := a.check(t.Context(), token); err != nil {
			t.Fatalf("got %v, want the token to be good", err)
		}
	}
	c.pass(31 * time.Second)
	if _, err := a.check(t.Context(), token); err == nil {
		t.Error("a remembered token outlived its time")
	}
}

func BenchmarkAccessToken(b *testing.B) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	s := signer{"k1", key}
	file := filepath.Join(b.TempDir(), "keys.json")
	if err := os.WriteFile(file, s.set(), 0o600); err != nil {
		b.Fatal(err)
	}
	a, err := newAccess(accessSettings(file).Access, time.Now)
	if err != nil {
		b.Fatal(err)
	}
	token := s.token(b, jose.RS256, nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.check(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}
