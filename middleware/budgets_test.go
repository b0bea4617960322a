package middleware

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	limiter "github.com/ulule/limiter/v3"
)

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

var hundred = limiter.Rate{Formatted: "default", Period: 15 * time.Minute, Limit: 100}

// spend takes n requests of key and returns how many were admitted.
func spend(t testing.TB, s limiter.Store, key string, n int, rate limiter.Rate) (admitted int) {
	t.Helper()
	for range n {
		answer, err := s.Get(context.Background(), key, rate)
		if err != nil {
			t.Fatal(err)
		}
		if !answer.Reached {
			admitted++
		}
	}
	return admitted
}

func TestBudgetAdmitsExactlyItsLimit(t *testing.T) {
	c := newClock()
	b := NewBudgets(c.now)
	for i := range 100 {
		answer, _ := b.Get(context.Background(), "a", hundred)
		if want := int64(99 - i); answer.Reached || answer.Remaining != want || answer.Limit != 100 {
			t.Fatalf("request %d: got %+v, want %d remaining", i+1, answer, want)
		}
	}
	if got := spend(t, b, "a", 500, hundred); got != 0 {
		t.Errorf("got %d admitted above the limit, want 0", got)
	}
	if got := spend(t, b, "b", 1, hundred); got != 1 {
		t.Error("another client was refused")
	}
}

func TestNoWindowHasAnEdgeToBurstOver(t *testing.T) {
	c := newClock()
	b := NewBudgets(c.now)
	// Whatever instant of a would-be window the burst begins at, what passes within two seconds is the limit and one.
	for offset := range 30 {
		key := strconv.Itoa(offset)
		c.pass(time.Duration(offset) * 31 * time.Second)
		got := spend(t, b, key, 150, hundred)
		c.pass(2 * time.Second)
		got += spend(t, b, key, 150, hundred)
		if got > 101 {
			t.Errorf("offset %d: got %d admitted, want at most 101", offset, got)
		}
	}
}

func TestResetIsTrueWhenWaited(t *testing.T) {
	for _, rate := range []limiter.Rate{hundred, {Period: time.Second, Limit: 3}, {Period: time.Minute, Limit: 7}, {Period: 10 * time.Second, Limit: 1}} {
		c := newClock()
		b := NewBudgets(c.now)
		for round := range 50 {
			spend(t, b, "a", int(rate.Limit)+1, rate)
			answer, _ := b.Peek(context.Background(), "a", rate)
			refused, _ := b.Get(context.Background(), "a", rate)
			wait := refused.Reset - c.now().Unix()
			if !refused.Reached || wait < 1 {
				t.Fatalf("rate %v, round %d: got %+v after %+v, want a refusal with at least a second to wait", rate, round, refused, answer)
			}
			c.pass(time.Duration(wait) * time.Second)
			if got := spend(t, b, "a", 1, rate); got != 1 {
				t.Fatalf("rate %v, round %d: refused after waiting %d s as told", rate, round, wait)
			}
			c.pass(time.Duration(round*13) * time.Millisecond)
		}
	}
}

func TestBudgetComesBackWholeAfterItsPeriod(t *testing.T) {
	c := newClock()
	b := NewBudgets(c.now)
	spend(t, b, "a", 100, hundred)
	c.pass(15 * time.Minute)
	if got := spend(t, b, "a", 200, hundred); got != 100 {
		t.Errorf("got %d admitted, want 100", got)
	}
	if _, err := b.Reset(context.Background(), "a", hundred); err != nil {
		t.Fatal(err)
	}
	if got := spend(t, b, "a", 200, hundred); got != 100 {
		t.Errorf("got %d admitted after a reset, want 100", got)
	}
}

func TestIncrementTakesAllOrNothing(t *testing.T) {
	b := NewBudgets(newClock().now)
	if a, _ := b.Increment(context.Background(), "a", 101, hundred); !a.Reached {
		t.Errorf("got %+v for 101 at once, want a refusal", a)
	}
	if a, _ := b.Increment(context.Background(), "a", 100, hundred); a.Reached || a.Remaining != 0 {
		t.Errorf("got %+v for 100 at once, want them all", a)
	}
}

func TestPoliciesHaveBudgetsOfTheirOwn(t *testing.T) {
	b := NewBudgets(newClock().now)
	spend(t, b, "a", 100, hundred)
	login := limiter.Rate{Formatted: "login", Period: time.Minute, Limit: 5}
	if got := spend(t, b, "a", 10, login); got != 5 {
		t.Errorf("got %d admitted by the other policy, want 5", got)
	}
}

func TestConcurrentRequestsShareOneBudget(t *testing.T) {
	b := NewBudgets(newClock().now)
	var wg sync.WaitGroup
	admitted := make([]int, 8)
	for i := range admitted {
		wg.Go(func() { admitted[i] = spend(t, b, "a", 100, hundred) })
	}
	wg.Wait()
	sum := 0
	for _, n := range admitted {
		sum += n
	}
	if sum != 100 {
		t.Errorf("got %d admitted over 8 goroutines, want 100", sum)
	}
}

func TestBudgetHitAllocatesNothing(t *testing.T) {
	b := NewBudgets(time.Now)
	l := limiter.New(b, hundred)
	ctx := context.Background()
	if n := testing.AllocsPerRun(1000, func() { _, _ = l.Get(ctx, "203.0.113.7") }); n != 0 {
		t.Errorf("got %v allocations a request, want 0", n)
	}
}

func BenchmarkBudgetHit(b *testing.B) {
	s := NewBudgets(time.Now)
	l := limiter.New(s, hundred)
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		_, _ = l.Get(ctx, "203.0.113.7")
	}
}

func BenchmarkBudgetManyClients(b *testing.B) {
	s := NewBudgets(time.Now)
	l := limiter.New(s, hundred)
	ctx := context.Background()
	keys := make([]string, 1<<16)
	for i := range keys {
		keys[i] = fmt.Sprintf("10.%d.%d.1", i>>8, i&255)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		_, _ = l.Get(ctx, keys[i&(1<<16-1)])
		i++
	}
}
