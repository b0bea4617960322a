package gateway

import (
	"fmt"
	"testing"

	"sallyport/dbguard"
)

func TestStatementsAreToldByTheRouteThatAsksThem(t *testing.T) {
	h, _, _ := both(t)
	for i := range 5 {
		h.get("http", fmt.Sprintf("/products/%d?q=apple", i))
	}
	h.get("http", "/search?q=pear")
	var a databaseAnswer
	h.get("admin", "/api/hardening/database").json(t, &a)
	for _, q := range a.TopQueries {
		if len(q.Routes) == 2 && q.Routes[0].Route == "GET /products/*" && q.Routes[1].Route == "GET /search" && q.Routes[0].Share > 0.8 {
			return
		}
	}
	t.Errorf("top queries are %+v, want one of GET /products/* (5 of 6) and GET /search", a.TopQueries)
}

func TestNobodyIsNamedWhileSeveralAreInside(t *testing.T) {
	var a asking
	report := dbguard.Report{Verdict: &dbguard.Verdict{}}
	first := a.enter(&visit{"GET", "/a"})
	second := a.enter(&visit{"GET", "/b"})
	a.onReport(report)
	a.leave(first)
	a.onReport(report)
	third := a.enter(&visit{"GET", "/c"})
	a.leave(second)
	a.onReport(report)
	a.leave(third)
	a.onReport(report)
	for _, got := range a.shares() {
		if fmt.Sprint(got) != "[{GET /b 0.5} {GET /c 0.5}]" {
			t.Errorf("got %v, want /b and /c, each while it was alone", got)
		}
	}
	if len(a.shares()) != 1 {
		t.Errorf("%d statements are known, want 1", len(a.shares()))
	}
}

func TestRouteNamesAreBoundedAndHoldNothingTyped(t *testing.T) {
	for path, want := range map[string]string{
		"/": "GET /", "/api/v1/products": "GET /api/v1/products", "/users/42/orders": "GET /users/*/orders",
		"/u/3f2a9c04-1111-4000-8000-000000000000": "GET /u/*", "/a'or'1/x": "GET /*/x", "/a/b/c/d/e/f/g/h/i/j": "GET /a/b/c/d/e/f/g/h/…",
	} {
		if got := routeName("GET", path); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

func BenchmarkAskingStage(b *testing.B) {
	var a asking
	for b.Loop() {
		a.leave(a.enter(&visit{"GET", "/products/1"}))
	}
}
