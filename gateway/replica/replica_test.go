package replica

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
	"go.uber.org/goleak"

	"sallyport/middleware"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server starts a private redis-server on a Unix socket and returns connections to it.
func server(t *testing.T) *redis.Pool {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	cmd := exec.Command("redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no", "--dir", filepath.Dir(socket))
	if err := cmd.Start(); err != nil {
		t.Fatalf("start redis-server (it must be in PATH): %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	p := &redis.Pool{MaxIdle: 4, DialContext: func(ctx context.Context) (redis.Conn, error) { return redis.DialContext(ctx, "unix", socket) }}
	t.Cleanup(func() { _ = p.Close() })
	for end := time.Now().Add(15 * time.Second); ; {
		if _, err := ask(p, "PING"); err == nil {
			return p
		}
		if time.Now().After(end) {
			t.Fatal("redis-server does not answer within 15 s")
		}
	}
}

// ask sends one command.
func ask(p *redis.Pool, command string, args ...any) (any, error) {
	c := p.Get()
	defer c.Close()
	return c.Do(command, args...)
}

// statements are some that a test knows.
type statements struct{ fresh, all []string }

func (s *statements) News() []string  { news := s.fresh; s.fresh = nil; return news }
func (s *statements) Texts() []string { return s.all }
func (s *statements) Learn(texts []string) {
	for _, text := range texts {
		if !slices.Contains(s.all, text) {
			s.all = append(s.all, text)
		}
	}
}
func (s *statements) know(text string) { s.fresh, s.all = append(s.fresh, text), append(s.all, text) }

// end is one replica of a test.
type end struct {
	*Link
	t     *testing.T
	holds *middleware.Holds
	known *statements
}

func newEnd(t *testing.T, c *redis.Pool) *end {
	e := &end{t: t, holds: middleware.NewHolds(time.Now), known: &statements{}}
	e.Link = NewLink(c, "t:", e.holds, e.known, Member{Host: t.Name()})
	return e
}

func (e *end) exchange() []Member {
	e.t.Helper()
	members, err := e.Exchange(e.t.Context())
	if err != nil {
		e.t.Fatal(err)
	}
	return members
}

func (e *end) held() []string {
	var names []string
	for _, h := range e.holds.List() {
		names = append(names, h.Client)
	}
	slices.Sort(names)
	return names
}

func TestReplicasShareHoldsAndReleases(t *testing.T) {
	c := server(t)
	a, b := newEnd(t, c), newEnd(t, c)
	until := time.Now().Add(time.Hour).Round(0)
	a.holds.Hold("192.0.2.1", until, "twice")
	a.exchange()
	b.exchange()
	if h := b.holds.List(); len(h) != 1 || h[0].Client != "192.0.2.1" || !h[0].Until.Equal(until) || h[0].Reason != "twice" || h[0].Since.IsZero() {
		t.Fatalf("the other replica holds %+v, want what the first does", h)
	}
	b.holds.Hold("192.0.2.1", until.Add(-time.Minute), "a shorter one")
	b.holds.Hold("192.0.2.2", until, "x")
	b.exchange()
	a.exchange()
	if h := a.holds.List(); len(h) != 2 || !h[0].Until.Equal(until) {
		t.Errorf("held: got %+v, want two and the longer sentence", h)
	}
	b.holds.Release("192.0.2.1")
	b.exchange()
	a.exchange()
	if got := a.held(); !slices.Equal(got, []string{"192.0.2.2"}) {
		t.Errorf("after a release at the other replica %v are held, want 192.0.2.2 alone", got)
	}
	late := newEnd(t, c)
	late.exchange()
	if got := late.held(); !slices.Equal(got, []string{"192.0.2.2"}) {
		t.Errorf("a replica that came later holds %v", got)
	}
}

func TestNothingIsForgottenWhenTheStoreIs(t *testing.T) {
	c := server(t)
	a, b := newEnd(t, c), newEnd(t, c)
	a.holds.Hold("192.0.2.1", time.Now().Add(time.Hour), "x")
	a.known.know("select ?")
	for _, e := range []*end{a, b, a} {
		e.exchange()
	}
	if _, err := ask(c, "FLUSHALL"); err != nil {
		t.Fatal(err)
	}
	late := newEnd(t, c)
	for _, e := range []*end{a, late, b, a, b, late} { // a made the first store and makes this one
		e.exchange()
	}
	for i, e := range []*end{a, b, late} {
		if got := e.held(); !slices.Equal(got, []string{"192.0.2.1"}) || !slices.Equal(e.known.all, []string{"select ?"}) {
			t.Errorf("replica %d holds %v and knows %v after the store lost everything", i, got, e.known.all)
		}
	}
}

func TestChangesWaitForAStoreThatIsDown(t *testing.T) {
	c := server(t)
	a, b := newEnd(t, c), newEnd(t, c)
	a.exchange()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	a.holds.Hold("192.0.2.1", time.Now().Add(time.Hour), "x")
	a.known.know("select ?")
	if _, err := a.Exchange(gone); err == nil {
		t.Fatal("an exchange without a server succeeded")
	}
	if got := a.held(); !slices.Equal(got, []string{"192.0.2.1"}) {
		t.Errorf("a failed exchange left %v held", got)
	}
	a.exchange()
	b.exchange()
	if got := b.held(); !slices.Equal(got, []string{"192.0.2.1"}) || !slices.Equal(b.known.all, []string{"select ?"}) {
		t.Errorf("the other replica holds %v and knows %v, want what the first learned meanwhile", got, b.known.all)
	}
}

func TestStatementsAreBoundedAndAllRead(t *testing.T) {
	c := server(t)
	a, b := newEnd(t, c), newEnd(t, c)
	for i := range maxStatements + 100 {
		a.known.know(fmt.Sprintf("select a%d", i))
	}
	a.exchange()
	b.exchange()
	if got := len(b.known.all); got != maxStatements {
		t.Errorf("the other replica knows %d, want %d", got, maxStatements)
	}
	if n, _ := redis.Int(ask(c, "ZCARD", "t:statements")); n != maxStatements+1 {
		t.Errorf("the store has %d members, want %d and the epoch", n, maxStatements)
	}
	if slices.Contains(b.known.all, "select a0") || !slices.Contains(b.known.all, fmt.Sprintf("select a%d", maxStatements+99)) {
		t.Error("want the oldest to give way")
	}
}

func TestHoldsAreBoundedInTheStore(t *testing.T) {
	c := server(t)
	for round := range 2 {
		e := newEnd(t, c)
		for i := range maxHolds {
			e.holds.Hold(fmt.Sprintf("%d-%d", round, i), time.Now().Add(time.Hour+time.Duration(round)*time.Hour), "x")
		}
		e.exchange()
	}
	if n, _ := redis.Int(ask(c, "HLEN", "t:holds")); n != maxHolds+2 {
		t.Errorf("the store has %d fields, want %d and two of its own", n, maxHolds)
	}
	late := newEnd(t, c)
	late.exchange()
	if h := late.holds.List(); len(h) != maxHolds || h[len(h)-1].Client[0] != '1' {
		t.Errorf("%d are held, want %d and those that end last", len(h), maxHolds)
	}
}

func TestMembersComeAndGo(t *testing.T) {
	c := server(t)
	a, b := newEnd(t, c), newEnd(t, c)
	a.exchange()
	if got := b.exchange(); len(got) != 2 || got[0].Host != t.Name() {
		t.Errorf("members: got %+v, want two", got)
	}
	if err := a.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := b.exchange(); len(got) != 1 || got[0] != b.Self() {
		t.Errorf("members after one left: got %+v, want the other", got)
	}
	// One that died without a word is dropped once its last one is old.
	if _, err := ask(c, "HSET", "t:replicas", "dead", fmt.Sprintf("%d {}", time.Now().Add(-2*gone*time.Millisecond).UnixMilli())); err != nil {
		t.Fatal(err)
	}
	if got := b.exchange(); len(got) != 1 {
		t.Errorf("members after one died: got %+v, want one", got)
	}
}
