package wire

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"
)

// snare is a network whose first connections break, each as soon as its word is written to it.
type snare struct {
	d     *doorway
	words []string
	dials atomic.Int32
}

func (n *snare) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	nth := n.dials.Add(1)
	if nth == 3 {
		n.hesitate()
	}
	c, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	if int(nth) > len(n.words) {
		return c, nil
	}
	return &snared{Conn: c, of: n, nth: nth}, nil
}

// hesitate waits for a moment in which no retry seems to be under way: there must be none while one dials.
func (n *snare) hesitate() {
	for range 200 {
		if s := n.only(); s != nil && s.retrying.Load() == nil {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// only is the only session.
func (n *snare) only() *session {
	x := n.d.running.Load()
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, s := range x.keys {
		return s
	}
	return nil
}

type snared struct {
	net.Conn
	of  *snare
	nth int32
}

// Write breaks the connection where b holds its word, and returns once another was asked for, or none for a while.
func (c *snared) Write(b []byte) (int, error) {
	n := c.of
	if !bytes.Contains(b, []byte(n.words[c.nth-1])) {
		return c.Conn.Write(b)
	}
	_ = c.Conn.Close()
	for end := time.Now().Add(500 * time.Millisecond); n.dials.Load() == c.nth && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	return 0, errors.New("snared")
}

// The retry after a loss loses its server, too. There is only one.
func TestARetryThatIsLostIsAnsweredOnce(t *testing.T) {
	n := &snare{words: []string{"select 42", "select 42"}}
	n.d = open(t, func(s *setup) { onePool(s); s.dial = n.dial })
	c := n.d.connect(t, "")
	wants(t, c, "select 1", "1")
	n.d.untilFree(t)
	fails(t, c, "select 42", codeLost)
	wants(t, c, "select 43", "43")
}

// Nothing of the client was sent to a server that is lost while it is given the client's settings: another serves it, as if there had
// been no loss, whether it comes to the client's first try or to its retry.
func TestAServerThatIsLostInTheSettingsIsReplaced(t *testing.T) {
	for name, words := range map[string][]string{"first": {"never", "work_mem"}, "retry": {"select 42", "work_mem"}} {
		t.Run(name, func(t *testing.T) {
			n := &snare{words: words}
			n.d = open(t, func(s *setup) { onePool(s); s.dial = n.dial })
			c := n.d.connect(t, "")
			ask(t, c, "set work_mem = '5MB'")
			n.d.untilFree(t)
			if name == "first" {
				n.d.loseServers(t)
			}
			wants(t, c, "select 42", "42")
			wants(t, c, "show work_mem", "5MB")
		})
	}
}

// A server may be lost just after it has taken the client's settings: whoever waited for that must not go on with it.
func TestAServerThatIsLostBehindTheSettingsIsReplaced(t *testing.T) {
	d := open(t, nil)
	d.connect(t, "") // so that it runs
	l := &link{pool: d.running.Load().pool, settled: make(chan struct{}, 1), conn: nowhere{}}
	l.settled <- struct{}{} // the answer came
	l.closed = true         // and then the end
	l.mu.Lock()
	if p := l.apply("set work_mem = '5MB'"); p == nil || p.code != codeLost {
		t.Errorf("a dead link took the settings: %v, want %s", p, codeLost)
	}
}

// What a client has set is known when the server was asked about it. Where that is lost, the client must not go on without.
func TestASettingIsNotLostSilently(t *testing.T) {
	n := &snare{words: []string{"current_setting"}}
	n.d = open(t, func(s *setup) { onePool(s); s.dial = n.dial })
	c := n.d.connect(t, "")
	ask(t, c, "set work_mem = '5MB'")
	if got, err := try(c, "show work_mem"); err == nil && got != "5MB" {
		t.Errorf("the client goes on with work_mem = %q, want 5MB or the end of its session", got)
	}
	wants(t, n.d.connect(t, ""), "select 1", "1")
}

// loseServers ends the server connections, and waits until the door knows.
func (d *doorway) loseServers(t *testing.T) {
	t.Helper()
	ask(t, direct(t), "select pg_terminate_backend(pid) from pg_stat_activity where pid<>pg_backend_pid() and backend_type='client backend'")
	d.untilLost(t)
}

// nowhere takes all that is written to it.
type nowhere struct{ net.Conn }

func (nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (nowhere) SetDeadline(time.Time) error { return nil }
