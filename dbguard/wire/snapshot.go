package wire

import "time"

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
