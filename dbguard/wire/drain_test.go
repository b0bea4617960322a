package wire

import (
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Who is told 57P01 may send its statement anew: what the door answered with it must not have run.
func TestADoorThatClosesUnderLoadTellsEveryClientTheTruth(t *testing.T) {
	for name, change := range map[string]func(*setup){
		"many servers": nil, "two servers": func(s *setup) { s.settings.Pool.Max, s.settings.Pool.Wait = 2, time.Minute },
	} {
		t.Run(name, func(t *testing.T) {
			for range 5 {
				drainTold(t, change)
			}
		})
	}
}

func drainTold(t *testing.T, change func(*setup)) {
	t.Helper()
	watch := direct(t)
	ask(t, watch, "drop table if exists drained; create table drained(client int, n int)")
	d := open(t, change)
	const clients = 30
	conns := make([]*pgconn.PgConn, clients)
	for i := range conns {
		conns[i] = d.connect(t, "")
	}
	var answered atomic.Int64
	var last [clients]int
	var why [clients]error
	done := make(chan struct{})
	go func() {
		defer close(done)
		all(clients, func(i int) {
			for why[i] == nil {
				last[i]++
				_, why[i] = try(conns[i], fmt.Sprintf("insert into drained values (%d, %d)", i, last[i]))
				answered.Add(1)
			}
		})
	}()
	until(t, "the clients to be at it", func() bool { return answered.Load() > 10*clients })
	if err := d.close(); err != nil {
		t.Error(err)
	}
	<-done
	for i, err := range why {
		if codeOf(err) != "57P01" {
			t.Errorf("client %d ended with %v, want 57P01", i, err)
		}
		wants(t, watch, "select count(*) from drained where client="+strconv.Itoa(i), strconv.Itoa(last[i]-1))
	}
}

func TestADoorThatClosesTellsWhoIsLoggingIn(t *testing.T) {
	d := open(t, nil)
	conn, err := net.Dial("tcp", d.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = conn.Write([]byte("\x00\x00\x00\x12\x00\x03\x00\x00user\x00app\x00\x00"))
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := conn.Read(make([]byte, 1)); err != nil { // it is asked for its password
		t.Fatal(err)
	}
	if err := d.close(); err != nil {
		t.Error(err)
	}
	if heard, _ := io.ReadAll(conn); !strings.Contains(string(heard), "57P01") {
		t.Errorf("a client that is logging in hears %q, want 57P01", heard)
	}
}
