package middleware

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

func TestHoldsTellWhatChangedHere(t *testing.T) {
	c := newClock()
	h := NewHolds(c.now)
	h.Hold("a", c.now().Add(time.Minute), "before anybody asked")
	told := h.Changes()
	if len(told) != 1 || told[0].Client != "a" || told[0].Released {
		t.Errorf("first call: got %+v, want the hold that was there", told)
	}
	h.Hold("b", c.now().Add(time.Minute), "x")
	h.Release("a")
	told = h.Changes()
	if len(told) != 2 || told[0].Client != "b" || told[1].Client != "a" || !told[1].Released {
		t.Errorf("got %+v, want b held and then a released", told)
	}
	if told = h.Changes(); len(told) != 0 {
		t.Errorf("told twice: %+v", told)
	}
	for i := range 3 * maxHolds {
		h.Hold(fmt.Sprint(i), c.now().Add(time.Minute), "x")
	}
	if told = h.Changes(); len(told) > maxHolds || told[len(told)-1].Client != fmt.Sprint(3*maxHolds-1) {
		t.Errorf("got %d changes, want at most %d and the newest last", len(told), maxHolds)
	}
}

func TestReplacedHoldsKeepWhatNobodyWasToldYet(t *testing.T) {
	c := newClock()
	h := NewHolds(c.now)
	h.Hold("gone", c.now().Add(time.Minute), "told and released elsewhere")
	h.Changes()
	h.Hold("mine", c.now().Add(time.Minute), "not told yet")
	h.Hold("freed", c.now().Add(time.Minute), "x")
	h.Release("freed")
	h.Replace([]Hold{
		{Client: "theirs", Until: c.now().Add(time.Minute)}, {Client: "over", Until: c.now().Add(-time.Second)},
		{Client: "freed", Until: c.now().Add(time.Minute)},
	})
	got := ""
	for _, hold := range h.List() {
		got += hold.Client + " "
	}
	if got != "mine theirs " {
		t.Errorf("held: got %q, want mine and theirs", got)
	}
}

func TestStrangerIsRefusedWhileHoldsOfOthersAreUnknownAndDenyIsSet(t *testing.T) {
	for mode, want := range map[string]int{"allow": http.StatusOK, "deny": http.StatusServiceUnavailable} {
		state := NewState(nil)
		s := Defaults()
		s.RateLimit.OnStoreError = mode
		e := engine(t, s, Parts{State: state}, ok)
		state.Holds.SetApart(true)
		if got := call(e, http.MethodGet, "/").StatusCode; got != want {
			t.Errorf("%s: got %d while apart, want %d", mode, got, want)
		}
		if got := call(e, http.MethodGet, "/healthz").StatusCode; got != http.StatusOK {
			t.Errorf("%s: an exempt path got %d while apart, want 200", mode, got)
		}
		state.Holds.SetApart(false)
		if got := call(e, http.MethodGet, "/").StatusCode; got != http.StatusOK {
			t.Errorf("%s: got %d with the store back, want 200", mode, got)
		}
	}
}
