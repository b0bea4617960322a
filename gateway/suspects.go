package gateway

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"sallyport/dbguard/screen"
)

// maxSuspects bounds the clients that are remembered, and showSuspects those that the API shows.
const (
	maxSuspects  = 10_000
	showSuspects = 50
)

// suspect is a client whose input was found in statements, with what it did last, as the API shows it.
type suspect struct {
	Client string `json:"client"`
	// Confirmed and Hard count statements with input of the client as structure, refused or, in observe, let through; Probes those that
	// PostgreSQL's parser did not understand while they held input of the client.
	Confirmed int       `json:"confirmed"`
	Hard      int       `json:"hard"`
	Probes    int       `json:"probes"`
	First     time.Time `json:"first"`
	Last      time.Time `json:"last"`
	// Route, Source, Param and Request are those of the last one.
	Route   string `json:"route"`
	Source  string `json:"source"`
	Param   string `json:"param"`
	Request string `json:"request"`

	caught time.Time // when the confirmed crossing came that the next one is held against
}

// suspects are clients by key. Any goroutine may call its methods.
type suspects struct {
	mu  sync.Mutex // guards all
	all map[string]*suspect
}

// note remembers what was found of c's client and reports whether it is held off for that: this is its second confirmed crossing within
// the window.
func (s *suspects) note(c *screen.Crossing, probe bool, now time.Time) (convicted bool) {
	if c.Client == "" || !probe && c.Verdict != "hard" && c.Verdict != "confirmed" {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.of(c.Client, now)
	one.Last, one.Route, one.Source, one.Param, one.Request = now.UTC(), c.Route, c.Source, c.Param, c.Request
	switch {
	case probe:
		one.Probes++
	case c.Verdict == "hard":
		one.Hard++
	case c.Verdict == "confirmed":
		one.Confirmed++
		if c.Ambiguous {
			return false
		}
		if !one.caught.IsZero() && now.Sub(one.caught) <= sentenceWindow {
			return true
		}
		one.caught = now
	}
	return false
}

// of returns client's entry; the caller holds mu. The one that was quiet longest makes room for a new one.
func (s *suspects) of(client string, now time.Time) *suspect {
	if one := s.all[client]; one != nil {
		return one
	}
	if s.all == nil {
		s.all = map[string]*suspect{}
	}
	if len(s.all) >= maxSuspects {
		s.makeRoom(now)
	}
	one := &suspect{Client: client, First: now.UTC()}
	s.all[client] = one
	return one
}

// makeRoom drops who was quiet for the window, or else somebody; the caller holds mu.
func (s *suspects) makeRoom(now time.Time) {
	for client, one := range s.all {
		if now.Sub(one.Last) > sentenceWindow {
			delete(s.all, client)
		}
	}
	for client := range s.all {
		if len(s.all) < maxSuspects {
			return
		}
		delete(s.all, client)
	}
}

// list returns those heard of last, newest first, never nil.
func (s *suspects) list() []suspect {
	s.mu.Lock()
	all := make([]suspect, 0, len(s.all))
	for _, one := range s.all {
		all = append(all, *one)
	}
	s.mu.Unlock()
	slices.SortFunc(all, func(a, b suspect) int { return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(a.Client, b.Client)) })
	return all[:min(len(all), showSuspects)]
}
