package alert

import (
	"crypto/x509"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"sallyport/gateway/journal"
)

// Channel is one way to people.
type Channel struct {
	// Name is "slack", "webhook" or "email"; it is unique.
	Name   string
	Sender Sender
}

// Options are what a Desk needs of the house around it. Zero values have the usual default.
type Options struct {
	// Source names this installation in messages: the public host name.
	Source string
	Log    *slog.Logger
	Now    func() time.Time
	// Rules hear the journal; nil means DefaultRules.
	Rules []Rule
	// Events are those of the journal; Run reads them, also those still queued when it ends. nil means that Hear is called.
	Events <-chan journal.Event
	// Channels are used beside those of the settings.
	Channels []Channel
	// Roots are the certificates that channels trust; nil means the system's.
	Roots *x509.CertPool
	// Proxy is what webhooks go through: http.ProxyFromEnvironment; nil means none.
	Proxy func(*http.Request) (*url.URL, error)
}

// Desk hears what is wrong, decides who is told, and keeps messages until they are delivered. Several goroutines may call
// its methods, before and while Run runs; none of them blocks on a channel or a disk but Test.
type Desk struct {
	opt     Options
	file    string        // of the queue, "" for none
	kick    chan struct{} // 1: there is something to save
	changed chan struct{} // 1: the settings are others
	clients clients

	mu       sync.Mutex // guards all below
	set      Settings
	channels []Channel
	ledger   *ledger
	rules    rules
	checks   map[string]*tally
	queue    queue
	state    map[string]*ChannelState
	wake     map[string]chan struct{} // by channel, 1: there may be a letter
	beaten   time.Time                // newest heartbeat that was taken
}

// New returns the desk of s. It opens nothing; secrets are read from their files when something is sent.
func New(s Settings, opt Options) *Desk {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Rules == nil {
		opt.Rules = DefaultRules()
	}
	d := &Desk{set: s, file: s.Queue, opt: opt, kick: make(chan struct{}, 1), changed: make(chan struct{}, 1), clients: newClients(opt.Roots, opt.Proxy), ledger: newLedger(s), checks: map[string]*tally{}}
	d.rules = rules{list: opt.Rules, seen: map[string]*sightings{}}
	d.channels = append(d.channelsOf(s), opt.Channels...)
	d.state, d.wake = map[string]*ChannelState{}, map[string]chan struct{}{}
	for _, c := range d.channels {
		d.state[c.Name] = &ChannelState{Name: c.Name}
		d.wake[c.Name] = make(chan struct{}, 1)
	}
	return d
}

// channelsOf builds the channels that s names, in the order of the settings.
func (d *Desk) channelsOf(s Settings) []Channel {
	var all []Channel
	if s.Slack.WebhookFile != "" {
		all = append(all, Channel{"slack", slack{file: s.Slack.WebhookFile, source: d.opt.Source, post: d.clients.post}})
	}
	if s.Webhook.URLFile != "" {
		all = append(all, Channel{"webhook", webhook{set: s.Webhook, source: d.opt.Source, post: d.clients.post}})
	}
	if s.Email.SMTP != "" {
		all = append(all, Channel{"email", email{set: s.Email, source: d.opt.Source, roots: d.opt.Roots}})
	}
	return all
}

// Open notes a fault that is confirmed. It opens an incident unless one of that cause is open.
func (d *Desk) Open(f Fault) {
	d.act(func(now time.Time) []Event { return d.ledger.open(f, now) })
}

// Close notes that cause is over; summary replaces the incident's, "" keeps it.
func (d *Desk) Close(cause, summary string) {
	d.act(func(now time.Time) []Event { return d.ledger.close(cause, summary, now) })
}

// Check counts one result of a repeated check of f: an incident opens after 2 failures of the newest 3, and is over after
// 2 good ones in a row.
func (d *Desk) Check(f Fault, ok bool) {
	d.act(func(now time.Time) []Event {
		c := d.checks[f.Cause]
		if c == nil {
			c = &tally{}
			d.checks[f.Cause] = c
		}
		if c.add(DefaultThreshold, ok) {
			if ok {
				return nil // still open, and the fault's words are those of the failure
			}
			return d.ledger.open(f, now)
		}
		return d.ledger.close(f.Cause, "", now)
	})
}

// Hear takes in an event of the journal; rules decide whether it means anything.
func (d *Desk) Hear(e journal.Event) {
	if !d.rules.mention(e) {
		return // most events mean nothing here, and there can be thousands a second
	}
	if e.At.IsZero() {
		e.At = d.opt.Now()
	}
	d.act(func(now time.Time) (out []Event) {
		begun, over := d.rules.hear(e)
		for _, f := range begun {
			out = append(out, d.ledger.open(f, now)...)
		}
		for _, cause := range over {
			out = append(out, d.ledger.close(cause, e.Summary, now)...)
		}
		return out
	})
}

// Mute keeps m.Cause, or everything with "*", quiet until m.Until. An incident that is open by then is told at once.
func (d *Desk) Mute(m Mute) {
	d.act(func(now time.Time) []Event {
		d.ledger.mute(m, now)
		return nil
	})
	ring(d.kick)
}

// act does something with the ledger and queues what it says.
func (d *Desk) act(do func(now time.Time) []Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.opt.Now()
	said := d.ledger.due(now) // what is held back comes before what is new
	for _, cause := range d.rules.quiet(now) {
		said = append(said, d.ledger.close(cause, "", now)...)
	}
	said = append(said, do(now)...)
	if len(said) == 0 {
		return
	}
	for _, e := range said {
		d.queue.add(e, d.names())
	}
	ring(d.kick)
	for _, c := range d.channels {
		ring(d.wake[c.Name])
	}
}

func (d *Desk) names() []string {
	var all []string
	for _, c := range d.channels {
		all = append(all, c.Name)
	}
	return all
}

// ring wakes the reader of c; one ring that waits is enough.
func ring(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Snapshot is the state of alerting for the API.
type Snapshot struct {
	Open     []OpenIncident `json:"open"`
	Mutes    []Mute         `json:"mutes"`
	Channels []ChannelState `json:"channels"`
	// Waiting is how many messages are not delivered yet; Dropped how many never will be.
	Waiting int `json:"waiting"`
	Dropped int `json:"dropped"`
	// HeldBack is how many messages this hour had no room for.
	HeldBack int `json:"heldBack"`
	// Heartbeat is the newest one that was taken; zero where there is none.
	Heartbeat time.Time `json:"heartbeat"`
}

// OpenIncident is a fault that is not over.
type OpenIncident struct {
	Cause    string           `json:"cause"`
	Severity journal.Severity `json:"severity"`
	Summary  string           `json:"summary"`
	Since    time.Time        `json:"since"`
	Flapping bool             `json:"flapping"`
	Muted    bool             `json:"muted"`
}

// ChannelState is how a channel fares. Tested is when Test last got through.
type ChannelState struct {
	Name      string    `json:"name"`
	Sent      int       `json:"sent"`
	Failed    int       `json:"failed"`
	LastSent  time.Time `json:"lastSent"`
	LastError string    `json:"lastError"`
	Tested    time.Time `json:"tested"`
}

// Snapshot returns what is known now; incidents are in the order they opened.
func (d *Desk) Snapshot() Snapshot {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.opt.Now()
	s := Snapshot{
		Open: []OpenIncident{}, Mutes: append([]Mute{}, d.ledger.mutes...), Channels: []ChannelState{},
		Waiting: len(d.queue.letters), Dropped: d.queue.dropped, HeldBack: d.ledger.limit.held, Heartbeat: d.beaten,
	}
	for _, i := range d.ledger.incidents {
		if i.Open {
			s.Open = append(s.Open, OpenIncident{i.Cause, i.Severity, i.Summary, i.Since, i.Flapping, d.ledger.muted(i.Cause, now)})
		}
	}
	slices.SortFunc(s.Open, func(a, b OpenIncident) int { return a.Since.Compare(b.Since) })
	for _, c := range d.channels {
		s.Channels = append(s.Channels, *d.state[c.Name])
	}
	return s
}
