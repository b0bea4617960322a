package gateway

import (
	"fmt"
	"sync"

	"sallyport/middleware"
)

// namingMinutes is over how many minutes it is judged whether clients can be told apart, so that an alarm ends soon after its
// cause; namingLeast is below how many requests nothing is concluded.
const (
	namingMinutes = 10
	namingLeast   = 5
)

// names count how the peers of requests named their clients.
type names struct{ named, missing, bad, distrusted int64 }

func namesOf(v *middleware.State) names {
	return names{v.Named.Load(), v.MissingHeader.Load(), v.BadHeader.Load(), v.Distrusted.Load()}
}

// naming remembers the counts of the last minutes.
type naming struct {
	mu    sync.Mutex // guards marks
	marks []names    // oldest first, one a minute
}

// turn begins a new minute.
func (n *naming) turn(now names) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.marks = append(n.marks, now)
	if len(n.marks) > namingMinutes {
		n.marks = n.marks[len(n.marks)-namingMinutes:]
	}
}

// recent returns what was counted within the last minutes.
func (n *naming) recent(now names) names {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.marks) < namingMinutes {
		return now
	}
	old := n.marks[0]
	return names{now.named - old.named, now.missing - old.missing, now.bad - old.bad, now.distrusted - old.distrusted}
}

// checkIdentity raises the alarms of client identity: where a proxy stands in front and does not name clients, or is not
// believed, all visitors share one budget. Without a public name and a tunnel nobody need name them, and it is only said.
func (g *Gateway) checkIdentity() check {
	r, cfg := g.naming.recent(namesOf(g.visitors)), g.current.Load().cfg
	header := cfg.HTTP.Door.ClientIP.Header
	word := healthy
	if g.tunnel != nil || cfg.PublicURL != "" {
		word = degraded
	}
	switch {
	case r.many(r.missing):
		return check{word, fmt.Sprintf("%d of %d requests of trusted peers came without %s: their clients share one budget.", r.missing, r.missing+r.named, header)}
	case r.many(r.bad):
		return check{degraded, fmt.Sprintf("%d of %d requests of trusted peers had a %s that is no address: their clients share one budget.", r.bad, r.bad+r.named, header)}
	case r.many(r.distrusted):
		return check{word, fmt.Sprintf("%d requests came with %s from peers outside http.client_ip.trust: if one is your connector, its visitors share one budget.", r.distrusted, header)}
	}
	return check{healthy, "Clients are told apart."}
}

// many reports whether n requests are too many beside those that were named.
func (r names) many(n int64) bool { return n >= namingLeast && n*10 > r.named }
