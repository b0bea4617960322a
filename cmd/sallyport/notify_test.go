package main

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/gateway"
)

// listener is systemd's end of the socket; said are the words that came, one datagram each.
type listener struct {
	environ []string
	said    chan string
}

func listenAsSystemd(t *testing.T) listener {
	t.Helper()
	name := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	l := listener{environ: []string{"NOTIFY_SOCKET=" + name, "WATCHDOG_USEC=30000"}, said: make(chan string, 1000)}
	go func() {
		for buf := make([]byte, 4096); ; {
			n, err := conn.Read(buf)
			if err != nil {
				close(l.said)
				return
			}
			l.said <- string(buf[:n])
		}
	}()
	return l
}

// await returns what came up to and with the first word that begins as want.
func (l listener) await(t *testing.T, want string) []string {
	t.Helper()
	var came []string
	for end := time.After(20 * time.Second); ; {
		select {
		case word := <-l.said:
			came = append(came, word)
			if strings.HasPrefix(word, want) {
				return came
			}
		case <-end:
			t.Fatalf("systemd did not hear %s within 20 s, it heard %q", want, came)
		}
	}
}

func TestWatchdogIsFedOnlyWhileEveryLoopGoesRound(t *testing.T) {
	l := listenAsSystemd(t)
	o, err := newOverseer(l.environ)
	if err != nil {
		t.Fatal(err)
	}
	defer o.close()
	var round, database atomic.Uint64
	ticks := func() gateway.Ticks {
		if database.Load() > 0 {
			return gateway.Ticks{Pulse: round.Add(1), App: round.Add(1), Database: database.Load()}
		}
		return gateway.Ticks{Pulse: round.Add(1), App: round.Add(1)}
	}
	ctx, cancel := context.WithCancel(t.Context())
	said := make(chan string, 100)
	log := slog.New(slog.NewTextHandler(writerFunc(func(p []byte) (int, error) { said <- string(p); return len(p), nil }), nil))
	ended := make(chan struct{})
	go func() { defer close(ended); o.feed(ctx, ticks, log) }()
	l.await(t, "WATCHDOG=1")
	database.Store(7) // from now on that loop stands still
	if line := <-said; !strings.Contains(line, `loops="database door"`) {
		t.Errorf("the log says %s, want the loop that stands still", line)
	}
	for len(l.said) > 0 {
		<-l.said
	}
	if line := <-said; !strings.Contains(line, "not fed") || len(l.said) > 0 {
		t.Errorf("the log says %s and %d signs of life came while a loop stands still, want none", line, len(l.said))
	}
	cancel()
	<-ended
	l.await(t, "STOPPING=1")
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestSystemdHearsOfStartLifeAndEnd(t *testing.T) {
	l := listenAsSystemd(t)
	l.environ[1] = "WATCHDOG_USEC=6000000"
	inRoom(t, map[string]string{"s.yaml": "admin: {listen: '127.0.0.1:0'}\nhttp: {listen: '127.0.0.1:0'}\n"})
	ctx, cancel := context.WithCancelCause(t.Context())
	var out, errOut bytes.Buffer
	p := newProgram(&out, &errOut)
	p.environ = l.environ
	code := make(chan int, 1)
	go func() { code <- p.run(ctx, []string{"run", "--config", "s.yaml"}) }()
	if came := l.await(t, "READY=1"); len(came) != 1 {
		t.Errorf("before READY=1 came %q", came)
	}
	l.await(t, "WATCHDOG=1") // the loops of a real gateway go round
	cancel(errTerminated)
	l.await(t, "STOPPING=1")
	if got := <-code; got != codeGood {
		t.Errorf("run ended with %d, want 0\n%s", got, errOut.String())
	}
}
