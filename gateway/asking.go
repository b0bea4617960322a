package gateway

import (
	"cmp"
	"encoding/hex"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gin-gonic/gin"

	"sallyport/dbguard"
	"sallyport/dbguard/screen"
)

// asking tells which routes a statement comes from. It learns that from moments at which exactly one request is inside: whatever
// is asked then is asked for that one. Moments with more are left out, since they would blame the wrong ones.
type asking struct {
	sole atomic.Pointer[visit] // the only request inside; nil where there is none or more than one

	mu     sync.Mutex // guards what follows
	visits []*visit   // by slot; nil where a slot is free
	free   []int
	inside int
	slots  int // XOR of the slots in use: the slot itself where it is the only one
	routes map[screen.Fingerprint]*routeCounts
}

// visit is one request inside.
type visit struct{ method, path string }

// maxStructures and maxRoutes bound what is remembered: statements, and routes of one.
const (
	maxStructures = 2000
	maxRoutes     = 8
)

// routeCounts counts the statements that each route asked; others are those beyond maxRoutes.
type routeCounts struct {
	names  []string
	counts []uint64
	others uint64
}

// stage notes who is inside.
func (a *asking) stage(c *gin.Context) {
	slot := a.enter(&visit{c.Request.Method, c.Request.URL.Path})
	defer a.leave(slot)
	c.Next()
}

func (a *asking) enter(v *visit) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	slot := len(a.visits)
	if n := len(a.free); n > 0 {
		slot, a.free = a.free[n-1], a.free[:n-1]
		a.visits[slot] = v
	} else {
		a.visits = append(a.visits, v)
	}
	a.inside++
	a.slots ^= slot
	a.settle()
	return slot
}

func (a *asking) leave(slot int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.visits[slot], a.free = nil, append(a.free, slot)
	a.inside--
	a.slots ^= slot
	a.settle()
}

// settle finds the only request inside; the caller holds mu.
func (a *asking) settle() {
	if a.inside == 1 {
		a.sole.Store(a.visits[a.slots])
		return
	}
	a.sole.Store(nil)
}

// onReport counts a statement for the only request inside.
func (a *asking) onReport(r dbguard.Report) {
	v := a.sole.Load()
	if v == nil {
		return
	}
	name := routeName(v.method, v.path)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.routes == nil {
		a.routes = map[screen.Fingerprint]*routeCounts{}
	}
	n := a.routes[r.Verdict.Fingerprint]
	if n == nil {
		if len(a.routes) >= maxStructures {
			return
		}
		n = &routeCounts{}
		a.routes[r.Verdict.Fingerprint] = n
	}
	n.add(name)
}

func (n *routeCounts) add(name string) {
	for i := range n.names {
		if n.names[i] == name {
			n.counts[i]++
			return
		}
	}
	if len(n.names) == maxRoutes {
		n.others++
		return
	}
	n.names, n.counts = append(n.names, name), append(n.counts, 1)
}

// routeShare is a route with its part of the statements whose route is known, 0..1.
type routeShare struct {
	Route string  `json:"route"`
	Share float64 `json:"share"`
}

// shares returns the routes that statements come from by the fingerprint that people see, the most frequent first.
func (a *asking) shares() map[string][]routeShare {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := make(map[string][]routeShare, len(a.routes))
	for f, n := range a.routes {
		all[hex.EncodeToString(f[:8])] = n.shares()
	}
	return all
}

func (n *routeCounts) shares() []routeShare {
	sum := n.others
	for _, c := range n.counts {
		sum += c
	}
	all := make([]routeShare, len(n.names))
	for i, name := range n.names {
		all[i] = routeShare{name, float64(n.counts[i]) / float64(sum)}
	}
	slices.SortStableFunc(all, func(a, b routeShare) int { return cmp.Compare(b.Share, a.Share) })
	return all
}

// routeName is method and path with each segment that names one thing, not a kind of things, as "*": bounded in number, and
// without what a visitor typed.
func routeName(method, path string) string {
	var b strings.Builder
	b.WriteString(method + " ")
	for i, segment := range strings.Split(path, "/") {
		if i > 0 {
			b.WriteByte('/')
		}
		if i > 8 {
			b.WriteString("…")
			break
		}
		if isKind(segment) {
			b.WriteString(segment)
		} else {
			b.WriteByte('*')
		}
	}
	return b.String()
}

// isKind reports a segment that is a word of a route: short, and without a digit beyond a version's (v1).
func isKind(segment string) bool {
	if len(segment) > 32 {
		return false
	}
	if len(segment) == 2 && segment[0] == 'v' {
		return true
	}
	for i := range len(segment) {
		c := segment[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c == '_' || c == '.') {
			return false
		}
	}
	return true
}
