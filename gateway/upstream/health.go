package upstream

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// sweepEvery bounds how late a time limit may strike, and how late it shows that a client has gone.
const sweepEvery = 250 * time.Millisecond

// Run keeps the time limits of the exchanges and looks at the app regularly until ctx ends; it returns nil then. It must
// run until the last request has ended.
func (u *Upstream) Run(ctx context.Context) error {
	sweep := time.NewTicker(max(time.Millisecond, min(sweepEvery, u.settings.Timeout/8)))
	defer sweep.Stop()
	var looking sync.WaitGroup
	defer looking.Wait()
	if u.settings.Health.Every > 0 {
		looking.Go(func() { u.watch(ctx) })
	}
	defer u.pool.close()
	window := time.Now()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-sweep.C:
			u.sweeps.Add(1)
			u.pool.sweep(now)
			if now.Sub(window) > time.Minute {
				window = now
				u.meter.turn()
			}
		}
	}
}

// Sweeps counts the rounds of the loop that keeps the time limits, some each second; one that stands still means that Run hangs.
func (u *Upstream) Sweeps() uint64 { return u.sweeps.Load() }

// watch looks at the app now and then regularly.
func (u *Upstream) watch(ctx context.Context) {
	ticker := time.NewTicker(u.settings.Health.Every)
	defer ticker.Stop()
	for {
		u.look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// look checks the app once. Where the circuit is due to be tried, the check is the trial, so that no visitor has to be.
func (u *Upstream) look(ctx context.Context) {
	trial := ticket{told: true}
	if !u.breaker.calm.Load() {
		if t, ok := u.breaker.admit(); ok {
			trial = t
		}
	}
	began := u.parts.Now()
	err := u.check(ctx)
	now := Health{Healthy: err == nil, At: began, Took: u.parts.Now().Sub(began)}
	switch {
	case ctx.Err() != nil:
		u.breaker.tell(&trial, errClientFault)
		return
	case err != nil:
		now.Err = err.Error()
		u.breaker.tell(&trial, errAppFault)
	default:
		u.breaker.tell(&trial, nil)
	}
	if before := u.health.Swap(&now); before.Healthy != now.Healthy {
		u.parts.OnHealth(now)
	}
}

func (u *Upstream) check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, u.settings.Health.Timeout)
	defer cancel()
	network, address := dialAddress(u.target)
	conn, err := u.parts.Dialer.DialContext(ctx, network, address)
	if err != nil {
		return err
	}
	if u.settings.Health.Path == "" {
		return conn.Close()
	}
	return errors.Join(ask(ctx, conn, u.target.Host, u.settings.Health.Path), conn.Close())
}

// ask sends one GET over conn and wants an answer below 500.
func ask(ctx context.Context, conn net.Conn, host, path string) error {
	if until, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(until); err != nil {
			return err
		}
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: sallyport-health\r\nConnection: close\r\n\r\n", path, host); err != nil {
		return err
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode >= 500 {
		return fmt.Errorf("answer: status %d", answer.StatusCode)
	}
	return nil
}
