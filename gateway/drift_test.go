package gateway

import (
	"testing"
	"time"

	"sallyport/gateway/preflight"
)

func TestDriftIsToldWhenItBeginsAndWhenItIsOver(t *testing.T) {
	g, err := New(settings("http://127.0.0.1:1"), Parts{})
	if err != nil {
		t.Fatal(err)
	}
	first := time.Unix(1700000000, 0).UTC()
	fact := preflight.Fact{Fact: "one owner per port", Declared: "one", Observed: "two", Since: first}
	g.noteDrift([]preflight.Fact{fact})
	fact.Since = first.Add(driftEvery)
	g.noteDrift([]preflight.Fact{fact})
	if d := g.driftPart(); d.Count != 1 || !d.Items[0].Since.Equal(first) {
		t.Errorf("drift: got %+v, want one since it was first seen", d)
	}
	if c := g.checkDrift(); c.Status != degraded {
		t.Errorf("health: got %s, want degraded", c.Status)
	}
	g.noteDrift(nil)
	kinds := ""
	for _, e := range g.journal.Newest(10) {
		kinds += e.Kind + " "
	}
	if kinds != "drift-resolved drift " || g.driftPart().Count != 0 {
		t.Errorf("events: got %q, want one begin and one end", kinds)
	}
}
