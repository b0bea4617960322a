package gateway

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/config"
	"sallyport/gateway/dashboard/chromium"
)

// staged is the real product before a shop and a real PostgreSQL, with honest traffic, an attack that was refused and held off,
// a refused statement with markup in it, a receiver of alerts that fails, a mute, and a tunnel that does not answer.
func staged(t *testing.T) *house {
	t.Helper()
	slack := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	t.Cleanup(slack.Close)
	h, _, _ := both(t, func(c *config.Config) {
		c.PublicURL = "https://shop.example.com"
		c.History.Path = filepath.Join(t.TempDir(), "history.db")
		c.Tunnel.Metrics = deadAddress(t)
		c.Tunnel.State = t.TempDir()
		c.Tunnel.Watch.Process, c.Tunnel.Watch.PublicURL = time.Second, 0
		c.Alerts.Slack.WebhookFile = secret(t, slack.URL)
	})
	for i := range 40 {
		if got := h.search(fmt.Sprintf("192.0.2.%d", i%9+1), []string{"apple", "pear", "melon", "kiwi", "fig"}[i%5]); got.status != http.StatusOK {
			t.Fatalf("honest search: got %d %s", got.status, got.body)
		}
	}
	for range 2 {
		h.search("198.51.100.7", "x' or 'a'='a")
	}
	h.search("198.51.100.8", `x' union select usename as "<img src=x onerror=1>" from pg_user--`)
	eventually(t, "the client is held", func() bool { return len(h.visitors.Holds.List()) == 1 })
	muted := h.do("admin", http.MethodPost, "/api/hardening/alerts/mute", strings.NewReader(`{"cause": "REQUEST_FLOOD", "for": "1h", "why": "a load test"}`))
	if muted.status != http.StatusOK {
		t.Fatalf("mute: got %d %s", muted.status, muted.body)
	}
	eventually(t, "the tunnel is known to be dead", func() bool { return len(h.tunnelPart().Incidents) > 0 })
	return h
}

// deadAddress is a loopback address that nobody listens on.
func deadAddress(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	return strings.TrimPrefix(s.URL, "http://")
}

func TestPageOfTheRealProductInABrowser(t *testing.T) {
	h := staged(t)
	origin := "http://" + h.at.Admin
	tab := chromium.Open(t)
	tab.Shots = os.Getenv("SALLYPORT_SHOTS")
	tab.Go(origin + "/")
	for _, face := range []struct {
		name, theme   string
		width, height int64
	}{{"dark", "dark", 1440, 1000}, {"light", "light", 1440, 1000}, {"narrow", "dark", 390, 800}} {
		tab.Size(face.width, face.height)
		tab.Until("the page is drawn", `document.querySelector("#panels .panel")`)
		if chromium.Ask[string](tab, `document.documentElement.dataset.theme`) != face.theme {
			chromium.Ask[bool](tab, `document.getElementById("theme").click(), true`)
		}
		for _, page := range []string{"overview", "traffic", "database", "attacks", "tunnel", "alerts", "checks"} {
			chromium.Ask[bool](tab, `location.hash = "`+page+`", true`)
			tab.Until(page+" is drawn", `document.title.endsWith("`+page+`") && document.querySelector("#panels .panel") && !document.querySelector(".loading")`)
			tab.Shoot("product-" + page + "-" + face.name)
			if chromium.Ask[bool](tab, `document.documentElement.scrollWidth > innerWidth`) {
				wide := chromium.Ask[string](tab, `[...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.tagName + "." + e.className).slice(0, 8).join(", ")`)
				t.Errorf("%s, %s: the page is wider than its window: %s", page, face.name, wide)
			}
			if said := tab.Complaints(origin); len(said) > 0 {
				t.Fatalf("%s, %s: the browser complains: %s", page, face.name, strings.Join(said, "\n"))
			}
			if found := tab.Axe(); len(found) > 0 {
				t.Errorf("%s, %s: axe-core finds %s", page, face.name, strings.Join(found, "\n"))
			}
		}
	}
}

func TestSmokeIsRunFromThePage(t *testing.T) {
	h := staged(t)
	tab := chromium.Open(t)
	tab.Shots = os.Getenv("SALLYPORT_SHOTS")
	tab.Go("http://" + h.at.Admin + "/")
	tab.Until("the button is there", `[...document.querySelectorAll(".verdict button")].some((b) => b.textContent === "Run smoke test")`)
	chromium.Ask[bool](tab, `[...document.querySelectorAll(".verdict button")].find((b) => b.textContent === "Run smoke test").click(), true`)
	tab.Until("the page says how it went", `/^Run smoke test: \d+ of \d+ passed$/.test(document.getElementById("toast").textContent)`)
	tab.Until("the run is shown", `[...document.querySelectorAll(".panel.checks .note")].some((n) => n.textContent.startsWith("smoke run "))`)
	if !strings.Contains(h.kinds(), "smoke-run") {
		t.Errorf("events: got %s, want the run among them", h.kinds())
	}
	chromium.Ask[bool](tab, `location.hash = "checks", true`)
	tab.Until("checks is drawn", `document.querySelector("#panel-runs")`)
	tab.Shoot("product-checks-after-smoke")
}

func TestPageShowsTheAttackAsTextAndReleasesTheClient(t *testing.T) {
	h := staged(t)
	tab := chromium.Open(t)
	tab.Go("http://" + h.at.Admin + "/#attacks")
	tab.Until("the refused statement is shown", `document.querySelector("#panels mark")`)
	if n := chromium.Ask[int](tab, `document.querySelectorAll("#panels img, #panels script").length`); n != 0 {
		t.Errorf("the attacker's markup became %d elements", n)
	}
	text := chromium.Ask[string](tab, `document.getElementById("panels").innerText`)
	if !strings.Contains(text, "<img src=x onerror=1>") {
		t.Errorf("the markup in the refused statement is not visible as text: %s", text)
	}
	if !strings.Contains(text, "198.51.100.7") || !strings.Contains(text, "held until") {
		t.Errorf("the attacker is not named as held: %s", text)
	}
	chromium.Ask[bool](tab, `window.confirm = () => true, [...document.querySelectorAll("button")].find((b) => b.textContent === "Release").click(), true`)
	tab.Until("the page says that it is done", `document.getElementById("toast").textContent.startsWith("Release: ")`)
	eventually(t, "the client is let in again", func() bool { return len(h.visitors.Holds.List()) == 0 })
	if !strings.Contains(h.kinds(), "client-released") {
		t.Errorf("events: got %s, want the release among them", h.kinds())
	}
}
