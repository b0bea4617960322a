//go:build prove

package wire

import (
	"bytes"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// resident is this process's resident memory in bytes, with what nobody uses given back to the system.
func resident(t *testing.T) int64 {
	t.Helper()
	debug.FreeOSMemory()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.ParseInt(string(bytes.Fields(text)[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

// The test's own ends of the connections are in the figure as well.
func TestProveAThousandIdleClientsTakeFewKilobytesEach(t *testing.T) {
	const clients, most = 1000, 12 << 10
	d := open(t, func(s *setup) { s.settings.Clients.Max = 2 * clients })
	wants(t, d.connect(t, ""), "select 1", "1")
	before := resident(t)
	conns := make([]net.Conn, clients)
	for i := range conns {
		c, err := pgconn.Connect(t.Context(), d.url(""))
		if err != nil {
			t.Fatal(err)
		}
		wants(t, c, "select 1", "1")
		h, err := c.Hijack()
		if err != nil {
			t.Fatal(err)
		}
		conns[i] = h.Conn
		t.Cleanup(func() { conns[i].Close() })
	}
	runtime.GC() // a stack shrinks by half each time, as it does in a process at rest
	each := (resident(t) - before) / clients
	t.Logf("an idle client takes %.1f KB", float64(each)/1024)
	if each > most {
		t.Errorf("an idle client takes %d bytes, want at most %d", each, most)
	}
}

func TestProveAnnouncedGigabytesTakeNoMemory(t *testing.T) {
	const sockets, most = 100, 64 << 20
	d := open(t, func(s *setup) { s.settings.Clients.LoginTimeout = time.Minute })
	wants(t, d.connect(t, ""), "select 1", "1")
	before := resident(t)
	startup := append([]byte{0, 0, 0, 0, 0, 3, 0, 0}, "user\x00app\x00database\x00postgres\x00\x00"...)
	startup[3] = byte(len(startup))
	var answered int
	for range sockets {
		conn, err := net.Dial("tcp", d.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, _ = conn.Write(startup)
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		if n, err := conn.Read(make([]byte, 100)); err == nil && n > 0 {
			answered++ // with what it wants for a login
		}
		_, _ = conn.Write([]byte{'p', 0x40, 0, 0, 0, 'S', 'C'}) // 1 GiB of it
	}
	grown := resident(t) - before
	t.Logf("%d of %d sockets were asked for a login; resident memory %+d KB", answered, sockets, grown>>10)
	if answered != sockets || grown > most {
		t.Errorf("%d of %d were asked to log in, and resident memory grew by %d bytes, want less than %d", answered, sockets, grown, most)
	}
}
