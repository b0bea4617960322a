package main

import (
	"context"
	"log/slog"
	"runtime/debug"
	"time"
)

// settleAfter is when the start is over: the doors serve, the history is open, the app and the tunnel were asked.
const settleAfter = 5 * time.Second

// settle gives back, once, the memory that only the start needed: what its garbage held of the heap, and the parts of the program file
// that were mapped for it. It returns early where ctx ends.
func settle(ctx context.Context, log *slog.Logger) {
	select {
	case <-ctx.Done():
		return
	case <-time.After(settleAfter):
	}
	debug.FreeOSMemory()
	if err := dropStartPages(); err != nil {
		log.Debug("the pages of the start stay mapped", "error", err)
	}
}
