package wire

import "time"

// watchAfter is how long a client waits in the queue before it is watched for leaving: most waits are shorter.
const watchAfter = 20 * time.Millisecond

// await returns what w is granted. A client that leaves meanwhile gives up its place.
func (s *session) await(w *waiter) grant {
	s.proxy.loop.relieve()
	if s.retrying.Load() != nil || s.defers {
		return <-w.grant // its own goroutine reads the client already
	}
	patience := time.NewTimer(watchAfter)
	defer patience.Stop()
	select {
	case g := <-w.grant:
		return g
	case <-patience.C:
	}
	stop := s.watch(w)
	defer stop()
	return <-w.grant
}

// watch reads what the client sends ahead of its turn, so that it is noticed when it leaves. The function that it returns ends that.
func (s *session) watch(w *waiter) (stop func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		if s.in.readAhead() {
			s.proxy.pool.giveUp(w, fatal(codeCancelled, "client went away"))
		}
	}()
	return func() {
		_ = s.conn.SetReadDeadline(longAgo)
		<-done
		_ = s.conn.SetReadDeadline(noDeadline)
		if s.hungUp.Load() {
			s.hangUp()
		}
	}
}
