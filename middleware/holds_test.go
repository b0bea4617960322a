package middleware

import (
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"
)

func TestHeldClientIsRefusedUntilItsSentenceEnds(t *testing.T) {
	c := newClock()
	st := NewState(c.now)
	e := engine(t, quiet(), Parts{State: st, Now: c.now}, ok)
	st.Holds.Hold("203.0.113.7", c.now().Add(90*time.Second), "SQL injection")
	resp := call(e, http.MethodGet, "/")
	if resp.StatusCode != http.StatusForbidden || resp.Header.Get("Retry-After") != "90" {
		t.Errorf("got %d, Retry-After %q, want 403 and 90", resp.StatusCode, resp.Header.Get("Retry-After"))
	}
	if got := call(e, http.MethodGet, "/", "Cf-Connecting-Ip", "203.0.113.8").StatusCode; got != http.StatusOK {
		t.Errorf("another client: got %d, want 200", got)
	}
	c.pass(90 * time.Second)
	if got := call(e, http.MethodGet, "/").StatusCode; got != http.StatusOK {
		t.Errorf("after the sentence: got %d, want 200", got)
	}
	if got := st.Held.Load(); got != 1 {
		t.Errorf("counted %d held requests, want 1", got)
	}
}

func TestHoldsListReleaseAndKeepTheLongerSentence(t *testing.T) {
	c := newClock()
	h := NewHolds(c.now)
	h.Hold("a", c.now().Add(time.Hour), "first")
	h.Hold("a", c.now().Add(time.Minute), "shorter")
	h.Hold("b", c.now().Add(2*time.Hour), "second")
	h.Hold("c", c.now().Add(-time.Second), "over before it began")
	list := h.List()
	if len(list) != 2 || list[0].Client != "b" || list[1].Reason != "first" {
		t.Errorf("got %+v, want b, then a for its first reason", list)
	}
	if !h.Release("a") || h.Release("a") {
		t.Error("releasing a twice: want true, then false")
	}
	if _, held := h.held("a", c.now()); held {
		t.Error("a is held after its release")
	}
	if h.count.Load() != 1 {
		t.Errorf("got count %d, want 1", h.count.Load())
	}
}

func TestHoldsAreBounded(t *testing.T) {
	c := newClock()
	h := NewHolds(c.now)
	h.Hold("short", c.now().Add(time.Minute), "x")
	for i := range maxHolds {
		h.Hold(strconv.Itoa(i), c.now().Add(time.Hour), "x")
	}
	if got := len(h.List()); got != maxHolds {
		t.Errorf("got %d holds, want %d", got, maxHolds)
	}
	if _, held := h.held("short", c.now()); held {
		t.Error("the hold that ends first did not make room")
	}
	c.pass(2 * time.Hour)
	h.Hold("new", c.now().Add(time.Minute), "x")
	if got := h.count.Load(); got != 1 {
		t.Errorf("got %d holds kept after all were over, want 1", got)
	}
}

func TestHoldsFromManyGoroutines(t *testing.T) {
	h := NewHolds(time.Now)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 200 {
				key := strconv.Itoa((i + j) % 20)
				h.Hold(key, time.Now().Add(time.Millisecond), "x")
				h.held(key, time.Now().Add(time.Second))
				h.Release(key)
				h.List()
			}
		})
	}
	wg.Wait()
}
