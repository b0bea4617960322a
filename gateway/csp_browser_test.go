package gateway

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"sallyport/config"
	"sallyport/gateway/dashboard/chromium"
)

// outward is an app whose page needs more than the reported policy allows: an image of another origin, a font in a data URL and
// a worker from a blob.
func outward(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, `<!doctype html><title>shop</title><link rel="stylesheet" href="/a.css"><script src="/a.js" defer></script><p>shop</p><img src="https://img.shop.example/x.png" alt="">`)
	case "/a.css":
		w.Header().Set("Content-Type", "text/css")
		_, _ = io.WriteString(w, `@font-face { font-family: small; src: url(data:font/woff2;base64,d09GMg==) } p { font-family: small }`)
	case "/a.js":
		w.Header().Set("Content-Type", "text/javascript")
		_, _ = io.WriteString(w, `new Worker(URL.createObjectURL(new Blob(["postMessage(1)"], {type: "text/javascript"}))).onmessage = () => document.title = "works"`)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func TestSuggestedPolicyIsWhatABrowserNeeds(t *testing.T) {
	h := open(t, outward, func(c *config.Config) { c.Environment = "development" }) // without https browsers report by report-uri alone
	tab := chromium.Open(t)
	tab.Go("http://" + h.at.HTTP + "/")
	tab.Until("the page's script ran", `document.title === "works"`)
	tab.Go("about:blank") // reports are sent when the page is left
	var a cspAnswer
	want := []string{"font-src data:", "img-src https://img.shop.example", "worker-src blob:"}
	eventually(t, "three violations are reported", func() bool {
		h.get("admin", "/api/hardening/csp?all=1").json(t, &a)
		return len(a.Violations) >= 3
	})
	for _, w := range want {
		if !strings.Contains(strings.Join(a.Suggestion.Added, "\n"), w) {
			t.Errorf("added: got %q, want %q among it", a.Suggestion.Added, w)
		}
	}
	enforced := open(t, outward, func(c *config.Config) {
		c.HTTP.Door.CSP.Policy, c.HTTP.Door.CSP.ReportOnly = a.Suggestion.Policy, a.Suggestion.Policy
	})
	tab = chromium.Open(t)
	tab.Go("http://" + enforced.at.HTTP + "/")
	tab.Until("the page works under the suggested policy, enforced", `document.title === "works"`)
	if said := tab.Complaints("http://" + enforced.at.HTTP); strings.Contains(strings.Join(said, "\n"), "Content Security Policy") {
		t.Errorf("under the suggested policy: got %q, want no violation", said)
	}
}
