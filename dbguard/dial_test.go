package dbguard

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// fails dials once without retries and returns the error.
func dialOnce(t *testing.T, g *Guard, outcome error) error {
	t.Helper()
	_, err := Dial(t.Context(), g, func(context.Context) (int, error) { return 7, outcome })
	return err
}

func noRetry() Settings {
	s := Defaults()
	s.Retry.Attempts = 1
	return s
}

func TestCircuitOpensAfterFiveFailedDialsAndClosesAfterOneProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var steps []string
		g := newGuard(t, Parts{Settings: noRetry(), OnBreaker: func(c BreakerChange) { steps = append(steps, c.From+">"+c.To) }})
		for i := range 5 {
			if err := dialOnce(t, g, syscall.ECONNREFUSED); errors.Is(err, ErrCircuitOpen) {
				t.Fatalf("dial %d: circuit open, want the dial's own error", i+1)
			}
		}
		err := dialOnce(t, g, nil)
		var open *CircuitOpenError
		if !errors.As(err, &open) || open.RetryIn < 26*time.Second || open.RetryIn > 33*time.Second {
			t.Fatalf("sixth dial: got %v, want open with 27 to 33 s left", err)
		}
		time.Sleep(open.RetryIn + time.Millisecond)
		for range 3 { // reading must not move the circuit
			if got := g.Snapshot().CircuitBreaker.State; got != "open" {
				t.Errorf("snapshot moved the circuit to %s, want open until a dial", got)
			}
		}
		probe := make(chan struct{})
		go func() {
			_, _ = Dial(t.Context(), g, func(context.Context) (int, error) { <-probe; return 0, nil })
		}()
		synctest.Wait()
		if err := dialOnce(t, g, nil); !errors.Is(err, ErrCircuitOpen) {
			t.Errorf("second dial beside the probe: got %v, want circuit open", err)
		}
		close(probe)
		synctest.Wait()
		if err := dialOnce(t, g, nil); err != nil {
			t.Errorf("after the probe: got %v, want nil", err)
		}
		if got, want := fmt.Sprint(steps), "[closed>open open>half-open half-open>closed]"; got != want {
			t.Errorf("told %s, want %s", got, want)
		}
		if c := g.Counters(); c.Opened != 1 || c.DialsFailed != 5 {
			t.Errorf("got opened %d, failed %d; want 1, 5", c.Opened, c.DialsFailed)
		}
	})
}

func TestCircuitOpensAtHalfOfTwentySlowDials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, Parts{Settings: noRetry()})
		for i := range 20 {
			var outcome error
			if i%2 == 1 {
				outcome = io.ErrUnexpectedEOF
			}
			_, _ = Dial(t.Context(), g, func(context.Context) (int, error) { time.Sleep(time.Second); return 0, outcome })
		}
		if g.CircuitOpen() == nil {
			t.Error("10 of 20 slow dials failed: circuit closed, want open")
		}
	})
}

func TestAProbeThatIsGivenUpLetsTheNextOneIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, Parts{Settings: noRetry()})
		for range 5 {
			_ = dialOnce(t, g, io.EOF)
		}
		time.Sleep(34 * time.Second)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			_, _ = Dial(ctx, g, func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() })
		}()
		synctest.Wait()
		cancel()
		synctest.Wait()
		if err := dialOnce(t, g, nil); err != nil {
			t.Errorf("after a cancelled probe: got %v, want nil", err)
		}
	})
}

func TestOnlyFaultsOfTheServerCount(t *testing.T) {
	pg := func(code string) error { return &pgconn.PgError{Code: code} }
	for _, c := range []struct {
		err         error
		query, dial bool
	}{
		{nil, false, false},
		{pg("42601"), false, false},
		{pg("23505"), false, false},
		{pg("57014"), false, false},
		{pg("28P01"), false, false},
		{pg("P0001"), false, false},
		{pg("57P01"), true, true},
		{pg("57P03"), true, true},
		{pg("08006"), true, true},
		{pg("53300"), false, true},
		{io.ErrUnexpectedEOF, true, true},
		{fmt.Errorf("read: %w", syscall.ECONNRESET), true, true},
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, false, true},
		{context.Canceled, false, false},
		{context.DeadlineExceeded, false, true},
		{errors.New("scan: wrong type"), false, true},
	} {
		if got := ServerFault(c.err); got != c.query {
			t.Errorf("query ending with %v: got fault %t, want %t", c.err, got, c.query)
		}
		if got := dialFault(c.err); got != c.dial {
			t.Errorf("dial ending with %v: got fault %t, want %t", c.err, got, c.dial)
		}
	}
}

func TestTenThousandUserErrorsLeaveTheCircuitClosed(t *testing.T) {
	g := newGuard(t, Parts{})
	for range 10000 {
		ran(t, g, "select 1/0", &pgconn.PgError{Code: "22012"})
	}
	if err := g.CircuitOpen(); err != nil {
		t.Errorf("got %v, want closed", err)
	}
}

func TestSessionsLostTogetherCountAsOneFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, Parts{})
		for range 50 {
			ran(t, g, "select 1", &pgconn.PgError{Code: "57P01"})
		}
		if err := g.CircuitOpen(); err != nil {
			t.Errorf("50 sessions lost at once: got %v, want closed", err)
		}
		for range 4 {
			time.Sleep(time.Second)
			ran(t, g, "select 1", io.ErrUnexpectedEOF)
		}
		if g.CircuitOpen() == nil {
			t.Error("sessions lost in five seconds on end: circuit closed, want open")
		}
	})
}

func TestDialRetriesServerFaultsWithGrowingWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, Parts{})
		for _, c := range []struct {
			outcome  error
			attempts int
		}{{syscall.ECONNREFUSED, 3}, {&pgconn.PgError{Code: "28P01"}, 1}, {nil, 1}} {
			attempts, began := 0, time.Now()
			conn, err := Dial(t.Context(), g, func(context.Context) (int, error) { attempts++; return 7, c.outcome })
			if attempts != c.attempts || !errors.Is(err, c.outcome) || conn != 7 {
				t.Errorf("%v: got %d attempts, %v; want %d", c.outcome, attempts, err, c.attempts)
			}
			if took := time.Since(began); took > 150*time.Millisecond {
				t.Errorf("%v: took %s, want at most 50 + 100 ms", c.outcome, took)
			}
		}
		if got := g.Counters().Retries; got != 2 {
			t.Errorf("got %d retries, want 2", got)
		}
	})
}

func TestACallersShortPatienceSaysNothingAboutTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, Parts{})
		dial := func(limit time.Duration) {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			_, _ = Dial(ctx, g, func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() })
		}
		for range 10 {
			dial(100 * time.Millisecond)
		}
		if err := g.CircuitOpen(); err != nil {
			t.Errorf("ten callers with 100 ms: got %v, want closed", err)
		}
		for range 5 {
			dial(2 * time.Second)
		}
		if g.CircuitOpen() == nil {
			t.Error("five dials silent for 2 s: circuit closed, want open")
		}
	})
}

func TestBackoffIsBounded(t *testing.T) {
	r := Defaults().Retry
	for attempt, longest := range []time.Duration{50, 100, 200, 400, 800, 1000, 1000} {
		var most time.Duration
		for range 1000 {
			most = max(most, backoff(r, attempt+1))
		}
		if limit := longest * time.Millisecond; most > limit || most < limit*3/4 {
			t.Errorf("attempt %d: longest of 1000 waits is %s, want close to %s", attempt+1, most, limit)
		}
	}
	if got := backoff(r, 200); got > r.Max {
		t.Errorf("attempt 200: got %s, want at most %s", got, r.Max)
	}
}
