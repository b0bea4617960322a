package gateway

// Ticks counts the rounds of each loop that must never stand still while the gateway runs; each does at least one a second. The
// pulse's round takes every part's lock once, so that a part that hangs with its lock held stops it too.
type Ticks struct{ Pulse, App, Database uint64 }

// Ticks returns the counts of now; Database is 0 where there is no database to guard.
func (g *Gateway) Ticks() Ticks {
	t := Ticks{Pulse: g.beats.Load(), App: g.current.Load().app.Sweeps()}
	if g.database != nil {
		t.Database = g.database.door.Sweeps()
	}
	return t
}

// Stalled names the loops that made no round between two looks, of which t is the later one; a loop that is not there has 0 twice.
func (t Ticks) Stalled(before Ticks) []string {
	var names []string
	for _, l := range []struct {
		name        string
		before, now uint64
	}{{"pulse", before.Pulse, t.Pulse}, {"app", before.App, t.App}, {"database door", before.Database, t.Database}} {
		if l.now == l.before && l.now != 0 {
			names = append(names, l.name)
		}
	}
	return names
}
