package middleware

import (
	"net/http"
	"strings"
	"testing"
)

func TestExplainTellsEachDecisionWithItsSetting(t *testing.T) {
	st := NewState(nil)
	s := Defaults()
	s.RateLimit.Policies = []Policy{{Name: "login", Path: "/login", Requests: 1, Per: s.RateLimit.Per}}
	e := engine(t, s, Parts{State: st}, ok)
	first := call(e, http.MethodGet, "/login?token=hunter2")
	second := call(e, http.MethodGet, "/login", "X-Real-Ip", "6.6.6.6")
	asset := call(e, http.MethodGet, "/a.css")

	got, found := st.Explain(first.Header.Get("X-Request-Id"))
	if !found || got.Client != "203.0.113.7" || got.Status != 200 || got.Path != "/login" || got.Method != "GET" {
		t.Fatalf("got %+v, %v, want the first request", got, found)
	}
	wantDecision(t, got, stageClient, "client_ip.header", "named")
	wantDecision(t, got, stageHeaders, "headers", "strict")
	wantDecision(t, got, stageRateLimit, "rate_limit.policies[0]", "within the budget (policy login, 0 left of 1)")

	got, _ = st.Explain(second.Header.Get("X-Request-Id"))
	wantDecision(t, got, stageClient, "client_ip.trust", "forged")
	wantDecision(t, got, stageRateLimit, "rate_limit.policies[0]", "refused")
	if got.Refused != stageRateLimit || got.Status != http.StatusTooManyRequests {
		t.Errorf("got %+v, want a refusal by the rate limit", got)
	}
	got, _ = st.Explain(asset.Header.Get("X-Request-Id"))
	wantDecision(t, got, stageRateLimit, "rate_limit.exempt_assets", "costs nothing")
	if _, found := st.Explain("0123456789abcdef0123456789abcdef"); found {
		t.Error("an unknown id was explained")
	}
}

func wantDecision(t *testing.T, e Explanation, stage, setting, verdict string) {
	t.Helper()
	for _, d := range e.Decisions {
		if d.Stage == stage && d.Setting == setting && strings.Contains(d.Verdict, verdict) {
			return
		}
	}
	t.Errorf("no decision of %s by %q says %q in %+v", stage, setting, verdict, e.Decisions)
}

func TestRefusalsAreRememberedThroughABusyMinute(t *testing.T) {
	st := NewState(nil)
	s := Defaults()
	s.BodyMax = 1
	e := engine(t, s, Parts{State: st}, ok)
	st.Holds.Hold("203.0.113.9", st.Holds.now().Add(1<<40), "x")
	refused := call(e, http.MethodGet, "/", "Cf-Connecting-Ip", "203.0.113.9").Header.Get("X-Request-Id")
	for range 3 * rememberedRequests {
		call(e, http.MethodGet, "/a.css")
	}
	if _, found := st.Explain(refused); !found {
		t.Error("the refusal was forgotten")
	}
	if got := len(st.records.requests.all); got != rememberedRequests {
		t.Errorf("got %d requests remembered, want %d", got, rememberedRequests)
	}
}
