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
