package gateway

import (
	"net/netip"
	"sync"
	"time"

	"sallyport/dbguard/screen"
	"sallyport/gateway/journal"
	"sallyport/middleware"
)

// A client whose input became SQL twice within sentenceWindow, each time confirmed, is held off for sentenceFor.
const (
	sentenceWindow = 10 * time.Minute
	sentenceFor    = 10 * time.Minute
)

// narrator turns the parts' own words into journal events, and convictions into holds. Any goroutine may call it.
type narrator struct {
	journal *journal.Journal
	folds   *folding
	holds   *middleware.Holds
	now     func() time.Time

	suspects suspects

	mu      sync.Mutex     // guards trusted
	trusted []netip.Prefix // never held: they stand for many clients
}

func newNarrator(j *journal.Journal, holds *middleware.Holds, now func() time.Time) *narrator {
	return &narrator{journal: j, folds: newFolding(j.Add), holds: holds, now: now}
}

// trust says which networks are proxies; they are never held.
func (n *narrator) trust(networks []string) {
	var trusted []netip.Prefix
	for _, s := range networks {
		if p, err := netip.ParsePrefix(s); err == nil {
			trusted = append(trusted, p)
		} else if a, err := netip.ParseAddr(s); err == nil {
			trusted = append(trusted, netip.PrefixFrom(a, a.BitLen()))
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.trusted = trusted
}

// suspect remembers what was found of c's client, and holds the client where this is its second confirmed crossing within the window
// and nobody else may have sent it.
func (n *narrator) suspect(c *screen.Crossing, probe bool) {
	now := n.now()
	if !n.suspects.note(c, probe, now) || n.isTrusted(c.Client) {
		return
	}
	n.holds.Hold(c.Client, now.Add(sentenceFor), "its input became SQL twice within ten minutes")
	n.journal.Add(journal.Event{
		At: now, Door: "http", Kind: "client-held", Severity: journal.Critical, Client: c.Client, Request: c.Request,
		Summary: c.Client + " is held off for ten minutes: its input became SQL twice.", Detail: map[string]string{"route": c.Route, "param": c.Param},
	})
}

// isTrusted reports whether the client key stands for a trusted proxy.
func (n *narrator) isTrusted(client string) bool {
	a, err := netip.ParseAddr(client)
	if err != nil {
		p, err := netip.ParsePrefix(client)
		if err != nil {
			return true // not an address: nobody in particular
		}
		a = p.Addr()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range n.trusted {
		if p.Contains(a) || (a.Is6() && p.Addr().Is6() && netip.PrefixFrom(a, 64).Overlaps(p)) {
			return true
		}
	}
	return false
}
