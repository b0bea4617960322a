package upstream

import (
	"context"
	"sync"
	"time"
)

// upgrades are the open tunnels. The zero value is ready.
type upgrades struct {
	mu   sync.Mutex // guards open
	open map[*tunnel]struct{}
}

func (u *upgrades) remember(t *tunnel) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.open == nil {
		u.open = map[*tunnel]struct{}{}
	}
	u.open[t] = struct{}{}
}

func (u *upgrades) forget(t *tunnel) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.open, t)
}

// farewellTime is how long both sides of a WebSocket may take to close it.
const farewellTime = time.Second

// Drain tells each open WebSocket that the server goes away (1001), gives both sides a second to close, and waits until
// their relays have ended or ctx ends. http.Server.Shutdown knows nothing of them; call this once it accepts no more.
func (u *Upstream) Drain(ctx context.Context) error {
	for {
		u.upgrades.leave()
		if u.meter.upgrades.Load() == 0 {
			return nil
		}
		if !pause(ctx, 5*time.Millisecond) {
			return ctx.Err()
		}
	}
}

// leave tells those that were not told yet.
func (u *upgrades) leave() {
	var told sync.WaitGroup
	u.mu.Lock()
	for t := range u.open {
		// A peer that takes nothing must not hold up the others.
		told.Go(func() { t.leave(farewellTime) })
	}
	u.mu.Unlock()
	told.Wait()
}
