package gateway

import (
	"errors"
	"strings"
	"testing"
	"time"

	"sallyport/dbguard"
	"sallyport/dbguard/screen"
	"sallyport/gateway/journal"
	"sallyport/gateway/tunnel"
	"sallyport/middleware"
)

// told is a narrator on a clock of its own.
type told struct {
	*narrator
	at time.Time
}

func narrated() *told {
	t := &told{at: time.Unix(1700000000, 0).UTC()}
	now := func() time.Time { return t.at }
	t.narrator = newNarrator(journal.New(journal.Options{Clock: now}), middleware.NewHolds(now), now)
	t.trust([]string{"127.0.0.0/8", "::1"})
	return t
}

func (t *told) kinds() string {
	var k []string
	for _, e := range t.journal.Newest(100) {
		k = append(k, e.Kind)
	}
	return strings.Join(k, " ")
}

func TestFloodIsOneEventAClientAndMinute(t *testing.T) {
	n := narrated()
	for range 300 {
		for range 10 {
			for _, client := range []string{"192.0.2.1", "192.0.2.2"} {
				n.onRejection(middleware.Rejection{At: n.at, Stage: "rate-limit", Status: 429, Client: client, Path: "/x", Reason: "budget spent"})
			}
		}
		n.at = n.at.Add(time.Second)
		n.folds.sweep(n.at)
	}
	events := n.journal.Newest(100)
	if len(events) != 2*6 {
		t.Fatalf("events: got %d, want 6 for each of two clients: the first at once, then one a minute", len(events))
	}
	sum := 0
	for _, e := range events {
		if e.Kind != "rate-limited" {
			t.Errorf("kind: got %s, want rate-limited", e.Kind)
		}
		if e.Client == "192.0.2.1" && e.Detail["count"] == "600" {
			sum++
		}
	}
	if sum != 4 {
		t.Errorf("full minutes of one client: got %d with a count of 600, want 4\n%+v", sum, events)
	}
}

func TestFoldingIsBounded(t *testing.T) {
	n := narrated()
	for i := range maxFolded + 100 {
		n.folds.note(journal.Event{At: n.at, Kind: "k", Client: strings.Repeat("x", i%7) + string(rune(i))}, "")
	}
	if got := len(n.folds.open); got > maxFolded+1 {
		t.Errorf("keys: got %d, want at most %d", got, maxFolded+1)
	}
	n.at = n.at.Add(2 * foldFor)
	n.folds.sweep(n.at)
	n.at = n.at.Add(2 * foldFor)
	n.folds.sweep(n.at)
	if got := len(n.folds.open); got != 0 {
		t.Errorf("keys after silence: got %d, want none", got)
	}
}

// crossed is a report of a query refused because of a crossing.
func crossed(client, verdict string, ambiguous bool) dbguard.Report {
	v := &dbguard.Verdict{Skeleton: "select ?", Findings: []screen.Finding{{Rule: "cross-door", Crossing: &screen.Crossing{
		Request: "r1", Client: client, Route: "GET /search", Source: "query", Param: "q", Verdict: verdict, Ambiguous: ambiguous,
	}}}}
	return dbguard.Report{At: time.Unix(1700000000, 0), Client: dbguard.Client{Addr: "127.0.0.1:5"}, Verdict: v, Err: &dbguard.BlockedError{Rules: []string{"cross-door"}}}
}

func TestTwoConfirmedCrossingsHoldTheClientAndNobodyElse(t *testing.T) {
	for _, c := range []struct {
		name    string
		reports []dbguard.Report
		held    bool
	}{
		{"two confirmed", []dbguard.Report{crossed("192.0.2.1", "confirmed", false), crossed("192.0.2.1", "confirmed", false)}, true},
		{"one confirmed", []dbguard.Report{crossed("192.0.2.1", "confirmed", false)}, false},
		{"hard alone", []dbguard.Report{crossed("192.0.2.1", "hard", false), crossed("192.0.2.1", "hard", false), crossed("192.0.2.1", "hard", false)}, false},
		{"ambiguous", []dbguard.Report{crossed("192.0.2.1", "confirmed", true), crossed("192.0.2.1", "confirmed", true)}, false},
		{"two clients", []dbguard.Report{crossed("192.0.2.1", "confirmed", false), crossed("192.0.2.2", "confirmed", false)}, false},
		{"a trusted proxy", []dbguard.Report{crossed("127.0.0.1", "confirmed", false), crossed("127.0.0.1", "confirmed", false)}, false},
		{"a trusted proxy on IPv6", []dbguard.Report{crossed("::/64", "confirmed", false), crossed("::/64", "confirmed", false)}, false},
	} {
		n := narrated()
		for _, r := range c.reports {
			n.onReport(r)
		}
		if got := len(n.holds.List()) > 0; got != c.held {
			t.Errorf("%s: held is %v, want %v", c.name, got, c.held)
		}
	}
	n := narrated()
	n.onReport(crossed("192.0.2.1", "confirmed", false))
	n.at = n.at.Add(sentenceWindow + time.Second)
	n.onReport(crossed("192.0.2.1", "confirmed", false))
	if len(n.holds.List()) > 0 {
		t.Error("two crossings eleven minutes apart: held, want not")
	}
}

func TestPartsWordsBecomeEvents(t *testing.T) {
	n := narrated()
	v := &dbguard.Verdict{Skeleton: "select ?"}
	n.onReport(dbguard.Report{Verdict: v, Err: &dbguard.TooComplexError{}})
	n.onReport(dbguard.Report{Verdict: v, Err: &dbguard.CircuitOpenError{}})
	n.onReport(dbguard.Report{Verdict: v, Slow: true})
	n.onReport(dbguard.Report{Verdict: v})
	n.onReport(dbguard.Report{Verdict: v, Err: errors.New("its own fault")})
	n.onDatabaseBreaker(dbguard.BreakerChange{From: "closed", To: "open"})
	n.onAppBreaker("open", "closed")
	n.onIncident(tunnel.Incident{Cause: tunnel.RouteLost, Open: true, Severity: tunnel.Critical})
	n.onRejection(middleware.Rejection{Stage: "body-size", Status: statusClientGone})
	want := "tunnel-route-lost app-breaker-closed breaker-open query-slow query-unserved query-too-complex"
	if got := n.kinds(); got != want {
		t.Errorf("events: got %s, want %s", got, want)
	}
}

func TestBlockedQueryNamesTheRequestAndNoLiteral(t *testing.T) {
	n := narrated()
	n.onReport(crossed("192.0.2.1", "confirmed", false))
	e := n.journal.Newest(1)[0]
	if e.Kind != "cross-door" || e.Client != "192.0.2.1" || e.Request != "r1" || e.Detail["param"] != "q" || e.Detail["query"] != "select ?" {
		t.Errorf("event: got %+v, want the request, its client, the parameter and the masked query", e)
	}
}
