package wire

import (
	"context"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// residue is what a process holds.
type residue struct {
	goroutines, files int
	heap              uint64 // bytes
}

func residueNow(t testing.TB) residue {
	t.Helper()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		files = nil // no such folder on this system
	}
	return residue{goroutines: runtime.NumGoroutine(), files: len(files), heap: m.HeapAlloc}
}

// wantNothingLeft waits until the door has no client and no connection in use, and no more is held than before, but for the
// server connections that idle in its pool.
func (d *doorway) wantNothingLeft(t testing.TB, before residue) residue {
	t.Helper()
	until(t, "the door to be empty", func() bool {
		s := d.Snapshot()
		return len(s.Clients) == 0 && s.Pool.Active == 0 && s.Pool.Waiting == 0 && s.Pool.Pinned == 0
	})
	idle := d.Snapshot().Pool.Max
	now := residueNow(t)
	until(t, "goroutines and files to be gone", func() bool {
		now = residueNow(t)
		return now.goroutines <= before.goroutines+idle && now.files <= before.files+idle
	})
	if now.heap > before.heap+16<<20 {
		t.Errorf("the heap grew from %d to %d KiB", before.heap>>10, now.heap>>10)
	}
	return now
}

// storm has n clients, per at a time, begin something and then break their connections at any moment. It returns how many got in.
func (d *doorway) storm(t testing.TB, n, per int) int {
	t.Helper()
	begin := [][]pgproto3.FrontendMessage{
		{&pgproto3.Query{String: "select pg_sleep(60) /*stormy*/"}},
		{&pgproto3.Query{String: "begin; select 1 /*stormy*/"}, &pgproto3.Query{String: "select pg_sleep(60) /*stormy*/"}},
		{parse("s", "select pg_sleep(60) /*stormy*/"), bind("s"), execute, sync_, parse("", "select 1"), bind(""), execute},
		{&pgproto3.Query{String: "select repeat('x',1000) from generate_series(1,100000) /*stormy*/"}},
		{&pgproto3.Query{String: "create temp table stormy(a int) /*stormy*/"}, &pgproto3.Query{String: "copy stormy from stdin"}, &pgproto3.CopyData{Data: []byte("1\n")}},
		{&pgproto3.Query{String: "select 1"}, &pgproto3.Terminate{}},
	}
	var in atomic.Int32
	all(per, func(i int) {
		for k := i; k < n; k += per {
			c, err := pgconn.Connect(context.Background(), d.url(""))
			if err != nil {
				continue
			}
			h, err := c.Hijack()
			if err != nil {
				continue
			}
			in.Add(1)
			for _, m := range begin[k%len(begin)] {
				h.Frontend.Send(m)
			}
			_ = h.Frontend.Flush()
			_ = h.Conn.SetReadDeadline(time.Now().Add(rand.N(20 * time.Millisecond)))
			_, _ = h.Conn.Read(make([]byte, 100))
			_ = h.Conn.(*net.TCPConn).SetLinger(0) // a reset, as of a program that was killed
			_ = h.Conn.Close()
		}
	})
	return int(in.Load())
}

func TestStormOfKilledClientsLeavesNothing(t *testing.T) {
	stormLeavesNothing(t, 60, 12)
}

func stormLeavesNothing(t *testing.T, clients, per int) {
	t.Helper()
	d := open(t, nil)
	watch := direct(t)
	d.storm(t, 20, 10) // what is kept for later is there
	until(t, "the door to be empty", func() bool { return len(d.Snapshot().Clients) == 0 && d.Snapshot().Pool.Active == 0 })
	before := residueNow(t)
	began := time.Now()
	in := d.storm(t, clients, per)
	took := time.Since(began)
	after := d.wantNothingLeft(t, before)
	until(t, "their statements to end", func() bool { return backends(t, watch, "state<>'idle' and query like '%stormy*/%'") == "0" })
	t.Logf("%d clients killed in %s; before %+v, after %+v", in, took.Round(time.Millisecond), before, after)
	wants(t, d.connect(t, ""), "select 5", "5")
}

// knocks are what comes in over a new connection before it ends.
var knocks = []string{
	"", "\x00\x00\x00\x08\x04\xd2\x16\x2f", "\x00\x00\x00\x10\x04\xd2\x16\x2e\x00\x00\x00\x01\x00\x00\x00\x01", "GET / HTTP/1.1\r\n\r\n",
	"\x00\x00\x00\x13\x00\x03\x00\x00user\x00app\x00\x00", "\x00\x00", "\x16\x03\x01",
}

func TestRushOfConnectionsLeavesNothing(t *testing.T) {
	rushLeavesNothing(t, 300, time.Second)
}

// rushLeavesNothing opens so many connections a second for a while, every eighth of them a whole login.
func rushLeavesNothing(t *testing.T, each int, lasting time.Duration) {
	t.Helper()
	d := open(t, func(s *setup) { s.settings.Clients.LoginTimeout = 2 * time.Second })
	for range 3 {
		_ = d.connect(t, "").Close(t.Context())
	}
	until(t, "the door to be empty", func() bool { return len(d.Snapshot().Clients) == 0 })
	before := residueNow(t)
	var work sync.WaitGroup
	var opened, logins, failed atomic.Int32
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	began := time.Now()
	for n := 0; time.Since(began) < lasting; <-tick.C {
		for due := int(time.Since(began).Seconds() * float64(each)); n < due; n++ {
			k := n
			work.Go(func() {
				opened.Add(1)
				if k%8 == 7 {
					if _, err := tryConnect(d.url("")); err != nil {
						failed.Add(1)
					}
					logins.Add(1)
					return
				}
				knock(d.addr, knocks[k%len(knocks)])
			})
		}
	}
	work.Wait()
	took := time.Since(began)
	after := d.wantNothingLeft(t, before)
	t.Logf("%d connections in %s, %d of them logins, %d refused; before %+v, after %+v", opened.Load(), took.Round(time.Millisecond), logins.Load(), failed.Load(), before, after)
	if failed.Load() > 0 {
		t.Errorf("%d of %d logins failed, want 0", failed.Load(), logins.Load())
	}
	wants(t, d.connect(t, ""), "select 5", "5")
}

// knock opens a connection, says something, and leaves.
func knock(addr, what string) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = strings.NewReader(what).WriteTo(conn)
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Millisecond))
	_, _ = conn.Read(make([]byte, 100))
}
