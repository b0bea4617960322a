package gateway

import (
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"sallyport/dbguard"
	"sallyport/dbguard/screen"
)

func TestStatementsThatTheParserRefusesAreProbesOfTheClientWhoseInputTheyHold(t *testing.T) {
	held := screen.Crossing{Request: "r1", Client: "192.0.2.1", Route: "GET /search", Source: "query", Param: "q", Verdict: "contained"}
	passed := func(code string, hints ...screen.Crossing) dbguard.Report {
		return dbguard.Report{Verdict: &dbguard.Verdict{Skeleton: "select ?", Hints: hints}, Err: &pgconn.PgError{Code: code}}
	}
	n := narrated()
	for range 3 {
		n.onReport(passed("42601", held))
	}
	n.onReport(passed("42P01", held))                                                   // a table that is not there
	n.onReport(passed("42601"))                                                         // no input in it
	n.onReport(passed("42601", screen.Crossing{Client: "192.0.2.2", Verdict: "alone"})) // likewise
	all := n.suspects.list()
	if len(all) != 1 || all[0].Client != "192.0.2.1" || all[0].Probes != 3 || all[0].Route != "GET /search" || all[0].Param != "q" || all[0].Confirmed != 0 {
		t.Errorf("suspects: got %+v, want one client with 3 probes, its route and parameter", all)
	}
	if len(n.holds.List()) != 0 {
		t.Error("a client is held for probes, want nobody")
	}
	if got := n.kinds(); got != "sql-probe" {
		t.Errorf("events: got %s, want one sql-probe", got)
	}
}

func TestBothClientsThatCarryTheSameConfirmedBytesAreNamedAndHeld(t *testing.T) {
	both := crossed("192.0.2.1", "confirmed", false)
	both.Verdict.Findings = append(both.Verdict.Findings, crossed("192.0.2.2", "confirmed", false).Verdict.Findings...)
	n := narrated()
	n.onReport(both)
	n.onReport(both)
	if got := len(n.holds.List()); got != 2 {
		t.Errorf("held: got %d, want both", got)
	}
	events := n.journal.Newest(10)
	if got := events[len(events)-1].Detail["candidates"]; got != "192.0.2.2 GET /search q" {
		t.Errorf("candidates: got %q, want the second client with its route and parameter", got)
	}
}

func TestObserveNamesTheClientAndHoldsNobody(t *testing.T) {
	n := narrated()
	r := crossed("192.0.2.1", "confirmed", false)
	r.Err, r.Suspicious = nil, true
	for range 3 {
		n.onReport(r)
	}
	if all := n.suspects.list(); len(all) != 1 || all[0].Confirmed != 3 || len(n.holds.List()) != 0 {
		t.Errorf("got suspects %+v and %d holds, want 3 confirmed and nobody held", all, len(n.holds.List()))
	}
	if e := n.journal.Newest(1)[0]; e.Client != "192.0.2.1" || e.Detail["param"] != "q" {
		t.Errorf("event: got %+v, want the client and the parameter", e)
	}
}

func TestARefusedStatementWithoutInputNamesTheOnlyRequestInFlight(t *testing.T) {
	n := narrated()
	v := &dbguard.Verdict{Skeleton: "select ?", Hints: []screen.Crossing{{Request: "r1", Client: "192.0.2.1", Route: "GET /me", Verdict: "alone"}}}
	for range 3 {
		n.onReport(dbguard.Report{Verdict: v, Err: &dbguard.BlockedError{Rules: []string{"tautology"}}})
	}
	e := n.journal.Newest(1)[0]
	if e.Kind != "query-blocked" || e.Client != "192.0.2.1" || e.Detail["route"] != "GET /me" || e.Detail["verdict"] != "alone" {
		t.Errorf("event: got %+v, want the only request in flight named", e)
	}
	if len(n.suspects.list())+len(n.holds.List()) != 0 {
		t.Error("the client is a suspect or held, want neither: it may be somebody else's input, stored before")
	}
}

func TestSuspectsAreBounded(t *testing.T) {
	var s suspects
	now := time.Unix(1700000000, 0)
	for i := range maxSuspects + 50 {
		s.note(&screen.Crossing{Client: strconv.Itoa(i), Verdict: "hard"}, false, now)
	}
	if got := len(s.all); got > maxSuspects {
		t.Errorf("remembered: got %d, want at most %d", got, maxSuspects)
	}
	if got := len(s.list()); got != showSuspects {
		t.Errorf("shown: got %d, want %d", got, showSuspects)
	}
}
