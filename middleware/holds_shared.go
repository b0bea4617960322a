package middleware

import (
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"
)

// HoldChange is a sentence that was passed by this process, or one that it ended: then only the client's name counts.
type HoldChange struct {
	Hold
	Released bool `json:"released"`
}

// Changes returns what was passed and ended here since the call before, oldest first, at most as many as there may be holds; the
// first call returns every hold. It is for replicas, which tell each other.
func (h *Holds) Changes() []HoldChange {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.noted {
		h.noted = true
		for _, hold := range h.list {
			h.note(HoldChange{Hold: hold})
		}
	}
	news := h.news
	h.news = nil
	return news
}

// note keeps c for Changes; the oldest makes room. The caller holds mu.
func (h *Holds) note(c HoldChange) {
	if !h.noted {
		return
	}
	if len(h.news) >= maxHolds {
		h.news = slices.Delete(h.news, 0, maxHolds/10)
	}
	h.news = append(h.news, c)
}

// Replace makes all, which every replica holds, the list, with the changes that Changes has not told yet. What is over and what is
// more than the list may have is left out.
func (h *Holds) Replace(all []Hold) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	list := make(map[string]Hold, len(all))
	for _, hold := range all {
		if hold.Until.After(now) && len(list) < maxHolds {
			list[hold.Client] = hold
		}
	}
	for _, c := range h.news {
		if c.Released {
			delete(list, c.Client)
		} else if old, held := list[c.Client]; !held || c.Until.After(old.Until) {
			list[c.Client] = c.Hold
		}
	}
	h.list = list
	h.count.Store(int64(len(list)))
}

// All returns every hold that runs as a change, for a store that lost them.
func (h *Holds) All() []HoldChange {
	h.mu.RLock()
	defer h.mu.RUnlock()
	all := make([]HoldChange, 0, len(h.list))
	for hold := range maps.Values(h.list) {
		all = append(all, HoldChange{Hold: hold})
	}
	return all
}

// SetApart says whether the holds of other replicas are unknown just now. With on_store_error: deny nobody comes in then but by the
// exempt paths; with allow those come in who are not held here.
func (h *Holds) SetApart(apart bool) { h.apart.Store(apart) }

// holdUnknown refuses a request of whom nobody can say whether another replica holds him, where the settings want that.
func (d *door) holdUnknown(c *gin.Context) {
	if !d.budget.deny || !d.state.Holds.apart.Load() || d.budget.exempt[c.Request.URL.Path] {
		return
	}
	retryAfter(c, time.Second)
	Reject(c, stageHold, http.StatusServiceUnavailable, "the holds of other replicas are not known: their store does not answer")
}
