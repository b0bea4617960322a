package gateway

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/gomodule/redigo/redis"

	"sallyport/gateway/journal"
	"sallyport/gateway/replica"
)

// replicas is what this process knows of others of its kind, where rate_limit.store is redis.
type replicas struct {
	mu      sync.Mutex // guards what follows
	shared  bool       // the store is redis
	self    string
	members []replica.Member
	last    time.Time // of the last exchange that succeeded; of the first try before
	apart   bool
	err     error
}

// replicasAnswer is the state of the exchange between replicas.
type replicasAnswer struct {
	// Enabled is true where rate_limit.store is redis: then holds and learned statements are shared too.
	Enabled bool   `json:"enabled"`
	Self    string `json:"self"`
	// Apart is true while nothing has been heard of the others for two seconds.
	Apart        bool             `json:"apart"`
	LastExchange string           `json:"lastExchange"`
	Members      []replica.Member `json:"members"`
}

func (r *replicas) answer() replicasAnswer {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := replicasAnswer{Enabled: r.shared, Self: r.self, Apart: r.apart, Members: append([]replica.Member{}, r.members...)}
	if !r.last.IsZero() {
		a.LastExchange = r.last.UTC().Format(time.RFC3339)
	}
	return a
}

// shareWithReplicas exchanges holds and learned statements with the other replicas until ctx ends. A reload may change the store; then a
// new link begins.
func (g *Gateway) shareWithReplicas(ctx context.Context) error {
	tick := time.NewTicker(replica.Every)
	defer tick.Stop()
	var link *replica.Link
	var pool *redis.Pool
	for {
		link, pool = g.linkOf(link, pool)
		if link != nil {
			g.exchange(ctx, link)
		}
		select {
		case <-ctx.Done():
			if link != nil {
				leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
				_ = link.Leave(leaving) // the others notice in ten seconds all the same
				cancel()
			}
			return nil
		case <-tick.C:
		}
	}
}

// linkOf returns the link to the store that serves now, link itself where that is still the one of pool; nil where none is shared.
func (g *Gateway) linkOf(link *replica.Link, pool *redis.Pool) (*replica.Link, *redis.Pool) {
	s := g.current.Load().store
	if s == nil {
		if link != nil {
			g.replicas.alone()
			g.visitors.Holds.SetApart(false)
		}
		return nil, nil
	}
	now, prefix := s.Pool()
	at := g.Addresses()
	if now == pool && link.Self().HTTP == at.HTTP {
		return link, pool
	}
	host, _ := os.Hostname() // "" says as much
	var statements replica.Statements
	if g.database != nil {
		statements = g.database.guard
	}
	link = replica.NewLink(now, prefix, g.visitors.Holds, statements, replica.Member{Host: host, Version: g.parts.Version, HTTP: at.HTTP, Database: at.Database})
	g.replicas.begin(link.Self().ID, g.clock())
	return link, now
}

func (r *replicas) begin(self string, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shared, r.self, r.last = true, self, now
}

// alone forgets the others.
func (r *replicas) alone() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shared, r.self, r.members, r.apart, r.err, r.last = false, "", nil, false, nil, time.Time{}
}

// exchange tells and hears once, and says so where the replicas lose or find each other.
func (g *Gateway) exchange(ctx context.Context, link *replica.Link) {
	ctx, cancel := context.WithTimeout(ctx, replica.ApartAfter)
	defer cancel()
	members, err := link.Exchange(ctx)
	apart, turned := g.replicas.note(members, err, g.clock())
	g.visitors.Holds.SetApart(apart)
	switch {
	case !turned:
	case apart:
		g.journal.Add(journal.Event{Door: "http", Kind: "replicas-apart", Severity: journal.Critical,
			Summary: "Holds and learned statements are not shared with other replicas: " + clip(strings.ReplaceAll(err.Error(), "\n", "; "), 300) + "."})
	default:
		g.journal.Add(journal.Event{Door: "http", Kind: "replicas-joined", Severity: journal.Info, Summary: "Holds and learned statements are shared again."})
	}
}

// note keeps the outcome of one exchange. It reports whether the replicas are apart, and whether that is new.
func (r *replicas) note(members []replica.Member, err error, now time.Time) (apart, turned bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err = err; err == nil {
		r.members, r.last = members, now
	}
	apart = now.Sub(r.last) >= replica.ApartAfter
	turned, r.apart = apart != r.apart, apart
	return apart, turned
}

// checkReplicas is unwell while others may hold clients that this process does not know.
func (g *Gateway) checkReplicas() check {
	a := g.replicas.answer()
	if a.Apart {
		return check{degraded, "Nothing was heard of the other replicas since " + a.LastExchange + "."}
	}
	return check{healthy, fmt.Sprintf("%d replicas share holds and learned statements.", len(a.Members))}
}
