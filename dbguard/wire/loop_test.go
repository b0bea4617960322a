//go:build linux

package wire

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"
)

// inBoth runs a test with a loop that waits in the kernel and with one that waits in the runtime.
func inBoth(t *testing.T, test func(t *testing.T, shared bool)) {
	for name, shared := range map[string]bool{"kernel": false, "runtime": true} {
		t.Run(name, func(t *testing.T) { test(t, shared) })
	}
}

// echo has c answer what it reads until it ends, and returns what tells of that.
func echo(c *swift) (ended chan error) {
	ended = make(chan error, 1)
	go func() {
		buf := make([]byte, 64)
		ended <- c.each(nobody{}, func() []byte { return buf }, func(n int) bool { _, err := c.Write(buf[:n]); return err != nil })
	}()
	return ended
}

// parked waits until the loop has c, so that what comes now is the leader's.
func parked(t *testing.T, c *swift) {
	t.Helper()
	until(t, "the loop to have the connection", func() bool { c.mu.Lock(); defer c.mu.Unlock(); return c.driven && !c.running && !c.ready })
}

// answersTo makes sure that far's connection is served.
func answersTo(t *testing.T, far net.Conn) {
	t.Helper()
	if _, err := io.WriteString(far, "ping"); err != nil {
		t.Fatal(err)
	}
	hears(t, far, "ping")
}

func hears(t *testing.T, far net.Conn, want string) {
	t.Helper()
	_ = far.SetDeadline(time.Now().Add(20 * time.Second))
	got := make([]byte, len(want))
	if _, err := io.ReadFull(far, got); err != nil || string(got) != want {
		t.Fatalf("got %q and %v, want %q", got, err, want)
	}
}

// stuck makes a connection of l whose call waits until release, having said so where relieves.
func stuck(t *testing.T, l *loop, relieves bool) (inside chan struct{}, release func()) {
	t.Helper()
	c, far := pairIn(t, l)
	inside = make(chan struct{})
	first, held, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	buf := make([]byte, 64)
	reads := 0
	go func() {
		ended <- c.each(nobody{}, func() []byte { return buf }, func(int) bool {
			if reads++; reads == 1 {
				close(first) // in the goroutine that called each, perhaps; the next is the loop's
				return false
			}
			if relieves {
				l.relieve()
			}
			close(inside)
			<-held
			return true
		})
	}()
	_, _ = far.Write([]byte{1})
	<-first
	parked(t, c)
	_, _ = far.Write([]byte{2})
	return inside, func() {
		close(held)
		if err := <-ended; err != nil {
			t.Errorf("the connection whose call waited ended with %v", err)
		}
	}
}

func TestAConnectionWhoseCallWaitsDoesNotHoldTheOthers(t *testing.T) {
	inBoth(t, waitingCall)
}

func waitingCall(t *testing.T, shared bool) {
	l := newTestLoop(t, shared)
	c, far := pairIn(t, l)
	echo(c)
	answersTo(t, far)
	parked(t, c)
	inside, release := stuck(t, l, true)
	<-inside
	answersTo(t, far)
	release()
	answersTo(t, far)
}

func TestThePatrolFindsALeaderThatWaits(t *testing.T) {
	inBoth(t, patrolled)
}

func patrolled(t *testing.T, shared bool) {
	l := newTestLoop(t, shared)
	c, far := pairIn(t, l)
	echo(c)
	parked(t, c)
	inside, release := stuck(t, l, false)
	<-inside
	_, _ = io.WriteString(far, "unheard")
	l.patrol()
	l.patrol()
	hears(t, far, "unheard")
	release()
}

// A client that does not read must not keep the loop from the others.
func TestASlowReaderDoesNotHoldTheOthers(t *testing.T) {
	inBoth(t, slowReader)
}

func slowReader(t *testing.T, shared bool) {
	l := newTestLoop(t, shared)
	slow, farSlow := pairIn(t, l)
	c, far := pairIn(t, l)
	echo(c)
	answersTo(t, far)
	big := make([]byte, 32<<20)
	wrote := make(chan error, 1)
	go func() {
		buf := make([]byte, 64)
		_ = slow.each(nobody{}, func() []byte { return buf }, func(int) bool { _, err := slow.Write(big); wrote <- err; return true })
	}()
	parked(t, c)
	parked(t, slow)
	_, _ = io.WriteString(farSlow, "give me much")
	until(t, "the slow reader's answer to be stuck", func() bool { slow.mu.Lock(); defer slow.mu.Unlock(); return slow.write.waiting })
	for range 100 {
		answersTo(t, far)
	}
	if n, err := io.CopyN(io.Discard, farSlow, int64(len(big))); err != nil {
		t.Fatalf("read %d bytes, %v", n, err)
	}
	if err := <-wrote; err != nil {
		t.Errorf("the slow reader's answer ended with %v", err)
	}
}

func TestCloseEndsAllThatWaits(t *testing.T) {
	inBoth(t, closeEnds)
}

func closeEnds(t *testing.T, shared bool) {
	l := newTestLoop(t, shared)
	driven, _ := pairIn(t, l)
	read, _ := pairIn(t, l)
	ended := []chan error{echo(driven), make(chan error, 1), make(chan error, 1)}
	go func() { _, err := read.Read(make([]byte, 1)); ended[1] <- err }()
	go func() { _, err := read.Write(make([]byte, 64<<20)); ended[2] <- err }()
	for _, c := range []*swift{driven, read} {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if err := c.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the second Close returns %v, want net.ErrClosed", err)
		}
	}
	for i, e := range ended {
		if err := <-e; !errors.Is(err, net.ErrClosed) {
			t.Errorf("%d ended with %v, want net.ErrClosed", i, err)
		}
	}
}

func TestDeadlinesToComeEndReadingAndCanBeTakenAway(t *testing.T) {
	c, far := pair(t)
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("a Read ended with %v, want a deadline", err)
	}
	ended := echo(c)
	if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("each ended with %v, want a deadline", err)
	}
	_ = c.SetReadDeadline(time.Now().Add(time.Hour))
	_ = c.SetReadDeadline(noDeadline)
	ended = echo(c)
	answersTo(t, far)
	_ = c.SetReadDeadline(longAgo)
	<-ended
	_, _ = io.WriteString(far, "left over")
	_ = c.SetReadDeadline(noDeadline)
	hears(t, c, "left over")
}

// Connections that come and go take over each other's descriptors: no event and no byte may go to the wrong one.
func TestDescriptorsAreNotConfused(t *testing.T) {
	inBoth(t, comeAndGo)
}

func comeAndGo(t *testing.T, shared bool) {
	l := newTestLoop(t, shared)
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			c := l.take(conn).(*swift)
			all.Go(func() {
				<-echo(c)
				_ = c.Close()
			})
		}
	})
	var clients sync.WaitGroup
	for k := range 8 {
		clients.Go(func() {
			for i := range 100 {
				far, err := net.Dial("tcp4", ln.Addr().String())
				if err != nil {
					t.Error(err)
					return
				}
				want := [2]byte{byte(k), byte(i)}
				var got [2]byte
				_, _ = far.Write(want[:])
				if _, err := io.ReadFull(far, got[:]); err != nil || got != want {
					t.Errorf("got %v and %v, want %v", got, err, want)
				}
				_ = far.Close()
			}
		})
	}
	clients.Wait()
	_ = ln.Close()
	all.Wait()
}

// The descriptor that wakes a loop is above those of its connections where there were few, or none.
func TestALoopIsWokenBeyondItsConnections(t *testing.T) {
	l := &loop{conns: make([]*swift, 17), came: 1, closed: true}
	l.batch[0] = syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: 20}
	if c, _ := l.event(0); c != nil {
		t.Errorf("an event of nobody was given to %v", c)
	}
}
