//go:build linux && !race

package middleware

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
)

// The race detector keeps several bytes for each of ours, so memory is measured without it.

// TestMillionClientsStayBoundedAndABusyOneStaysLimited is check 6: the flood costs less than 64 MB of resident memory and
// does not wash away the record of a client that has spent its budget.
func TestMillionClientsStayBoundedAndABusyOneStaysLimited(t *testing.T) {
	c := newClock()
	b := NewBudgets(c.now)
	if got := spend(t, b, "busy", 150, hundred); got != 100 {
		t.Fatalf("got %d admitted, want 100", got)
	}
	half := 50
	spend(t, b, "honest", half, hundred)
	debug.FreeOSMemory()
	before := resident(t)
	var key [32]byte
	for i := range 1_000_000 {
		k := strconv.AppendInt(append(key[:0], "198.18."...), int64(i), 10)
		if answer, _ := b.Get(context.Background(), string(k), hundred); answer.Reached {
			t.Fatalf("client %d was refused its first request", i)
		}
	}
	if grown := resident(t) - before; grown > 64<<20 {
		t.Errorf("resident memory grew by %d MB, want less than 64", grown>>20)
	}
	if got := spend(t, b, "busy", 10, hundred); got != 0 {
		t.Errorf("the busy client got %d requests after the flood, want 0", got)
	}
	if got := spend(t, b, "honest", 100, hundred); got != half {
		t.Errorf("the honest client got %d requests, want the %d it had left", got, half)
	}
	slots := 0
	for i := range b.shards {
		slots += len(b.shards[i].groups) * groupSize
	}
	if slots > 1<<21 {
		t.Errorf("got %d slots, want at most 2^21", slots)
	}
	runtime.KeepAlive(b)
}

// TestFullStoreForgetsWhoSpentLeast fills one store past its bound.
func TestFullStoreForgetsWhoSpentLeast(t *testing.T) {
	c := newClock()
	b := NewBudgets(c.now)
	for i := range 200 {
		spend(t, b, "busy"+strconv.Itoa(i), 100, hundred)
	}
	for i := range 4_000_000 {
		b.take(strconv.Itoa(i), 1, hundred)
	}
	for i := range 200 {
		if got := spend(t, b, "busy"+strconv.Itoa(i), 1, hundred); got != 0 {
			t.Fatalf("busy client %d was forgotten", i)
		}
	}
}

// resident returns the bytes of this process that are in memory.
func resident(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatalf("this test reads Linux's /proc: %v", err)
	}
	var total, pages int
	if _, err := fmt.Fscan(strings.NewReader(string(text)), &total, &pages); err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}
