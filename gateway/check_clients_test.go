package gateway

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/config"
	"sallyport/middleware"
)

// one is a budget of one request for path.
func one(path string) middleware.Policy {
	return middleware.Policy{Name: "one", Path: path, Requests: 1, Per: time.Hour}
}

// keepApp lets the app's header name win.
func keepApp(name string) map[string]middleware.HeaderRule {
	return map[string]middleware.HeaderRule{name: {Mode: "keep-app"}}
}

// stopped is a clock that moves only when it is told to.
type stopped struct {
	mu sync.Mutex // guards at
	at time.Time
}

func newStopped() *stopped { return &stopped{at: time.Now()} }

func (s *stopped) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at
}

func (s *stopped) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = s.at.Add(d)
}

// tally asks n times with the headers that of gives and counts the answers by status.
func (h *house) tally(n int, of func(i int) []string) map[int]int {
	h.t.Helper()
	got := map[int]int{}
	for i := range n {
		got[h.get("http", "/", of(i)...).status]++
	}
	return got
}

func named(client string) func(int) []string {
	return func(int) []string { return []string{"CF-Connecting-IP", client} }
}

func TestCheck4OneClientHasOneBudgetHoweverItCallsItself(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	app := func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, fmt.Sprint(r.Header))
	}
	hour := func(c *config.Config) { c.HTTP.Door.RateLimit.Per = 100 * time.Hour } // nothing comes back meanwhile
	h := open(t, app, hour)
	for _, client := range []string{"192.0.2.1", "192.0.2.2"} {
		if got := h.tally(120, named(client)); got[200] != 100 || got[429] != 20 {
			t.Errorf("%s of a trusted peer: got %v, want 100 × 200 and 20 × 429", client, got)
		}
	}
	network := func(i int) []string { return []string{"CF-Connecting-IP", fmt.Sprintf("2001:db8::%x", i+1)} }
	if got := h.tally(200, network); got[200] != 100 || got[429] != 100 {
		t.Errorf("200 addresses of one /64: got %v, want one budget", got)
	}
	if got := h.tally(60, named("2001:db8:0:1::1")); got[200] != 60 {
		t.Errorf("the next /64: got %v, want a budget of its own", got)
	}
	mapped := func(i int) []string { return []string{"CF-Connecting-IP", []string{"1.2.3.4", "::ffff:1.2.3.4"}[i%2]} }
	if got := h.tally(200, mapped); got[200] != 100 || got[429] != 100 {
		t.Errorf("1.2.3.4 and ::ffff:1.2.3.4: got %v, want one budget", got)
	}

	h = open(t, app, hour, func(c *config.Config) { c.HTTP.Door.ClientIP.Trust = []string{"203.0.113.0/24"} })
	seen = nil
	forged := func(i int) []string {
		value := fmt.Sprintf("198.51.100.%d", i)
		return []string{"CF-Connecting-IP", value, "X-Forwarded-For", value, "X-Real-IP", value, "X_Forwarded_For", value, "X.Real.IP", value, "Forwarded", "for=" + value, "True-Client-IP", value, "X-Original-URL", "/" + value, "X-HTTP-Method-Override", value}
	}
	if got := h.tally(200, forged); got[200] != 100 || got[429] != 100 {
		t.Errorf("an untrusted peer under 200 names: got %v, want 100 × 200 and 100 × 429", got)
	}
	if all := strings.Join(seen, "\n"); len(seen) != 100 || strings.Contains(all, "198.51.100.") || !strings.Contains(all, "X-Forwarded-For:[127.0.0.1]") {
		t.Errorf("the app saw %d requests, the first %.600s; want 100 that name the peer and no forged value", len(seen), all)
	}
}

func TestCheck5NoWindowHasAnEdgeAndRetryAfterIsTrue(t *testing.T) {
	clock := newStopped()
	h := openWith(t, hello, Parts{Clock: clock.now})
	h.get("http", "/", "CF-Connecting-IP", "192.0.2.1") // a window that begins with the first request begins here
	clock.pass(15*time.Minute - time.Second)
	accepted := h.tally(100, named("192.0.2.1"))[200]
	clock.pass(2 * time.Second)
	accepted += h.tally(100, named("192.0.2.1"))[200]
	if accepted > 101 || accepted < 99 {
		t.Errorf("a burst over the window's edge: got %d accepted, want about the limit of 100, at most 101", accepted)
	}
	for range 3 {
		refused := h.get("http", "/", "CF-Connecting-IP", "192.0.2.1")
		wait, err := strconv.Atoi(refused.header.Get("Retry-After"))
		if refused.status != 429 || err != nil || wait < 1 || wait > 9 {
			t.Fatalf("got %d with Retry-After %q, want 429 and 1 to 9 whole seconds", refused.status, refused.header.Get("Retry-After"))
		}
		clock.pass(time.Duration(wait) * time.Second)
		if got := h.get("http", "/", "CF-Connecting-IP", "192.0.2.1").status; got != 200 {
			t.Errorf("after waiting the %d s of Retry-After: got %d, want 200", wait, got)
		}
	}
}
