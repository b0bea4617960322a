package dbguard

import (
	"slices"
	"sync"
	"time"

	"sallyport/dbguard/screen"
)

// keepRecent is how many slow and how many refused queries are remembered.
const keepRecent = 50

// SlowQuery is one query at or over the slow limit.
type SlowQuery struct {
	At          time.Time `json:"at"`
	Fingerprint string    `json:"fingerprint"`
	// Query is the statement with every literal as "?".
	Query string `json:"query"`
	// DurationMs is execution time, without waiting for a connection.
	DurationMs  float64 `json:"durationMs"`
	User        string  `json:"user"`
	Database    string  `json:"database"`
	Application string  `json:"application,omitempty"`
	Client      string  `json:"client,omitempty"`
	Failed      bool    `json:"failed"`
}

// BlockedQuery is one query that was refused.
type BlockedQuery struct {
	At          time.Time `json:"at"`
	Incident    string    `json:"incident"`
	SQLState    string    `json:"sqlState"`
	Rules       []string  `json:"rules"`
	Reasons     []string  `json:"reasons"`
	Fingerprint string    `json:"fingerprint"`
	// Query is the statement with every literal as "?".
	Query string `json:"query"`
	// Marked is Query in pieces; those are marked that the weightiest finding points at.
	Marked      []screen.Piece `json:"marked,omitempty"`
	Cost        int            `json:"cost"`
	User        string         `json:"user"`
	Database    string         `json:"database"`
	Application string         `json:"application,omitempty"`
	Client      string         `json:"client,omitempty"`
	// Crossing names the request whose bytes became SQL structure; with the verdict "traced" or "alone" the one that caused the statement,
	// though no bytes of it were found. Nil where nobody can tell.
	Crossing *CrossingView `json:"crossing,omitempty"`
}

// CrossingView is a screen.Crossing as the API shows it.
type CrossingView struct {
	Request string `json:"request"`
	Client  string `json:"client"`
	Route   string `json:"route"`
	Source  string `json:"source"`
	Param   string `json:"param"`
	// Length is that of the value in bytes, Hash a keyed one of it; values themselves are never shown.
	Length    int    `json:"length"`
	Hash      string `json:"hash"`
	Verdict   string `json:"verdict"`
	Ambiguous bool   `json:"ambiguous"`
}

// recent are the newest of both, oldest first.
type recent struct {
	mu      sync.Mutex // guards the fields below
	slow    []SlowQuery
	blocked []BlockedQuery
}

func (k *recent) addSlow(r *Report) {
	s := SlowQuery{
		At: r.At.UTC(), Fingerprint: short(r.Verdict.Fingerprint), Query: r.Verdict.Skeleton, DurationMs: ms(r.Took),
		User: r.Client.User, Database: r.Client.Database, Application: r.Client.Application, Client: r.Client.Addr, Failed: r.Err != nil,
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.slow = push(k.slow, s)
}

func (k *recent) addBlocked(r *Report) {
	v := r.Verdict
	b := BlockedQuery{
		At: r.At.UTC(), Incident: r.Incident, SQLState: sqlState(r.Err), Rules: v.rules(), Fingerprint: short(v.Fingerprint),
		Query: v.Skeleton, Marked: v.Marked, Cost: v.Cost, User: r.Client.User, Database: r.Client.Database, Application: r.Client.Application,
		Client: r.Client.Addr,
	}
	for i := range v.Findings {
		b.Reasons = append(b.Reasons, v.Findings[i].Reason)
		if c := v.Findings[i].Crossing; c != nil && b.Crossing == nil {
			b.Crossing = viewCrossing(c)
		}
	}
	if owner := v.Owner(); owner != nil && b.Crossing == nil {
		b.Crossing = viewCrossing(owner)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.blocked = push(k.blocked, b)
}

// Owner is the request that caused the statement though no bytes of it were found: the one whose trace it bears, or the only one in
// flight. Nil where nobody can tell.
func (v *Verdict) Owner() *screen.Crossing {
	for i := range v.Hints {
		if name := v.Hints[i].Verdict; name == "traced" || name == "alone" {
			return &v.Hints[i]
		}
	}
	return nil
}

func viewCrossing(c *screen.Crossing) *CrossingView {
	return &CrossingView{c.Request, c.Client, c.Route, c.Source, c.Param, c.Length, c.Hash, c.Verdict, c.Ambiguous}
}

// push appends and drops the oldest above keepRecent.
func push[T any](list []T, one T) []T {
	if len(list) >= keepRecent {
		list = slices.Delete(list, 0, 1)
	}
	return append(list, one)
}

// read returns both, newest first and never nil.
func (k *recent) read() ([]SlowQuery, []BlockedQuery) {
	k.mu.Lock()
	defer k.mu.Unlock()
	slow, blocked := append([]SlowQuery{}, k.slow...), append([]BlockedQuery{}, k.blocked...)
	slices.Reverse(slow)
	slices.Reverse(blocked)
	return slow, blocked
}

func (k *recent) clear() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.slow, k.blocked = nil, nil
}

// ms is d in milliseconds with three decimals.
func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
