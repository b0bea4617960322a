package alert

import (
	"context"
	"slices"
	"sync"
)

// Apply makes s hold from now on: channels, heartbeat, reminders and the hour's limit. Incidents, mutes and undelivered
// messages stay; those for a channel that is gone are not sent on it any more. The queue's file stays the one that Run opened.
// It returns before the new channels deliver.
func (d *Desk) Apply(s Settings) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s.Queue = d.file
	d.set = s
	d.ledger.repeat, d.ledger.limit.max = s.Repeat, s.MaxPerHour
	d.channels = append(d.channelsOf(s), d.opt.Channels...)
	names := d.names()
	for _, name := range names {
		if d.state[name] == nil {
			d.state[name], d.wake[name] = &ChannelState{Name: name}, make(chan struct{}, 1)
		}
	}
	for _, l := range d.queue.letters {
		l.To = slices.DeleteFunc(l.To, func(to string) bool { return !slices.Contains(names, to) })
	}
	ring(d.changed)
}

// shift runs the channels and the heartbeat of the settings of now until the returned function is called, which waits for them.
func (d *Desk) shift(ctx context.Context) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	d.mu.Lock()
	channels, set := slices.Clone(d.channels), d.set
	d.mu.Unlock()
	var wg sync.WaitGroup
	for _, c := range channels {
		wake := d.bell(c.Name)
		wg.Go(func() { d.deliver(ctx, c, wake) })
	}
	if set.HeartbeatURL != "" {
		wg.Go(func() { d.beat(ctx, set) })
	}
	return func() {
		cancel()
		wg.Wait()
	}
}

// bell is what wakes the channel of that name.
func (d *Desk) bell(name string) chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.wake[name]
}

// lastWords tries once more, on every channel, what is unsent at the end.
func (d *Desk) lastWords(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	d.mu.Lock()
	channels := slices.Clone(d.channels)
	d.mu.Unlock()
	var wg sync.WaitGroup
	for _, c := range channels {
		wg.Go(func() {
			for l := d.first(c); l != nil && d.send(ctx, c, l); l = d.first(c) {
			}
		})
	}
	wg.Wait()
}
