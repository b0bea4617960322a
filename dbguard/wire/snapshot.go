package wire

import (
	"maps"
	"slices"
	"time"
)

// Snapshot is what the door does at one moment.
type Snapshot struct {
	Pool PoolSnapshot
	// Clients are in the order in which they came.
	Clients []ClientSnapshot
}

// PoolSnapshot counts server connections: Active have a client, Idle none; Waiting clients have none.
type PoolSnapshot struct {
	Max, Active, Idle, Waiting int
	// Pinned of the active are tied to their client by state that cannot follow it.
	Pinned int
	// OldestHolder is the client that holds a connection longest, "user at ip:port"; "" where none does. OldestSince is since when.
	OldestHolder string
	OldestSince  time.Time
}

// ClientSnapshot is one client.
type ClientSnapshot struct {
	Addr, User, Database, Application string
	Since                             time.Time
	// State is "idle", "waiting" or "active", which means that it holds a server connection.
	State string
	// Pinned is what ties a server connection to it, "" where nothing does.
	Pinned string
}

// Snapshot tells what the door does now; the zero value before Run.
func (d *Door) Snapshot() Snapshot {
	x := d.running.Load()
	if x == nil {
		return Snapshot{}
	}
	return Snapshot{Pool: x.pool.snapshot(), Clients: x.clientSnapshots()}
}

func (x *proxy) clientSnapshots() []ClientSnapshot {
	x.mu.Lock()
	sessions := slices.Collect(maps.Values(x.keys))
	x.mu.Unlock()
	slices.SortFunc(sessions, func(a, b *session) int { return a.since.Compare(b.since) })
	all := make([]ClientSnapshot, len(sessions))
	for i, c := range sessions {
		all[i] = c.snapshot()
	}
	return all
}

func (p *pool) snapshot() PoolSnapshot {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := PoolSnapshot{
		Max: p.max, Active: len(p.links) - len(p.idle) + p.dialling, Idle: len(p.idle), Waiting: p.waiters.n, Pinned: int(p.pinned.Load()),
	}
	if since, user, addr := p.oldest(); !since.IsZero() {
		s.OldestHolder, s.OldestSince = user+" at "+addr, since
	}
	return s
}

func (s *session) snapshot() ClientSnapshot {
	c := ClientSnapshot{
		Addr: s.client.Addr, User: s.client.User, Database: s.client.Database, Application: s.client.Application, Since: s.since, State: "idle",
		Pinned: pins(s.pinned.Load()).String(),
	}
	switch {
	case s.waiting.Load() != nil:
		c.State = "waiting"
	case s.link.Load() != nil:
		c.State = "active"
	}
	return c
}
