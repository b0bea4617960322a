package gateway

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/config"
)

func TestReloadMovesTheDoorAndServesOnWhatCameByTheOldOne(t *testing.T) {
	h, next := reloading(t, hello)
	before := h.at.HTTP
	early, err := net.Dial("tcp4", before)
	if err != nil {
		t.Fatal(err)
	}
	defer early.Close()
	_ = early.SetDeadline(time.Now().Add(20 * time.Second))
	answers := bufio.NewReader(early)
	ask := func(when string) {
		t.Helper()
		_, _ = io.WriteString(early, "GET / HTTP/1.1\r\nHost: shop\r\n\r\n")
		res, err := http.ReadResponse(answers, nil)
		if err != nil || res.StatusCode != 200 {
			t.Fatalf("%s: got %v, %v, want 200", when, res, err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
	}
	ask("before the reload")

	offer(h, next, func(c *config.Config) { c.HTTP.Listen = "127.0.0.2:0" })
	done, err := h.Reload()
	if err != nil || len(done.NeedRestart) != 0 || !slices.ContainsFunc(done.Changes, func(c config.Change) bool { return c.Key == "http.listen" }) {
		t.Fatalf("reload: got %+v, %v, want http.listen among the changes", done, err)
	}
	if h.at = h.Addresses(); !strings.HasPrefix(h.at.HTTP, "127.0.0.2:") {
		t.Errorf("the door is at %s, want it on 127.0.0.2", h.at.HTTP)
	}
	if got := h.get("http", "/"); got.status != 200 {
		t.Errorf("at the new address: got %d, want 200", got.status)
	}
	ask("on a connection that came by the old address")
	if c, err := net.Dial("tcp4", before); err == nil {
		_ = c.Close()
		t.Errorf("%s accepts still, want it closed", before)
	}
	if err := h.stop(); err != nil {
		t.Errorf("run: got %v, want nil", err)
	}
}

func TestReloadToATakenAddressIsRefusedByName(t *testing.T) {
	h, next := reloading(t, hello)
	offer(h, next, func(c *config.Config) { c.HTTP.Listen, c.HTTP.Door.BodyMax = h.at.Admin, 5 })
	got := h.do("admin", "POST", "/-/reload", nil)
	if got.status != 422 || !strings.Contains(got.body, "http.listen") || !strings.Contains(got.body, h.at.Admin) {
		t.Errorf("got %d %s, want 422 that names http.listen and the address", got.status, got.body)
	}
	if got := h.do("http", "POST", "/", strings.NewReader("123456")); got.status != 200 {
		t.Errorf("the door after it: got %d, want 200 by the settings before", got.status)
	}
}
