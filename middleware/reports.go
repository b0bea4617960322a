package middleware

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
)

// Bounds of the report collector.
const (
	maxReportBytes = 64 << 10
	maxReportField = 200
	maxBatch       = 100
	stageReports   = "reports"
)

// Violation is one way in which pages break the content security policy, however often it was reported. All of it comes
// from browsers, or from anybody who can send a request: it is to be shown as text.
type Violation struct {
	// Directive is what was broken, Blocked what would have been loaded: an origin, or "inline", "eval", "data", "blob".
	Directive string `json:"directive"`
	Blocked   string `json:"blocked"`
	// Page is the path of the page that was reported first.
	Page string `json:"page"`
	// Enforced is true where the browser blocked it and did not only report.
	Enforced    bool      `json:"enforced"`
	Count       int64     `json:"count"`
	First, Last time.Time `json:"-"`
	// Several is true where more than one client reported it.
	Several bool `json:"several"`

	client string
}

// Reports collects what browsers report of the content security policy: one entry per directive and source, a bounded
// number of them. Any goroutine may call its methods.
type Reports struct {
	now  func() time.Time
	mu   sync.Mutex // guards all that follows
	list map[violationKey]*Violation
	// dropped counts reports of new violations that came when the list was full, refused those that were no reports.
	dropped, refused int64
}

type violationKey struct {
	directive, blocked string
	enforced           bool
}

// NewReports returns an empty collector.
func NewReports(now func() time.Time) *Reports {
	return &Reports{now: now, list: map[violationKey]*Violation{}}
}

// List returns the violations, most frequent first.
func (r *Reports) List() []Violation {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]Violation, 0, len(r.list))
	for _, v := range r.list {
		all = append(all, *v)
	}
	slices.SortFunc(all, func(a, b Violation) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Directive, b.Directive), strings.Compare(a.Blocked, b.Blocked))
	})
	return all
}

// Dropped returns how many reports of new violations came when the list was full.
func (r *Reports) Dropped() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dropped
}

// Clear forgets everything, as one does after the policy was changed.
func (r *Reports) Clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.list)
	r.dropped = 0
}

// add counts one report of client's; a new violation finds room where fewer than most are kept.
func (r *Reports) add(v Violation, client string, most int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := violationKey{v.Directive, v.Blocked, v.Enforced}
	known := r.list[key]
	if known == nil {
		if len(r.list) >= most {
			r.dropped++
			return
		}
		v.First, v.client = r.now(), strings.Clone(client)
		known = &v
		r.list[key] = known
	}
	known.Count++
	known.Last = r.now()
	known.Several = known.Several || known.client != client
}

// Serve takes reports at ReportsPath and answers 204. It belongs behind the chain, which limits and names the client.
func (r *Reports) Serve(c *gin.Context) {
	if c.Request.Method != http.MethodPost {
		c.Writer.Header().Set("Allow", "POST")
		Reject(c, stageReports, http.StatusMethodNotAllowed, "reports are posted")
		return
	}
	body := http.MaxBytesReader(c.Writer, c.Request.Body, maxReportBytes)
	found, err := parseReports(c.GetHeader("Content-Type"), body)
	if err != nil {
		r.mu.Lock()
		r.refused++
		r.mu.Unlock()
		Reject(c, stageReports, reportStatus(err), "no report that could be read")
		return
	}
	most := int(Defaults().CSP.ReportsMax)
	if x := of(c); x != nil {
		most = x.door.reportsMax
	}
	for _, v := range found {
		r.add(v, ClientKey(c), most)
	}
	c.Status(http.StatusNoContent)
}
