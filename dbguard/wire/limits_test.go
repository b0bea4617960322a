package wire

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"sallyport/dbguard"
	"sallyport/dbguard/screen"
)

// watchHeap samples the live heap and stacks until stopped and returns the most that was seen above the start, in bytes.
func watchHeap() (stop func() uint64) {
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	most := uint64(0)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			runtime.ReadMemStats(&now)
			if now.HeapInuse+now.StackInuse > before.HeapInuse+before.StackInuse {
				most = max(most, now.HeapInuse+now.StackInuse-before.HeapInuse-before.StackInuse)
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	return func() uint64 { cancel(); <-done; return most }
}

func TestAnnouncedGigabytesCostNothing(t *testing.T) {
	d := open(t, func(s *setup) { s.settings.Clients.LoginTimeout = time.Second })
	stop := watchHeap()
	for i := range 100 {
		conn, err := net.Dial("tcp", d.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if i%2 == 0 {
			_, _ = conn.Write([]byte{0x40, 0, 0, 0, 0, 3, 0, 0})
		} else {
			_, _ = conn.Write([]byte{0, 0, 0, 18, 0, 3, 0, 0, 'u', 's', 'e', 'r', 0, 'a', 0, 0, 0, 0, 'p', 0x40, 0, 0, 0})
		}
		if i%2 == 0 {
			_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
			answer, _ := io.ReadAll(conn)
			if !strings.Contains(string(answer), "08P01") {
				t.Errorf("got %q, want 08P01", answer)
			}
		}
	}
	r := d.raw(t, "")
	_, _ = r.conn.Write([]byte{'B', 0, 0xff, 0xff, 0xff}) // 16 MB announced, nothing sent
	if got := stop(); got > 64<<20 {
		t.Errorf("the heap grew by %d MB, want less than 64", got>>20)
	}
}

func TestHugeAnswersAndSlowReadersAreRelayedWhole(t *testing.T) {
	const size = 60_000_000
	d := open(t, func(s *setup) { s.settings.Pool.Max, s.guard.Limits.QueryTimeout = 2, 5*time.Minute })
	r := d.raw(t, "")
	stop := watchHeap()
	r.say(&pgproto3.Query{String: fmt.Sprintf("copy (select repeat('x',%d)) to stdout", size)})
	other := d.connect(t, "")
	wants(t, other, "select 1", "1") // nobody reads the big answer yet
	sum := md5.New()
	buf := make([]byte, 64<<10)
	if _, err := io.ReadFull(r.conn, buf[:10]); err != nil || buf[0] != 'H' {
		t.Fatalf("got %q %v, want CopyOutResponse", buf[:10], err)
	}
	if _, err := io.ReadFull(r.conn, buf[:5]); err != nil || buf[0] != 'd' || bodySize(buf) != size+1 {
		t.Fatalf("got %q %v, want CopyData of %d bytes", buf[:5], err, size+1)
	}
	if n, err := io.CopyBuffer(sum, io.LimitReader(r.conn, size), buf); err != nil || n != size {
		t.Fatalf("got %d bytes and %v, want %d", n, err, size)
	}
	want := md5.New()
	_, _ = io.CopyN(want, xs{}, size)
	if got, want := hex.EncodeToString(sum.Sum(nil)), hex.EncodeToString(want.Sum(nil)); got != want {
		t.Errorf("md5 is %s, want %s", got, want)
	}
	if got := stop(); got > 32<<20 {
		t.Errorf("the heap grew by %d MB, want less than 32", got>>20)
	}
}

// xs reads as x without end.
type xs struct{}

func (xs) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestMessagesOverTheirCapAreRefusedAndTheConnectionLives(t *testing.T) {
	d := open(t, nil)
	c := d.connect(t, "")
	long := "select '" + strings.Repeat("x", maxStatement) + "'"
	fails(t, c, long, "54000")
	wants(t, c, "select 1", "1")
	ask(t, c, "begin")
	fails(t, c, long, "54000")
	fails(t, c, "select 1", "25P02")
	ask(t, c, "rollback")
	r := d.raw(t, "")
	r.say(parse("", "select length($1::text)"), &pgproto3.Bind{Parameters: [][]byte{make([]byte, maxBind)}}, execute, sync_, &pgproto3.Query{String: "select 1"})
	r.wantHears(2, "1 E:54000 Z:I T D C:SELECT 1 Z:I")
	big := []byte(strings.Repeat("y", 10_000_000))
	r.say(parse("", "select length($1::text)"), &pgproto3.Bind{Parameters: [][]byte{big}}, execute, sync_)
	if got := firstColumn(t, r); got != "10000000" {
		t.Errorf("a parameter of 10 MB has length %s", got)
	}
}

func TestRefusalsLeaveTransactionsToPostgreSQL(t *testing.T) {
	d := open(t, func(s *setup) {
		s.guard.Screen = dbguard.Enforce
		s.rules = []screen.Rule{{Name: "evil", Check: func(st *screen.Statement) []screen.Finding {
			if strings.Contains(st.SQL, "evil") {
				return []screen.Finding{{Rule: "evil", Reason: "it says so", Weight: 10}}
			}
			return nil
		}}}
	})
	c := d.connect(t, "")
	pg := fails(t, c, "select 'evil'", "42501")
	if pg != nil && (!strings.Contains(pg.Detail, "ingerprint") || !strings.Contains(pg.Hint, "ncident")) {
		t.Errorf("refusal is %+v, want the fingerprint in DETAIL and the incident in HINT", pg)
	}
	wants(t, c, "select 42", "42")
	ask(t, c, "begin")
	fails(t, c, "select 'evil'", "42501")
	fails(t, c, "select 1", "25P02")
	ask(t, c, "rollback")
	r := d.raw(t, "")
	r.say(parse("a", "select 1"), bind("a"), execute, parse("b", "select 'evil'"), bind("b"), execute, sync_, bind("a"), execute, sync_)
	r.wantHears(2, "1 2 D C:SELECT 1 E:42501 Z:I 2 D C:SELECT 1 Z:I")
	r.say(parse("b", "select 'evil'"), bind("b"), execute, sync_, &pgproto3.Query{String: "select 2"})
	r.wantHears(2, "E:42501 Z:I T D C:SELECT 1 Z:I")
	r.say(&pgproto3.FunctionCall{}, &pgproto3.Query{String: "select 2"})
	r.wantHears(2, "E:0A000 Z:I T D C:SELECT 1 Z:I")
	m := d.guard.Snapshot().Metrics
	if m.BlockedQueries != 4 || m.TotalQueries != 12 || m.FailedQueries != 1 {
		t.Errorf("counted %+v, want 4 blocked and 8 more, one of which failed", m)
	}
}

func TestComplexStatementIsRefusedAtOnce(t *testing.T) {
	d := open(t, func(s *setup) { s.guard.Screen = dbguard.Enforce })
	c := d.connect(t, "")
	sql := "select 1" + strings.Repeat("+1", 25_000)
	best := time.Hour
	for range 5 {
		began := time.Now()
		fails(t, c, sql, "54001")
		best = min(best, time.Since(began))
	}
	if best > 500*time.Millisecond {
		t.Errorf("it took %s, want a few milliseconds", best)
	}
	wants(t, c, "select 1", "1")
}
