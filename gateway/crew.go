package gateway

import (
	"context"
	"fmt"
	"sync"
)

// crew is a group of long-lived parts that stop together. The first part that ends with an error is told to fail.
type crew struct {
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	fail   func(error) // may be called by several goroutines
}

// newCrew returns a crew that lives until stop.
func newCrew(ctx context.Context, fail func(error)) *crew {
	c := &crew{fail: fail}
	c.ctx, c.cancel = context.WithCancel(context.WithoutCancel(ctx))
	return c
}

// run starts a part in its own goroutine.
func (c *crew) run(name string, part func(context.Context) error) {
	c.wg.Go(func() {
		if err := part(c.ctx); err != nil && c.ctx.Err() == nil {
			c.fail(fmt.Errorf("%s: %w", name, err))
		}
	})
}

// stop ends the parts and waits for them.
func (c *crew) stop() {
	c.cancel()
	c.wg.Wait()
}
