package upstream

import (
	"context"
	"net"
	"sync"
	"time"
)

// upgrades are the connections that left HTTP for WebSocket. The zero value is ready.
type upgrades struct {
	mu   sync.Mutex // guards open
	open map[net.Conn]struct{}
}

func (u *upgrades) remember(c net.Conn) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.open == nil {
		u.open = map[net.Conn]struct{}{}
	}
	u.open[c] = struct{}{}
}

func (u *upgrades) forget(c net.Conn) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.open, c)
}

// goingAway is the WebSocket close frame with status 1001 (RFC 6455, 5.5.1 and 7.4.1).
var goingAway = []byte{0x88, 0x02, 0x03, 0xe9}

// Drain tells each open WebSocket that the server goes away (1001), closes it and waits until its relay has ended or ctx
// ends. http.Server.Shutdown knows nothing of them; call this after it stopped accepting.
func (u *Upstream) Drain(ctx context.Context) error {
	u.upgrades.closeAll()
	for u.meter.upgrades.Load() > 0 {
		if !pause(ctx, 10*time.Millisecond) {
			return ctx.Err()
		}
	}
	return nil
}

func (u *upgrades) closeAll() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for c := range u.open {
		_ = c.SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = c.Write(goingAway)
		_ = c.Close()
	}
}
