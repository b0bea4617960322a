package gateway

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"sallyport/gateway/dashboard"
	"sallyport/gateway/journal"
)

func TestEveryPageIsDrawnFromTheRunningGateway(t *testing.T) {
	h := open(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	h.get("http", "/products")
	for name := range views {
		answer := h.get("admin", "/api/page/view?page="+name)
		var v dashboard.View
		if err := json.Unmarshal([]byte(answer.body), &v); err != nil || answer.status != http.StatusOK {
			t.Errorf("%s: got status %d, %v", name, answer.status, err)
			continue
		}
		if v.Page != name || v.Verdict.Title == "" || len(v.Panels) == 0 || len(v.Footer) == 0 {
			t.Errorf("%s: got %d panels, verdict %q, want a page with contents", name, len(v.Panels), v.Verdict.Title)
		}
	}
	if got := h.get("admin", "/api/page/view?page=nosuch").status; got != http.StatusNotFound {
		t.Errorf("unknown page: got %d, want 404", got)
	}
	if answer := h.get("admin", "/"); answer.status != http.StatusOK || !strings.Contains(answer.header.Get("Content-Security-Policy"), "trusted-types") {
		t.Errorf("page: got %d with policy %q", answer.status, answer.header.Get("Content-Security-Policy"))
	}
	if got := h.get("http", "/api/page/view").body; got != "" {
		t.Errorf("the HTTP door served the page's data: %q", got)
	}
}

func TestOverviewCountsWhatWasStopped(t *testing.T) {
	h := open(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	h.journal.Add(journal.Event{Door: "http", Kind: "rate-limited", Severity: journal.Warning, Client: "203.0.113.7", Summary: "<img src=x onerror=1> was refused."})
	h.journal.Add(journal.Event{Door: "process", Kind: "started", Summary: "Not a refusal."})
	p := h.stoppedPanel(6)
	if len(p.Stopped) != 1 || p.Stopped[0].Title != "<img src=x onerror=1> was refused." || p.Note != "1 in 24 h" {
		t.Errorf("got %+v with note %q, want the refusal alone, as it stands", p.Stopped, p.Note)
	}
}

func TestVerdictNamesWhatIsWrong(t *testing.T) {
	h := open(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	h.serving.Store(false)
	defer h.serving.Store(true)
	if v := h.verdict(h.judge()); v.State != dashboard.Bad || !strings.Contains(v.Title+v.Text, h.checkDoors().Reason[:10]) {
		t.Errorf("got %+v, want the closed doors named", v)
	}
}

// Every action of the page is one of the admin API's: none may be asked for by a page of another site, whatever the browser says.
func TestNoActionIsOpenToOtherSites(t *testing.T) {
	h := open(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	before := h.kinds()
	for _, r := range h.adminPosts() {
		for _, headers := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"}} {
			if got := h.do("admin", http.MethodPost, r.path, strings.NewReader("{}"), headers...); got.status != http.StatusForbidden {
				t.Errorf("POST %s with %v: got %d %s, want 403", r.path, headers, got.status, got.body)
			}
		}
	}
	if after := h.kinds(); after != before {
		t.Errorf("events: got %q after %q, want nothing done", after, before)
	}
}

// What a view offers as a button must be there.
func TestEveryActionOnAPageExists(t *testing.T) {
	h := open(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	known := map[string]bool{}
	for _, r := range h.adminPosts() {
		known[r.path] = true
	}
	for name := range views {
		v, _ := h.view(name)
		actions := v.Actions
		for _, p := range v.Panels {
			actions = append(actions, p.Actions...)
			if p.Table != nil {
				actions = append(actions, p.Table.RowActions...)
			}
		}
		for _, a := range actions {
			if !known[a.Path] {
				t.Errorf("%s offers %q at %s, which nothing answers", name, a.Label, a.Path)
			}
		}
	}
}
