package upstream

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Run looks at the app regularly and turns the meter's windows until ctx ends; it returns nil then.
func (u *Upstream) Run(ctx context.Context) error {
	window := time.NewTicker(time.Minute)
	defer window.Stop()
	var check <-chan time.Time
	if every := u.settings.Health.Every; every > 0 {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		check = ticker.C
		u.look(ctx)
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-window.C:
			u.meter.turn()
		case <-check:
			u.look(ctx)
		}
	}
}

// look checks the app once. Where the circuit is due to be tried, the check is the trial, so that no visitor has to be.
func (u *Upstream) look(ctx context.Context) {
	done := func(error) {}
	if *u.breaker.state.Load() != "closed" {
		if trial, ok := u.breaker.admit(); ok {
			done = trial
		}
	}
	began := u.parts.Now()
	err := u.check(ctx)
	now := Health{Healthy: err == nil, At: began, Took: u.parts.Now().Sub(began)}
	switch {
	case ctx.Err() != nil:
		done(errClientFault)
		return
	case err != nil:
		now.Err = err.Error()
		done(errAppFault)
	default:
		done(nil)
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
