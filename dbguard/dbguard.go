// Package dbguard guards SQL on its way to PostgreSQL: it screens, limits, times, breaks the circuit and counts, for the
// database door and, as a library, for Go programs.
package dbguard

import (
	"context"
	"time"

	"sallyport/dbguard/screen"
)

// Client is who sent a query, as far as the door knows.
type Client struct {
	// User and Database are those of the login; Application is application_name, "" where none was given.
	User, Database, Application string
	// Addr is the peer's address, "ip:port".
	Addr string
}

// Query is one text to be judged: the string of a Query or Parse message.
type Query struct {
	SQL    string
	Client Client
	// BackslashQuotes is true while the session has standard_conforming_strings off.
	BackslashQuotes bool
}

// Verdict is what screening says of a text; it may be kept and used for each execution of a prepared statement.
type Verdict struct {
	// Fingerprint identifies the text's structure, literals and parameters apart.
	Fingerprint screen.Fingerprint
	// Skeleton is the text with every literal as "?", at most 2 KB; safe to log and show.
	Skeleton string
	// Cost is the complexity (limit 1000 by default).
	Cost int
	// Findings are in order of appearance, nil where nothing was found.
	Findings []screen.Finding
	// Hints say whose statement it may be, in no order; nil for one of a known structure and where nobody can tell.
	Hints []screen.Crossing
	// Marked is Skeleton in pieces, with those marked that the weightiest finding points at; nil where nothing was found.
	Marked []screen.Piece
	// ReadOnly reports a single SELECT, SHOW, VALUES or TABLE without FOR UPDATE and without calls known to write: it may be retried.
	ReadOnly bool

	structure        *structure         // nil where nobody judged it
	exact            screen.Fingerprint // with each list as long as it is
	broken, empty    bool               // the scanner complains; there is no token
	weight, crossing int                // sums over the findings of the rules, and of the cross-door rules
	unlearned        int                // crossing without what rests on learned structures
}

// Report is what an observer hears of a query that ended or was refused.
type Report struct {
	At     time.Time
	Client Client
	// Verdict is never nil.
	Verdict *Verdict
	// Took is execution time, without pool wait; zero where refused.
	Took time.Duration
	// LockWait is the part of Took spent in waiting for locks of others, as far as it is known.
	LockWait time.Duration
	// Err is nil where the query succeeded; a *BlockedError, an ErrTooComplex or ErrCircuitOpen where it was refused.
	Err error
	// Slow reports Took without LockWait at or over the slow limit. Suspicious reports findings that did not refuse it.
	Slow, Suspicious bool
	// Incident is the id the client was told; "" where nothing was refused.
	Incident string
}

// Observer hears each report in the goroutine of the query; it must not block and must not keep Verdict.Findings.
type Observer func(Report)

// Admission is the two-step contract that both the wire door and Pool use.
type Admission interface {
	// Judge screens q and runs nothing. It returns a *BlockedError or an error wrapping ErrTooComplex where q is refused
	// (already counted and reported), and then a nil Verdict.
	Judge(q Query) (*Verdict, error)
	// Start counts one execution of v as running and returns its permit. It never blocks.
	Start(c Client, v *Verdict) *Permit
	// Admit is Judge, breaker, deadline and Start in one, for callers with a context.
	Admit(ctx context.Context, q Query) (context.Context, *Permit, error)
}
