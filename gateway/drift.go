package gateway

import (
	"context"
	"os"
	"slices"
	"sync"
	"time"

	"sallyport/gateway/journal"
	"sallyport/gateway/preflight"
)

// driftEvery is how often the declared facts are compared with what is.
const driftEvery = 30 * time.Second

// drift is what the last look found.
type drift struct {
	mu    sync.Mutex // guards items
	items []driftItem
}

// watchDrift compares what is declared with what is, at once and then regularly, until ctx ends.
func (g *Gateway) watchDrift(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		g.log.Warn("drift", "error", err) // our own listeners are then told by the usual name
	}
	tick := time.NewTicker(driftEvery)
	defer tick.Stop()
	for {
		site := preflight.Site{Config: g.bound(g.current.Load().cfg), Self: self, Now: g.clock}
		if asked, err := g.site(); err == nil {
			site.Instance = asked.Instance // it knows the tunnel's rules in force
		}
		facts, err := preflight.Drift(ctx, site)
		if err != nil && ctx.Err() == nil {
			g.log.Warn("drift", "error", err)
		}
		if ctx.Err() == nil {
			g.noteDrift(facts)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// noteDrift keeps facts, with the time at which each was first seen, and writes down what is new and what is over.
func (g *Gateway) noteDrift(facts []preflight.Fact) {
	g.drift.mu.Lock()
	before := g.drift.items
	now := make([]driftItem, 0, len(facts))
	var begun []driftItem
	for _, f := range facts {
		item := driftItem(f)
		if i := slices.IndexFunc(before, item.same); i >= 0 {
			item.Since = before[i].Since
		} else {
			begun = append(begun, item)
		}
		now = append(now, item)
	}
	g.drift.items = now
	g.drift.mu.Unlock()
	for _, d := range begun {
		g.journal.Add(journal.Event{
			Door: "process", Kind: "drift", Severity: journal.Warning, Summary: "Not as declared: " + d.Fact + ": " + clip(d.Observed, 300) + ".",
			Detail: map[string]string{"declared": clip(d.Declared, 200), "source": d.Source},
		})
	}
	if len(before) > 0 && len(now) == 0 {
		g.journal.Add(journal.Event{Door: "process", Kind: "drift-resolved", Summary: "Everything is as declared again."})
	}
}

// same reports whether other is the same finding, whenever it was seen.
func (d driftItem) same(other driftItem) bool {
	return d.Fact == other.Fact && d.Declared == other.Declared && d.Observed == other.Observed
}

// driftPart are the declared facts that are not so, and the settings that wait for a restart.
func (g *Gateway) driftPart() driftPart {
	g.drift.mu.Lock()
	items := append([]driftItem{}, g.drift.items...)
	g.drift.mu.Unlock()
	items = append(items, g.reloads.drifted()...)
	return driftPart{len(items), items}
}
