package alert

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"sallyport/gateway/journal"
)

const (
	sendLimit  = 15 * time.Second // for one message on one channel
	lastWords  = 5 * time.Second  // for what is still unsent when Run ends
	shortest   = time.Second      // pause after a failed attempt; it doubles up to longest
	longest    = 5 * time.Minute
	stuckAfter = 10 * time.Minute // an unsent message this old ends the heartbeat, so that its owner alerts
)

// Run delivers messages until ctx ends, tries once more what is unsent, and returns when all it started has ended.
func (d *Desk) Run(ctx context.Context) error {
	d.load()
	for serving := true; serving; {
		// Channels outlive ctx until the journal's last events are heard, so that those are told too.
		end := d.shift(context.WithoutCancel(ctx))
		serving = d.watch(ctx)
		end()
	}
	d.lastWords(ctx)
	d.save()
	return nil
}

// watch hears the journal, lets the ledger speak when time has passed, and keeps the queue on disk. It returns true where the
// settings have changed and false when ctx has ended.
func (d *Desk) watch(ctx context.Context) bool {
	events := d.opt.Events
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		timer.Reset(d.untilDue())
		select {
		case <-ctx.Done():
			d.hearQueued(events)
			return false
		case <-d.changed:
			return true
		case e, more := <-events:
			if !more {
				events = nil
				continue
			}
			d.Hear(e)
		case <-d.kick:
			d.save()
		case <-timer.C:
			d.act(func(time.Time) []Event { return nil })
		}
	}
}

// hearQueued takes in what the journal has said already, so that the last event is told too.
func (d *Desk) hearQueued(events <-chan journal.Event) {
	for {
		select {
		case e, more := <-events:
			if !more {
				return
			}
			d.Hear(e)
		default:
			return
		}
	}
}

func (d *Desk) untilDue() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.opt.Now()
	at := d.ledger.next(now)
	if quiet := d.rules.next(); !quiet.IsZero() && (at.IsZero() || quiet.Before(at)) {
		at = quiet
	}
	if at.IsZero() {
		return time.Hour
	}
	return max(at.Sub(now), 10*time.Millisecond)
}

// deliver sends the letters of one channel, oldest first, each until it is taken.
func (d *Desk) deliver(ctx context.Context, c Channel, wake chan struct{}) {
	pause := shortest
	for ctx.Err() == nil {
		l := d.first(c)
		if l == nil {
			select {
			case <-wake:
			case <-ctx.Done():
			}
			continue
		}
		if d.send(ctx, c, l) {
			pause = shortest
			continue
		}
		t := time.NewTimer(pause/2 + rand.N(pause/2))
		select {
		case <-t.C:
		case <-ctx.Done():
		}
		t.Stop()
		pause = min(2*pause, longest)
	}
}

func (d *Desk) first(c Channel) *letter {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.queue.first(c.Name, d.opt.Now())
}

// send tries l once on c and reports whether it was taken.
func (d *Desk) send(ctx context.Context, c Channel, l *letter) bool {
	within, cancel := context.WithTimeout(ctx, sendLimit)
	err := c.Sender.Send(within, l.Event)
	cancel()
	d.mu.Lock()
	defer d.mu.Unlock()
	l.Tried++
	d.state[c.Name].note(err, d.opt.Now())
	if err != nil {
		d.opt.Log.Warn("alert not delivered", "channel", c.Name, "cause", l.Event.Cause, "error", err)
		return false
	}
	d.queue.taken(l, c.Name)
	ring(d.kick)
	return true
}

func (s *ChannelState) note(err error, now time.Time) {
	if err != nil {
		s.Failed++
		s.LastError = err.Error()
		return
	}
	s.Sent++
	s.LastSent, s.LastError = now, ""
}

// Test sends a test message on every channel now, past the queue and the hour's limit, and returns what came of it by
// channel: nil where it was taken. It blocks until the slowest has answered.
func (d *Desk) Test(ctx context.Context) map[string]error {
	results := map[string]error{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	d.mu.Lock()
	channels := slices.Clone(d.channels)
	d.mu.Unlock()
	for _, c := range channels {
		wg.Go(func() {
			within, cancel := context.WithTimeout(ctx, sendLimit)
			defer cancel()
			err := c.Sender.Send(within, trial(d.opt.Now()))
			mu.Lock()
			results[c.Name] = err
			mu.Unlock()
			d.mu.Lock()
			defer d.mu.Unlock()
			d.state[c.Name].note(err, d.opt.Now())
			if err == nil {
				d.state[c.Name].Tested = d.opt.Now()
			}
		})
	}
	wg.Wait()
	return results
}

// load takes over what the gateway before us had not delivered.
func (d *Desk) load() {
	if d.file == "" {
		return
	}
	p, err := readPaper(d.file)
	if err != nil {
		d.opt.Log.Error("alert queue not read; it begins anew", "error", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.opt.Now()
	var old queue
	for _, l := range p.Letters {
		old.add(l.Event, l.To)
	}
	old.letters = append(old.letters, d.queue.letters...)
	d.queue.letters = old.letters
	d.ledger.mutes = append(d.ledger.mutes, p.Mutes...)
	for _, i := range p.Incidents {
		if d.ledger.incidents[i.Cause] == nil {
			i.Unconfirmed = now.Add(keptUnconfirmed)
			d.ledger.incidents[i.Cause] = i
		}
	}
}

// save writes the queue file; a disk that refuses is logged and stops nothing.
func (d *Desk) save() {
	if d.file == "" {
		return
	}
	d.mu.Lock()
	p := paper{Mutes: d.ledger.mutes}
	for _, l := range d.queue.letters {
		p.Letters = append(p.Letters, *l)
	}
	for _, i := range d.ledger.incidents {
		p.Incidents = append(p.Incidents, i)
	}
	text, err := json.Marshal(p)
	d.mu.Unlock()
	if err == nil {
		err = writePaper(d.file, text)
	}
	if err != nil {
		d.opt.Log.Error("alert queue not saved", "error", fmt.Errorf("save %s: %w", d.file, err))
	}
}
