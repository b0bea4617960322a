package middleware

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
)

// maxHolds bounds the list; past it the sentence that ends first makes room.
const maxHolds = 10_000

// Hold is a client under sentence: it is answered 403 until then.
type Hold struct {
	Client string    `json:"client"`
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until"`
	Reason string    `json:"reason"`
}

// Holds are the clients under sentence. Any goroutine may call its methods.
type Holds struct {
	now func() time.Time
	// count is the length of list, read without the lock: nearly always nobody is held.
	count atomic.Int64
	mu    sync.RWMutex // guards what follows
	list  map[string]Hold
	news  []HoldChange // for other replicas; see Changes
	noted bool         // whether news are kept
	// apart is true while other replicas' holds are not known.
	apart atomic.Bool
}

// NewHolds returns an empty list.
func NewHolds(now func() time.Time) *Holds {
	return &Holds{now: now, list: map[string]Hold{}}
}

// Hold refuses client's requests until then; a sentence that runs longer already stays.
func (h *Holds) Hold(client string, until time.Time, reason string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	if old, ok := h.list[client]; ok && old.Until.After(until) || !until.After(now) {
		return
	}
	if _, ok := h.list[client]; !ok && len(h.list) >= maxHolds {
		h.makeRoom(now)
	}
	client = strings.Clone(client)
	h.list[client] = Hold{Client: client, Since: now, Until: until, Reason: reason}
	h.note(HoldChange{Hold: h.list[client]})
	h.count.Store(int64(len(h.list)))
}

// makeRoom drops what is over, or else the hold that ends first.
func (h *Holds) makeRoom(now time.Time) {
	var first Hold
	for key, hold := range h.list {
		if !hold.Until.After(now) {
			delete(h.list, key)
		} else if first.Client == "" || hold.Until.Before(first.Until) {
			first = hold
		}
	}
	if len(h.list) >= maxHolds {
		delete(h.list, first.Client)
	}
}

// Release ends client's sentence and reports whether there was one.
func (h *Holds) Release(client string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, held := h.list[client]
	delete(h.list, client)
	h.note(HoldChange{Hold: Hold{Client: client}, Released: true})
	h.count.Store(int64(len(h.list)))
	return held
}

// List returns the holds that run, those that end last first.
func (h *Holds) List() []Hold {
	h.mu.RLock()
	defer h.mu.RUnlock()
	now := h.now()
	all := make([]Hold, 0, len(h.list))
	for _, hold := range h.list {
		if hold.Until.After(now) {
			all = append(all, hold)
		}
	}
	slices.SortFunc(all, func(a, b Hold) int {
		return cmp.Or(b.Until.Compare(a.Until), strings.Compare(a.Client, b.Client))
	})
	return all
}

// held returns client's hold while it runs; the first look after its end drops it.
func (h *Holds) held(client string, now time.Time) (Hold, bool) {
	if h.count.Load() == 0 {
		return Hold{}, false
	}
	h.mu.RLock()
	hold, ok := h.list[client]
	h.mu.RUnlock()
	if !ok || hold.Until.After(now) {
		return hold, ok
	}
	h.drop(client, now)
	return Hold{}, false
}

// drop removes client's hold unless it was renewed meanwhile.
func (h *Holds) drop(client string, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if hold, ok := h.list[client]; ok && !hold.Until.After(now) {
		delete(h.list, client)
		h.count.Store(int64(len(h.list)))
	}
}

// hold refuses clients under sentence.
func (d *door) hold(c *gin.Context) {
	x := of(c)
	hold, held := d.state.Holds.held(x.client.key, x.start)
	if !held {
		d.holdUnknown(c)
		return
	}
	x.note(holdRuns)
	retryAfter(c, hold.Until.Sub(x.start))
	Reject(c, stageHold, http.StatusForbidden, "the client is held: "+hold.Reason)
}

// retryAfter tells the client when to come again, in whole seconds that are true when waited.
func retryAfter(c *gin.Context, wait time.Duration) {
	seconds := int64((wait + time.Second - 1) / time.Second)
	c.Writer.Header()["Retry-After"] = []string{strconv.FormatInt(max(seconds, 1), 10)}
}
