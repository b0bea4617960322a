//go:build linux

package wire

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// newTestLoop is a loop that ends with the test.
func newTestLoop(t *testing.T, shared bool) *loop {
	t.Helper()
	l, err := newLoop(shared)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.close)
	return l
}

// pair is a connection of the kernel, the first end swift, in a loop of its own.
func pair(t *testing.T) (*swift, *net.TCPConn) {
	t.Helper()
	return pairIn(t, newTestLoop(t, false))
}

func pairIn(t *testing.T, l *loop) (*swift, *net.TCPConn) {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	far, err := net.Dial("tcp4", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	near, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c, ok := l.take(near).(*swift)
	if !ok {
		t.Fatal("a TCP connection is not swift")
	}
	t.Cleanup(func() { c.Close(); far.Close() })
	return c, far.(*net.TCPConn)
}

func TestSwiftReadsAllAndTellsTheEnd(t *testing.T) {
	c, far := pair(t)
	want := strings.Repeat("0123456789", 100_000)
	var sent sync.WaitGroup
	sent.Go(func() {
		_, _ = io.WriteString(far, want)
		far.Close()
	})
	defer sent.Wait()
	var got bytes.Buffer
	buf := make([]byte, 1000)
	err := c.each(nobody{}, func() []byte { return buf }, func(n int) bool { got.Write(buf[:n]); return false })
	if err != io.EOF || got.String() != want {
		t.Errorf("got %d bytes and %v, want %d and EOF", got.Len(), err, len(want))
	}
}

func TestSwiftWritesAllToASlowReader(t *testing.T) {
	c, far := pair(t)
	want := bytes.Repeat([]byte("0123456789"), 1_000_000)
	read := make(chan []byte)
	go func() { all, _ := io.ReadAll(far); read <- all }()
	if n, err := c.Write(want); n != len(want) || err != nil {
		t.Errorf("wrote %d bytes, %v, want %d", n, err, len(want))
	}
	c.Close()
	if got := <-read; !bytes.Equal(got, want) {
		t.Errorf("read %d bytes, want the %d written", len(got), len(want))
	}
}

func TestADeadlineEndsWhatWaits(t *testing.T) {
	c, _ := pair(t)
	ended := make(chan error, 2)
	go func() {
		ended <- c.each(nobody{}, func() []byte { return make([]byte, 1) }, func(int) bool { return false })
	}()
	go func() { _, err := c.Write(make([]byte, 64<<20)); ended <- err }()
	_ = c.SetDeadline(longAgo)
	for range 2 {
		if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("ended with %v, want a deadline", err)
		}
	}
}

// The kernel may tell once of bytes and an end that came together, and a reader that got fewer bytes than it had room for asks no more.
func TestAnEndThatCameWithTheLastBytesIsFound(t *testing.T) {
	c, far := pair(t)
	began, wait := make(chan struct{}), make(chan struct{})
	ended := make(chan error)
	go func() {
		buf := make([]byte, 100)
		ended <- c.each(nobody{}, func() []byte { return buf }, func(int) bool { close(began); <-wait; return false })
	}()
	_, _ = io.WriteString(far, "last words")
	<-began
	far.Close()
	close(wait)
	if err := <-ended; err != io.EOF {
		t.Errorf("ended with %v, want EOF", err)
	}
}

func TestAClientThatClosesBehindItsQueryIsNotKept(t *testing.T) {
	d := open(t, nil)
	ask(t, d.connect(t, ""), "select 1")
	for range 20 {
		r := d.raw(t, "")
		r.say(&pgproto3.Query{String: "select pg_sleep(60) /* abandoned */"})
		r.conn.Close()
	}
	watch := direct(t)
	until(t, "the abandoned queries to end", func() bool {
		return len(d.Snapshot().Clients) == 1 && backends(t, watch, "state='active' and query like '%abandoned%'") == "0"
	})
}
