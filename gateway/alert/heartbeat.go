package alert

import (
	"context"
	"net/http"
	"time"
)

// beat asks for the heartbeat address of set at each interval. It pauses while a message is stuck: people who cannot be told
// from here are then told by whoever misses the beat.
func (d *Desk) beat(ctx context.Context, set Settings) {
	t := time.NewTicker(set.HeartbeatEvery)
	defer t.Stop()
	for {
		if !d.stuck() {
			within, cancel := context.WithTimeout(ctx, min(sendLimit, set.HeartbeatEvery))
			err := d.clients.ask(within, http.MethodGet, set.HeartbeatURL, nil, nil)
			cancel()
			if err == nil {
				d.mu.Lock()
				d.beaten = d.opt.Now()
				d.mu.Unlock()
			} else if ctx.Err() == nil {
				d.opt.Log.Warn("heartbeat not taken", "error", err)
			}
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
	}
}

// stuck reports that a message has waited for too long.
func (d *Desk) stuck() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	oldest := d.queue.oldest()
	return !oldest.IsZero() && d.opt.Now().Sub(oldest) > stuckAfter
}
