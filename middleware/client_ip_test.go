package middleware

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// names records the headers that reached the app.
type names struct {
	mu   sync.Mutex
	seen http.Header
	hits int
}

func (n *names) app(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.seen = r.Header.Clone()
	n.hits++
}

func TestTrustedPeerNamesClientsWithBudgetsOfTheirOwn(t *testing.T) {
	st := started(t, Defaults(), ok)
	for _, client := range []string{"203.0.113.7", "203.0.113.8"} {
		accepted, refused := tally(t, st, 120, func(int) []string { return []string{"Cf-Connecting-Ip", client} })
		if accepted != 100 || refused != 20 {
			t.Errorf("client %s: got %d × 200 and %d × 429, want 100 and 20", client, accepted, refused)
		}
	}
}

func TestUntrustedPeerIsOneClientHoweverItCallsItself(t *testing.T) {
	s := Defaults()
	s.ClientIP.Trust = []string{"10.0.0.0/8"}
	var app names
	st := started(t, s, app.app)
	forged := []string{
		"Cf-Connecting-Ip", "X-Forwarded-For", "X-Real-Ip", "X_Forwarded_For", "X.Forwarded.For", "True-Client-Ip", "Forwarded",
		"CF_Connecting_IP", "X-Client-Ip", "Cf-Access-Jwt-Assertion", "X-Original-Url", "X-Http-Method-Override", "X_Request_Id",
	}
	accepted, refused := tally(t, st, 200, func(i int) []string {
		var h []string
		for _, name := range forged {
			h = append(h, name, fmt.Sprintf("198.51.100.%d", i))
		}
		return h
	})
	if accepted != 100 || refused != 100 {
		t.Errorf("got %d × 200 and %d × 429, want 100 and 100", accepted, refused)
	}
	for name, values := range app.seen {
		if strings.Contains(strings.Join(values, " "), "198.51.100.") {
			t.Errorf("the forged header %s: %v reached the app", name, values)
		}
	}
	if got := app.seen.Get("X-Forwarded-For"); got != "127.0.0.1" {
		t.Errorf("got X-Forwarded-For %q at the app, want the peer's address", got)
	}
}

func TestOneIPv6NetworkIsOneClient(t *testing.T) {
	st := started(t, Defaults(), ok)
	accepted, refused := tally(t, st, 200, func(i int) []string {
		return []string{"Cf-Connecting-Ip", fmt.Sprintf("2001:db8::%x", i+1)}
	})
	if accepted != 100 || refused != 100 {
		t.Errorf("got %d × 200 and %d × 429, want 100 and 100", accepted, refused)
	}
	if got := st.rejections()[0].Client; got != "2001:db8::/64" {
		t.Errorf("got client %q, want the /64", got)
	}
	accepted, _ = tally(t, st, 1, func(int) []string { return []string{"Cf-Connecting-Ip", "2001:db8:0:1::1"} })
	if accepted != 1 {
		t.Error("the next /64 was refused, want a budget of its own")
	}
}

func TestMappedIPv4IsThatIPv4(t *testing.T) {
	st := started(t, Defaults(), ok)
	spellings := []string{"1.2.3.4", "::ffff:1.2.3.4", "::ffff:102:304"}
	accepted, _ := tally(t, st, 120, func(i int) []string { return []string{"Cf-Connecting-Ip", spellings[i%3]} })
	if accepted != 100 {
		t.Errorf("got %d × 200 over three spellings, want 100", accepted)
	}
}

func TestForwardedHeadersAreRebuiltForTheApp(t *testing.T) {
	var app names
	st := started(t, quiet(), app.app)
	st.get(t, "/", "Host", "shop.example", "Cf-Connecting-Ip", "2001:db8::7", "X-Forwarded-For", "6.6.6.6, 2001:db8::7",
		"X-Forwarded-Proto", "https", "X-Forwarded-Host", "evil.example", "Cf-Ray", "abc", "X-Real-Ip", "6.6.6.6")
	want := map[string]string{
		"X-Forwarded-For": "2001:db8::7", "X-Real-Ip": "2001:db8::7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.example",
		"Forwarded": `for="[2001:db8::7]";proto=https;host="shop.example"`, "Cf-Connecting-Ip": "2001:db8::7", "Cf-Ray": "abc",
	}
	for name, value := range want {
		if got := app.seen.Values(name); len(got) != 1 || got[0] != value {
			t.Errorf("got %s %q at the app, want %q once", name, got, value)
		}
	}
}

func TestPeerThatNamesNoAddressIsCountedAndIsItselfTheClient(t *testing.T) {
	st := started(t, quiet(), ok)
	for _, value := range []string{"<script>49", "1.2.3.4:80", "1.2.3.4, 5.6.7.8", "", "fe80::1%eth0", "01.2.3.4"} {
		st.get(t, "/", "Cf-Connecting-Ip", value)
	}
	st.get(t, "/", "Cf-Connecting-Ip", "1.1.1.1", "Cf-Connecting-Ip", "2.2.2.2")
	st.get(t, "/")
	if got := st.State.BadHeader.Load(); got != 7 {
		t.Errorf("got %d bad headers, want 7", got)
	}
	if got := st.State.MissingHeader.Load(); got != 1 {
		t.Errorf("got %d missing headers, want 1", got)
	}
	for _, a := range st.answers {
		if a.Client != "127.0.0.1" {
			t.Errorf("got client %q, want the peer's address", a.Client)
		}
	}
}

func TestForwardedForListNamesTheLastForeignAddress(t *testing.T) {
	s := quiet()
	s.ClientIP.Header = "X-Forwarded-For"
	st := started(t, s, ok)
	st.get(t, "/", "X-Forwarded-For", "6.6.6.6, 203.0.113.9, 127.0.0.2")
	eventually(t, "answer told", func() bool { st.mu.Lock(); defer st.mu.Unlock(); return len(st.answers) == 1 })
	if got := st.answers[0].Client; got != "203.0.113.9" {
		t.Errorf("got client %q, want 203.0.113.9", got)
	}
}

// tally sends n requests one after another and counts what was accepted and what got 429.
func tally(t *testing.T, st *stand, n int, headers func(i int) []string) (accepted, refused int) {
	t.Helper()
	for i := range n {
		resp := st.get(t, "/", headers(i)...)
		_ = resp.Body.Close()
		switch resp.StatusCode {
		case http.StatusOK:
			accepted++
		case http.StatusTooManyRequests:
			refused++
		default:
			t.Fatalf("got status %d", resp.StatusCode)
		}
	}
	return accepted, refused
}
