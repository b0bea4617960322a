package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"sallyport/gateway"
)

// overseer is systemd as the service that it started sees it: a datagram socket that takes words about our state (sd_notify(3)).
// Nil stands for nobody who listens.
type overseer struct {
	conn net.Conn
	// within is how soon after one sign of life the next must come; 0 where none is asked for.
	within time.Duration
}

// newOverseer is who started this process, by the variables that it left.
func newOverseer(environ []string) (*overseer, error) {
	socket := variable(environ, "NOTIFY_SOCKET")
	if socket == "" {
		return nil, nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return nil, fmt.Errorf("NOTIFY_SOCKET: %w", err)
	}
	o := &overseer{conn: conn}
	if pid := variable(environ, "WATCHDOG_PID"); pid == "" || pid == strconv.Itoa(os.Getpid()) {
		if usec, err := strconv.ParseInt(variable(environ, "WATCHDOG_USEC"), 10, 64); err == nil && usec > 0 {
			o.within = time.Duration(usec) * time.Microsecond
		}
	}
	return o, nil
}

func variable(environ []string, name string) string {
	for _, pair := range environ {
		if value, found := strings.CutPrefix(pair, name+"="); found {
			return value
		}
	}
	return ""
}

// tell sends words such as READY=1. One that is lost is not worth an end: the overseer judges by silence.
func (o *overseer) tell(words ...string) {
	if o != nil {
		_, _ = o.conn.Write([]byte(strings.Join(words, "\n")))
	}
}

// reloading tells that settings are read anew; the clock is CLOCK_MONOTONIC's as the protocol wants it.
func (o *overseer) reloading() {
	o.tell("RELOADING=1", "MONOTONIC_USEC="+strconv.FormatInt(monotonicMicros(), 10))
}

func (o *overseer) close() {
	if o != nil {
		_ = o.conn.Close()
	}
}

// feed gives the watchdog a sign of life while every loop of the gateway goes round, until ctx ends; then it says that we stop. It
// withholds the sign as soon as one loop stands still, so that a gateway that hangs is ended and started anew.
func (o *overseer) feed(ctx context.Context, ticks func() gateway.Ticks, log *slog.Logger) {
	if o == nil {
		return
	}
	defer o.tell("STOPPING=1", "STATUS=draining")
	if o.within == 0 {
		<-ctx.Done()
		return
	}
	look := time.NewTicker(max(o.within/3, time.Millisecond))
	defer look.Stop()
	for before := ticks(); ; {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
			now := ticks()
			if still := now.Stalled(before); len(still) > 0 {
				log.Error("a loop stands still, the watchdog is not fed", "loops", strings.Join(still, ", "))
			} else {
				o.tell("WATCHDOG=1")
			}
			before = now
		}
	}
}
