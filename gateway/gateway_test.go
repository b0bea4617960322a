package gateway

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"sallyport/config"
)

func TestHTTPDoorPassesRequestsToTheApp(t *testing.T) {
	h := open(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-App", r.Method+" "+r.RequestURI)
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.Copy(w, r.Body)
	})
	got := h.do("http", http.MethodPost, "/a//b/../c?q=1;2&x=%zz", strings.NewReader("body"))
	if got.status != http.StatusTeapot || got.body != "body" {
		t.Errorf("answer: got %d %q, want the app's 418 and the body back", got.status, got.body)
	}
	if got.header.Get("X-Content-Type-Options") != "nosniff" || got.header.Get("X-Request-Id") == "" {
		t.Errorf("headers: got %v, want the security headers and a request id", got.header)
	}
}

func TestAppsEmpty404StaysTheApps(t *testing.T) {
	h := open(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	if got := h.get("http", "/nothing"); got.status != 404 || got.body != "" || got.header.Get("Content-Type") != "" {
		t.Errorf("answer: got %d %q %q, want the app's empty 404", got.status, got.body, got.header.Get("Content-Type"))
	}
}

func TestRequest101IsRefusedWithATrueRetryAfterAndOthersAreServed(t *testing.T) {
	h := open(t, hello, func(c *config.Config) {
		c.HTTP.Door.RateLimit.Requests, c.HTTP.Door.RateLimit.Per = 100, 50*time.Second // one request comes back each half second
	})
	for i := range 100 {
		if got := h.get("http", "/", "CF-Connecting-IP", "192.0.2.1"); got.status != 200 {
			t.Fatalf("request %d: got %d, want 200", i+1, got.status)
		}
	}
	var refused answer
	eventually(t, "a request is refused", func() bool {
		refused = h.get("http", "/", "CF-Connecting-IP", "192.0.2.1")
		return refused.status == http.StatusTooManyRequests
	})
	if other := h.get("http", "/", "CF-Connecting-IP", "192.0.2.2"); other.status != 200 {
		t.Errorf("another client: got %d, want 200", other.status)
	}
	wait, err := strconv.Atoi(refused.header.Get("Retry-After"))
	if err != nil || wait < 1 || wait > 2 {
		t.Fatalf("Retry-After: got %q, want a second or two", refused.header.Get("Retry-After"))
	}
	time.Sleep(time.Duration(wait) * time.Second) // what the header asks the client to do
	if got := h.get("http", "/", "CF-Connecting-IP", "192.0.2.1"); got.status != 200 {
		t.Errorf("after Retry-After: got %d, want 200", got.status)
	}
	if !strings.Contains(h.kinds(), "rate-limited") {
		t.Errorf("events: got %s, want rate-limited", h.kinds())
	}
}

func TestSpoofedAddressesOfAnUntrustedPeerAreOneClient(t *testing.T) {
	h := open(t, hello, func(c *config.Config) { c.HTTP.Door.ClientIP.Trust = []string{"203.0.113.0/24"} })
	served := 0
	for i := range 200 {
		spoofed := fmt.Sprintf("198.51.100.%d", i)
		if h.get("http", "/", "CF-Connecting-IP", spoofed, "X-Forwarded-For", spoofed).status == 200 {
			served++
		}
	}
	if served < 100 || served > 120 {
		t.Errorf("served: got %d of 200, want 100 and what comes back meanwhile: one client's budget", served)
	}
}

func TestMalformedHeadsNeverReachTheApp(t *testing.T) {
	reached := make(chan string, 10)
	h := open(t, func(w http.ResponseWriter, r *http.Request) { reached <- r.URL.Path })
	for _, text := range []string{
		"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"GET /x HTTP/1.1\nHost: a\n\n",
		"TRACE /x HTTP/1.1\r\nHost: a\r\n\r\n",
	} {
		got := h.raw("http", text)
		if !strings.HasPrefix(got, "HTTP/1.1 4") || !strings.Contains(got, "X-Content-Type-Options: nosniff") {
			t.Errorf("%q: got %q, want a refusal with the security headers", text, got)
		}
	}
	select {
	case path := <-reached:
		t.Errorf("the app was asked for %s, want nothing", path)
	default:
	}
	if got := h.malformed.Load(); got != 3 {
		t.Errorf("malformed: got %d, want 3", got)
	}
}

func TestReservedPathsAreNotFoundOnTheDoor(t *testing.T) {
	h := open(t, func(w http.ResponseWriter, r *http.Request) { t.Errorf("the app was asked for %s", r.RequestURI) })
	for _, method := range []string{"GET", "HEAD", "POST", "OPTIONS", "PROPFIND"} {
		for _, path := range []string{
			"/api/hardening/metrics", "//api/hardening/metrics", "/api%2Fhardening/metrics", "/API/HARDENING/metrics", "/api/hardening/metrics/",
			"/api/%68ardening/metrics", "/%2e/api/hardening/metrics", "/api/hardening;x=1/metrics", "/api/x/../hardening/metrics", "/api/hardening",
		} {
			got := h.raw("http", method+" "+path+" HTTP/1.1\r\nHost: shop.example.com\r\nConnection: close\r\n\r\n")
			if !strings.HasPrefix(got, "HTTP/1.1 404 ") {
				t.Errorf("%s %s: got %.40q, want 404", method, path, got)
			}
		}
	}
}

func TestOnDoorServesGETsToABearerOfTheToken(t *testing.T) {
	h := open(t, hello, func(c *config.Config) {
		c.Admin.OnDoor, c.Admin.TokenFile = "token", secret(t, "s3same")
	})
	if got := h.get("http", "/api/hardening/metrics", "Authorization", "Bearer s3same"); got.status != 200 || got.header.Get("X-Hardening-Api") != "1" || got.header.Get("X-Frame-Options") == "" {
		t.Errorf("with the token: got %d %v, want 200 with the API's and the door's headers", got.status, got.header)
	}
	for _, headers := range [][]string{nil, {"Authorization", "Bearer wrong"}, {"Authorization", "Bearer "}} {
		if got := h.get("http", "/api/hardening/metrics", headers...); got.status != 404 {
			t.Errorf("%v: got %d, want 404", headers, got.status)
		}
	}
	if got := h.do("http", "POST", "/api/hardening/database/reset-metrics", nil, "Authorization", "Bearer s3same"); got.status != 404 {
		t.Errorf("POST with the token: got %d, want 404", got.status)
	}
	if got := h.get("http", "/api/hardening/metrics/", "Authorization", "Bearer s3same"); got.status != 404 {
		t.Errorf("another spelling with the token: got %d, want 404", got.status)
	}
}

func TestProbeIsAnsweredOnceAndByThisProcessOnly(t *testing.T) {
	h := open(t, func(w http.ResponseWriter, r *http.Request) { t.Errorf("the app was asked for %s", r.RequestURI) })
	path := "/.well-known/sallyport-probe/" + h.nonces.Issue()
	if got := h.get("http", path).status; got != http.StatusNoContent {
		t.Errorf("fresh nonce: got %d, want 204", got)
	}
	if got := h.get("http", path).status; got != http.StatusNotFound {
		t.Errorf("used nonce: got %d, want 404", got)
	}
	if got := h.get("http", "/.well-known/sallyport-probe/feed").status; got != http.StatusNotFound {
		t.Errorf("foreign nonce: got %d, want 404", got)
	}
}

func TestTakenPortNamesItsOwner(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cfg := settings("http://127.0.0.1:1")
	cfg.Admin.Listen = l.Addr().String()
	g, err := New(cfg, Parts{})
	if err != nil {
		t.Fatal(err)
	}
	err = g.Run(t.Context())
	var taken *PortTakenError
	if !errors.As(err, &taken) {
		t.Fatalf("run: got %v, want a PortTakenError", err)
	}
	want := fmt.Sprintf("cannot listen on %s: held by pid %d (", l.Addr(), os.Getpid())
	if got := err.Error(); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "End it, or set admin.listen") {
		t.Errorf("error: got %q, want %q…", got, want)
	}
	if again, err := net.Listen("tcp4", "127.0.0.1:0"); err == nil {
		again.Close()
	}
}

func TestIPv4LiteralListensOnIPv4Only(t *testing.T) {
	h := open(t, hello, func(c *config.Config) { c.HTTP.Listen = "0.0.0.0:0" })
	_, port, _ := net.SplitHostPort(h.at.HTTP)
	if c, err := net.DialTimeout("tcp6", "[::1]:"+port, time.Second); err == nil {
		c.Close()
		t.Error("[::1] answers, want it refused")
	}
}

func TestSpoofableTagsOfConnectorsNeverReachTheApp(t *testing.T) {
	h := open(t, func(w http.ResponseWriter, r *http.Request) {
		for name := range r.Header {
			if strings.HasPrefix(name, "Cf-Warp-Tag") {
				t.Errorf("the app got %s", name)
			}
		}
	})
	h.get("http", "/", "Cf-Warp-Tag-Door", "key", "Cf-Warp-Tag-Id", "id")
}

func TestNoSecretIsLogged(t *testing.T) {
	h := open(t, hello)
	h.get("http", "/x?token=planted1", "Cookie", "s=planted2", "Authorization", "Bearer planted3")
	_ = h.stop()
	if log := h.log.String(); strings.Contains(log, "planted") || !strings.Contains(log, `"path":"/x"`) {
		t.Errorf("log: got %s, want the request without cookie, token or query value", log)
	}
}
