// Package replica keeps in Redis what replicas of the gateway must know of each other: holds, learned statements, and who there is.
package replica

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/gomodule/redigo/redis"

	"sallyport/middleware"
)

const (
	// Every is the pause between two exchanges.
	Every = 500 * time.Millisecond
	// ApartAfter is how long exchanges must fail before what others know counts as unknown.
	ApartAfter = 2 * time.Second
	// maxPending bounds changes and statements that wait for a store that is down; the oldest give way.
	maxPending = 10_000
)

// Holds are the clients under sentence as one replica knows them.
type Holds interface {
	// Changes returns what changed here since the call before, All every hold; Replace takes what all replicas hold.
	Changes() []middleware.HoldChange
	All() []middleware.HoldChange
	Replace(all []middleware.Hold)
}

// Statements are structures that the app is known to send, each as a text without literals.
type Statements interface {
	// News returns those that became known since the call before, the first time all; Texts returns all.
	News() []string
	Texts() []string
	// Learn takes what another replica knows. It must judge it as if a stranger sent it.
	Learn(texts []string)
}

// Link is one replica's end. It must be used by one goroutine at a time.
type Link struct {
	pool   *redis.Pool
	prefix string
	// holds is never nil; statements is nil where there is no database door.
	holds      Holds
	statements Statements
	self       Member

	changes []middleware.HoldChange // not told to the store yet
	texts   []string                // likewise
	heard   heard
}

// heard is how far this replica has read.
type heard struct {
	holdsEpoch, statementsEpoch string // name a store's life: another one means that it lost what it had
	version                     int64  // of the holds
	last                        int64  // statement
}

// NewLink returns an end that has exchanged nothing. self is shown to the others; its ID is made here.
func NewLink(pool *redis.Pool, prefix string, holds Holds, statements Statements, self Member) *Link {
	self.ID = rand.Text()[:10]
	return &Link{pool: pool, prefix: prefix, holds: holds, statements: statements, self: self}
}

// Exchange tells the store what is new here and takes what is new there; it returns who there is, this replica among them. On an error
// what was to be told is told with the next call.
func (l *Link) Exchange(ctx context.Context) ([]Member, error) {
	err := l.exchangeHolds(ctx)
	if l.statements != nil {
		err = errors.Join(err, l.exchangeStatements(ctx))
	}
	members, failed := l.exchangeMembers(ctx)
	if err = errors.Join(err, failed); err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	return members, nil
}

// run runs a script on the key of that name and returns its answer.
func (l *Link) run(ctx context.Context, script *redis.Script, key string, args ...any) (any, error) {
	c, err := l.pool.GetContext(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close() //nolint:errcheck // it goes back to the pool, or is broken and was told of
	return script.DoContext(ctx, c, append([]any{l.prefix + key}, args...)...)
}

// newest returns the last n of all.
func newest[T any](all []T, n int) []T {
	if len(all) > n {
		return all[len(all)-n:]
	}
	return all
}
