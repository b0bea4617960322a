package tunnel

import (
	"fmt"
	"slices"
	"time"
)

// probed is what came of a nonce sent through the public URL.
type probed struct {
	class   ProbeClass
	quote   string // what was answered, shortened and redacted
	foreign bool   // it reached us, but not by our own connector
	expires time.Time
}

const (
	routeWindow = 4  // probes
	routeLost   = 3  // of them without a route: lost
	shareWindow = 20 // probes
)

// causeOfClass maps what a probe found to the cause it speaks for; Reached and Inconclusive speak for none.
var causeOfClass = map[ProbeClass]Cause{
	ProbeOther: NotOurs, ProbeRouteLost: RouteLost, ProbeOrigin: OriginDown, ProbeDNS: PublicDNS, ProbeTLS: TLS,
	ProbeTimeout: Unreachable, ProbeDirect: Direct,
}

func (p probed) apply(t *turn) {
	p.certificate(t)
	if p.class == ProbeInconclusive || t.managed && t.ready == 0 {
		return
	}
	t.route = window(t.route, p.class == ProbeRouteLost, routeWindow)
	p.connectors(t)
	cause := causeOfClass[p.class]
	for _, c := range publicCauses {
		if c != cause {
			t.good(c)
		}
	}
	switch {
	case cause == "":
		t.routed = time.Time{}
	case cause == RouteLost:
		p.lost(t)
	default:
		t.bad(cause, p.class.sentence(p.quote), nil)
	}
	if t.doubtful() != "" {
		t.nextPublic = minTime(t.nextPublic, t.now.Add(t.hurry(t.public)))
	}
}

// lost restarts once for a lost route, and then again only after the retry interval: a restart that did not help will not help.
func (p probed) lost(t *turn) {
	f := t.find(RouteLost)
	if n := count(t.route, true); n < routeLost && (f == nil || !f.open) {
		if f == nil || f.seen < rowOf(RouteLost).confirm-1 {
			t.bad(RouteLost, p.class.sentence(p.quote), nil)
		}
		return
	}
	t.sure(RouteLost, p.class.sentence(p.quote), nil)
	if t.routed.IsZero() || t.now.Sub(t.routed) >= t.retry {
		if t.replace(RouteLost) {
			t.routed = t.now
		}
	}
}

// connectors watches the share of probes that somebody else's connector took. A foreign tag proves it; an answer of
// somebody else proves it only where it comes and goes, as one outage of our own looks the same.
func (p probed) connectors(t *turn) {
	if p.class != ProbeReached && p.class != ProbeOther {
		return
	}
	t.share = window(t.share, p.taker(), shareWindow)
	foreign, turns := 0, 0
	for i, who := range t.share {
		if who == byForeign {
			foreign++
		}
		if i > 0 && (who == byUs) != (t.share[i-1] == byUs) {
			turns++
		}
	}
	switch n := len(t.share) - count(t.share, byUs); {
	case foreign >= 2, turns >= 4:
		t.bad(Foreign, fmt.Sprintf("%d of %d probes were taken by another connector of this tunnel", n, len(t.share)), nil)
	case foreign == 0 && turns < 2:
		t.good(Foreign)
	}
}

// taker is who took a probe.
type taker byte

const (
	byUs taker = iota
	byForeign
	byOther
)

func (p probed) taker() taker {
	switch {
	case p.foreign:
		return byForeign
	case p.class == ProbeOther:
		return byOther
	}
	return byUs
}

// certificate warns of a public certificate that ends soon.
func (p probed) certificate(t *turn) {
	if p.expires.IsZero() {
		return
	}
	if left := p.expires.Sub(t.now); left > t.warn {
		t.good(CertExpiring)
	} else if left > 0 {
		t.bad(CertExpiring, fmt.Sprintf("the public certificate ends in %d days, on %s", int(left/(24*time.Hour)), p.expires.UTC().Format(time.DateOnly)), nil)
	}
}

// window appends v and keeps the newest n.
func window[T any](w []T, v T, n int) []T {
	w = append(w, v)
	return w[max(0, len(w)-n):]
}

func count[T comparable](w []T, v T) int {
	n := 0
	for _, x := range w {
		if x == v {
			n++
		}
	}
	return n
}

// order is what an operator asked for.
type order string

const (
	orderRestart order = "restart" // start beside, then stop the old: nothing is lost, nothing is spent
	orderHold    order = "hold"    // stop and stay stopped until release
	orderRelease order = "release"
	orderStop    order = "stop" // the gateway is going down
)

func (o order) apply(t *turn) {
	switch {
	case o == orderStop:
		t.enter(Stopping, "")
		if t.running && t.managed {
			t.do(doStop)
		}
	case !t.managed || t.phase == Stopping:
	case o == orderHold && t.heldFor != OperatorHold:
		if t.running {
			t.do(doStop)
		}
		t.sure(OperatorHold, t.who()+" is held by an operator until it is released", nil)
		t.holdFor(OperatorHold)
	case o == orderRelease && t.phase == Held:
		t.good(OperatorHold)
		t.heldFor = ""
		t.lookForNetwork()
	case o == orderRestart && t.running && slices.Contains([]Phase{Up, Degraded, Suspect}, t.phase):
		t.renew()
	}
}
