package middleware

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
)

// Decision is what one stage made of a request and the setting that made it do so, "" where none did.
type Decision struct {
	Stage   string `json:"stage"`
	Setting string `json:"setting,omitempty"`
	Verdict string `json:"verdict"`
}

// Explanation is what is remembered of one request. It holds no header and no query.
type Explanation struct {
	RequestID string `json:"requestId"`
	// Generation is that of the settings by which it was decided.
	Generation int           `json:"generation"`
	At         time.Time     `json:"at"`
	Client     string        `json:"client"`
	Method     string        `json:"method"`
	Path       string        `json:"path"`
	Status     int           `json:"status"`
	Took       time.Duration `json:"took"`
	Refused    string        `json:"refused,omitempty"`
	Decisions  []Decision    `json:"decisions"`
}

// Bounds of what is remembered: requests that were refused or failed have places of their own, so that a busy minute
// does not wash them away.
const (
	rememberedRequests = 1024
	rememberedFailures = 1024
	maxNotes           = 14
	maxPathKept        = 120
)

// record is an Explanation as it lies in the ring: without pointers into the request's own memory.
type record struct {
	id              [32]byte
	generation      int
	at              time.Time
	took            time.Duration
	status          int
	client          [44]byte
	method          [12]byte
	path            [maxPathKept]byte
	nClient, nPath  uint8
	nMethod, nNotes uint8
	refused         string
	notes           [maxNotes]*Decision
	policy          *policy
	left            int64
}

// ring keeps the newest records of one kind.
type ring struct {
	mu   sync.Mutex // guards all and next
	all  []record
	next int
	most int
}

// records are the two rings.
type records struct{ requests, failures ring }

func newRecords() *records {
	return &records{requests: ring{most: rememberedRequests}, failures: ring{most: rememberedFailures}}
}

// Explain returns what is remembered of the request with id; false where it is unknown or was too long ago.
func (s *State) Explain(id string) (Explanation, bool) {
	for _, r := range []*ring{&s.records.failures, &s.records.requests} {
		if e, ok := r.find(id); ok {
			return e, true
		}
	}
	return Explanation{}, false
}

func (r *ring) find(id string) (Explanation, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.all {
		if string(r.all[i].id[:]) == id {
			return r.all[i].explain(), true
		}
	}
	return Explanation{}, false
}

// place returns the slot for the next record, whose lock is held until unlock.
func (r *ring) place() *record {
	r.mu.Lock()
	if len(r.all) < r.most {
		r.all = append(r.all, record{})
		return &r.all[len(r.all)-1]
	}
	slot := &r.all[r.next]
	r.next = (r.next + 1) % r.most
	return slot
}

// remember keeps what was decided about the request.
func (x *exchange) remember(c *gin.Context, took time.Duration) {
	s := x.door.state.records
	r := &s.requests
	status := x.w.Status()
	if x.refused != "" || status >= 500 {
		r = &s.failures
	}
	slot := r.place()
	defer r.mu.Unlock()
	copy(slot.id[:], x.id)
	slot.generation = x.door.generation
	slot.at, slot.took, slot.status, slot.refused = x.start, took, status, x.refused
	slot.nClient = uint8(copy(slot.client[:], x.client.key))
	slot.nMethod = uint8(copy(slot.method[:], c.Request.Method))
	slot.nPath = uint8(copy(slot.path[:], PlainPath(c.Request.URL.Path)))
	slot.notes, slot.nNotes = x.notes, uint8(x.nNotes)
	slot.policy, slot.left = x.policy, x.budget.Remaining
}

func (r *record) explain() Explanation {
	e := Explanation{
		RequestID: string(r.id[:]), Generation: r.generation, At: r.at, Client: string(r.client[:r.nClient]), Method: string(r.method[:r.nMethod]),
		Path: strings.ToValidUTF8(string(r.path[:r.nPath]), "\ufffd"), Status: r.status, Took: r.took, Refused: r.refused,
	}
	for _, note := range r.notes[:r.nNotes] {
		d := *note
		if note == limitWithin || note == limitSpent {
			d.Setting = r.policy.setting
			d.Verdict += " (policy " + r.policy.name + ", " + strconv.FormatInt(r.left, 10) + " left of " + r.policy.limit[0] + ")"
		}
		e.Decisions = append(e.Decisions, d)
	}
	return e
}

// note keeps a decision.
func (x *exchange) note(d *Decision) {
	if x.nNotes < maxNotes {
		x.notes[x.nNotes] = d
		x.nNotes++
	}
}

// Note adds a decision of a later stage to what Explain tells of c's request. It is kept as it is, so it is best one of a
// table; it must hold no secret and is not written to any more. A few notes a request are kept.
func Note(c *gin.Context, d *Decision) {
	if x := of(c); x != nil {
		x.note(d)
	}
}
