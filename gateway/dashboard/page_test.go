package dashboard

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"sallyport/gateway/dashboard/chromium"
)

// look opens the page over source in a browser; where SALLYPORT_SHOTS names a folder its pictures are kept there.
func look(t *testing.T, source Source) (*chromium.Tab, *httptest.Server) {
	t.Helper()
	page := New(source)
	server := httptest.NewServer(page.Handler())
	t.Cleanup(server.Close)
	t.Cleanup(page.Close)
	tab := chromium.Open(t)
	tab.Shots = os.Getenv("SALLYPORT_SHOTS")
	tab.Go(server.URL + "/")
	tab.Until("the page is drawn", `document.querySelector(".panel.chart canvas")`)
	return tab, server
}

// face shows the page in dark or light.
func face(tab *chromium.Tab, theme string) {
	if chromium.Ask[string](tab, `document.documentElement.dataset.theme`) != theme {
		chromium.Ask[bool](tab, `document.getElementById("theme").click(), true`)
	}
	tab.Until("the page is "+theme, `document.documentElement.dataset.theme === "`+theme+`"`)
}

func TestEveryPageInEveryFaceIsSoundAndAccessible(t *testing.T) {
	for _, tc := range []struct {
		name, theme   string
		broken        bool
		width, height int64
	}{{"overview", "dark", false, 1440, 1000}, {"light", "light", false, 1440, 1000}, {"broken", "dark", true, 1440, 1000}, {"mobile", "dark", false, 390, 800}, {"mobile-light", "light", true, 390, 800}} {
		t.Run(tc.name, func(t *testing.T) {
			tab, server := look(t, sampleSource(tc.broken))
			tab.Size(tc.width, tc.height)
			face(tab, tc.theme)
			tab.Shoot(tc.name)
			var violations []string
			for _, page := range []string{"overview", "attacks", "checks"} {
				chromium.Ask[bool](tab, `location.hash = "`+page+`", true`)
				tab.Until(page+" is drawn", `document.title.endsWith("`+page+`") && !document.querySelector(".loading")`)
				if chromium.Ask[bool](tab, `document.documentElement.scrollWidth > innerWidth`) {
					t.Errorf("%s is wider than its window", page)
				}
				if said := tab.Complaints(server.URL); len(said) > 0 {
					t.Errorf("%s: the browser complains: %s", page, strings.Join(said, "\n"))
				}
				violations = append(violations, tab.Axe()...)
			}
			if len(violations) > 0 {
				t.Errorf("axe-core finds %d: %s", len(violations), strings.Join(violations, "\n"))
			}
		})
	}
}

func TestMarkupOfAnAttackerIsShownAsText(t *testing.T) {
	tab, _ := look(t, sampleSource(false))
	if !strings.Contains(chromium.Ask[string](tab, `document.getElementById("panels").innerText`), "<img src=x onerror=1>") {
		t.Error("the attacker's markup is not visible as text")
	}
	if n := chromium.Ask[int](tab, `document.querySelectorAll("#panels img, #panels script").length`); n != 0 {
		t.Errorf("the attacker's markup became %d elements", n)
	}
}

func TestFirstLoadFitsInto150KB(t *testing.T) {
	tab, _ := look(t, sampleSource(false))
	tab.Until("every file is there", `performance.getEntriesByType("resource").filter((r) => r.responseEnd > 0).length >= 9`)
	size, n := tab.Received()
	t.Logf("first load: %.0f bytes in %d requests", size, n)
	if size < 50_000 || size > 150_000 {
		t.Errorf("first load took %.0f bytes in %d requests, want at most 150,000 and all files counted", size, n)
	}
}

// The page's clock is moved instead of waited for: what counts is how long ago the last beat was.
func TestCutStreamIsStaleWithinFourSeconds(t *testing.T) {
	tab, server := look(t, sampleSource(false))
	tab.Until("the page is live", `document.getElementById("live").textContent.startsWith("live")`)
	server.CloseClientConnections()
	server.Listener.Close()
	chromium.Ask[bool](tab, `(() => { const real = Date.now.bind(Date), cut = real(); window.late = 0; Date.now = () => Math.min(real(), cut) + window.late; return true })()`)
	chromium.Ask[bool](tab, `new Promise((done) => setTimeout(() => done(true), 600))`)
	if chromium.Ask[string](tab, `document.body.dataset.stale`) != "no" {
		t.Error("the page is stale with a beat less than two seconds old")
	}
	chromium.Ask[bool](tab, `window.late = 3700, true`)
	tab.Until("the page is stale", `document.body.dataset.stale === "yes"`)
	if got := chromium.Ask[string](tab, `document.getElementById("live").textContent`); !strings.HasPrefix(got, "stale since ") {
		t.Errorf("live says %q, want since when the page is stale", got)
	}
	if got := chromium.Ask[string](tab, `getComputedStyle(document.querySelector("main")).filter`); !strings.Contains(got, "grayscale") {
		t.Errorf("a stale page is drawn with filter %q, want no colour left", got)
	}
}

// Every control is reached with Tab, shows that it is, and does its work with the keyboard alone.
func TestKeyboardIsEnough(t *testing.T) {
	tab, _ := look(t, sampleSource(false))
	tab.Press(kb.Tab)
	if got := focused(tab); got != "Skip to the page" {
		t.Fatalf("first stop is %q, want the way past the navigation", got)
	}
	var stops []string
	for range 60 {
		if chromium.Ask[string](tab, `getComputedStyle(document.activeElement).outlineStyle`) == "none" {
			t.Errorf("%q shows no focus", focused(tab))
		}
		stops = append(stops, focused(tab))
		tab.Press(kb.Tab)
		if chromium.Ask[bool](tab, `document.activeElement === document.body`) {
			break
		}
	}
	for _, want := range []string{"Traffic", "Database", "Attacks", "Tunnel", "Alerts", "Checks", "Switch between dark and light", "Copy report", "24 h", "17 in 24 h"} {
		if !slices.ContainsFunc(stops, func(s string) bool { return strings.Contains(s, want) }) {
			t.Errorf("Tab never reaches %q; it stops at %q", want, stops)
		}
	}
	for range 60 {
		tab.Press(kb.Tab)
		if focused(tab) == "Attacks" {
			break
		}
	}
	tab.Press(kb.Enter)
	tab.Until("Enter on a link opens its page", `document.title.endsWith("attacks") && document.activeElement.id === "main"`)
	tab.Until("the release button is there", `[...document.querySelectorAll("button")].some((b) => b.textContent === "Release")`)
}

// focused is the name of what has the focus.
func focused(tab *chromium.Tab) string {
	return chromium.Ask[string](tab, `(document.activeElement.getAttribute("aria-label") || document.activeElement.textContent).trim().slice(0, 60)`)
}

func TestManyReadersOfAPageCostOneView(t *testing.T) {
	var made atomic.Int64
	source := sampleSource(false)
	view := source.View
	source.View = func(name string) (View, bool) { made.Add(1); return view(name) }
	page := New(source)
	page.every = time.Hour
	server := httptest.NewServer(page.Handler())
	defer server.Close()
	for range 20 {
		answer, err := http.Get(server.URL + "/api/page/view?page=overview")
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("got %v, %v", answer, err)
		}
		answer.Body.Close()
	}
	if n := made.Load(); n > 2 {
		t.Errorf("20 readers within a beat made %d views, want one and one look whether there is such a page", n)
	}
	answer, err := http.Get(server.URL + "/api/page/view?page=nosuch")
	if err != nil || answer.StatusCode != http.StatusNotFound {
		t.Errorf("unknown page: got %v, %v, want 404", answer, err)
	}
	answer.Body.Close()
}

func TestNinthStreamIsRefusedAndAStreamGoesOnWhereItWas(t *testing.T) {
	page := New(sampleSource(false))
	server := httptest.NewServer(page.Handler())
	defer server.Close()
	defer page.Close()
	follow := func(lastID string) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/api/page/stream", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Last-Event-ID", lastID)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { answer.Body.Close() })
		return answer
	}
	for i := range maxStreams {
		first := make([]byte, len("id: 42\n"))
		if _, err := io.ReadFull(follow("41").Body, first); err != nil || string(first) != "id: 42\n" {
			t.Fatalf("stream %d begins with %q, %v; want the event after 41", i, first, err)
		}
	}
	if got := follow(""); got.StatusCode != http.StatusServiceUnavailable || got.Header.Get("Retry-After") == "" {
		t.Errorf("one stream more: got %d, Retry-After %q, want 503 with it", got.StatusCode, got.Header.Get("Retry-After"))
	}
}
