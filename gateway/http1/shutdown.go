package http1

import (
	"context"
	"errors"
	"net"
	"time"
)

// Shutdown accepts no more, closes idle connections, and waits until the requests under way have been answered or ctx ends.
// Connections that a handler took over are not waited for.
func (s *Server) Shutdown(ctx context.Context) error {
	err := s.closeListener()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		busy := false
		for _, c := range s.all(nil) {
			busy = c.leave() || busy
		}
		if !busy {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// Close accepts no more and cuts every connection, those that a handler took over and has not left yet included.
func (s *Server) Close() error {
	err := s.closeListener()
	for _, c := range s.all(nil) {
		_ = c.raw.Close() // it may have ended by itself
	}
	return err
}

func (s *Server) closeListener() error {
	s.closing.Store(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return nil
	}
	if err := s.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
