package tunnel

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Options are what a Supervisor needs of the house around it. Nil functions have the usual default.
type Options struct {
	// PublicURL is probed; "" means there is nothing to probe.
	PublicURL string
	// Door is the HTTP door's literal address, 127.0.0.1:8080; Upstream is the app's own address, "" where unknown.
	Door, Upstream string
	// Nonces are those that the HTTP door answers; nil means a set of its own, which nobody answers.
	Nonces *Nonces
	// OnIncident hears each incident in the supervisor's own goroutine; it must not block.
	OnIncident func(Incident)
	// Log hears what changes; nil means nobody does.
	Log *slog.Logger
	// Environ is the environment of this process; the child gets the allowed part of it.
	Environ []string
	// Now is the clock.
	Now func() time.Time
	// Lookup resolves a host name; Dial connects the public probe.
	Lookup func(ctx context.Context, host string) ([]string, error)
	Dial   func(ctx context.Context, network, addr string) (net.Conn, error)
	// Roots are the certificates that the public probe trusts; nil means the system's.
	Roots *x509.CertPool
}

// Supervisor keeps one cloudflared, or one app, alive and tells what is wrong with it.
type Supervisor struct {
	opt    Options
	pace   pace
	job    job
	backup *Backup // nil where there is none
	door   Door

	in   chan evidence // 64; Run is the only receiver
	done chan struct{} // closed when Run has returned

	mu       sync.Mutex // guards all below
	state    state
	children map[int]*child
	seen     seen
	history  []Transition
	probes   []ProbeResult // newest last, at most keptProbes
}

// job is what is supervised: cloudflared or an app.
type job interface {
	// prepare returns how child n is to be started and where it tells that it is ready.
	prepare(n int, protocol string) (launch, *unstarted)
	// look gathers evidence about c: whether it is ready, and what else can be seen from here.
	look(ctx context.Context, c *child) []evidence
	// classify reads one line of c's output.
	classify(line []byte) (lineClass, string)
	grace() time.Duration
	// needsNetwork reports whether a start without a network is in vain.
	needsNetwork() bool
	dir() string // state folder; "" where nothing is kept
}

// New returns the supervisor of cloudflared as s wants it. It makes the state folder and the door key where cloudflared
// is our child, and starts nothing.
func New(s Settings, opt Options) (*Supervisor, error) {
	opt = opt.withDefaults()
	sup := newSupervisor(opt, paceOf(s.Watch))
	if !s.Enabled() {
		sup.state.phase = Off
		return sup, nil
	}
	cf := &cloudflared{set: s, opt: opt, local: newLocal(5 * time.Second), sup: sup}
	sup.job = cf
	sup.state.managed, sup.state.protocol = s.managed(), s.Run.Protocol
	sup.state.probing = opt.PublicURL != "" && s.Watch.PublicURL > 0
	sup.backup = NewBackup(s, opt.Now)
	key, err := doorKey(s)
	if err != nil {
		return nil, err
	}
	sup.door, cf.key = NewDoor(key), key
	return sup, nil
}

func newSupervisor(opt Options, p pace) *Supervisor {
	return &Supervisor{
		opt: opt, pace: p, in: make(chan evidence, 64), done: make(chan struct{}),
		children: map[int]*child{}, state: state{phase: Off, protocol: "auto", since: opt.Now(), seed: uint64(opt.Now().UnixNano())},
	}
}

func (o Options) withDefaults() Options {
	if o.Nonces == nil {
		o.Nonces = &Nonces{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Lookup == nil {
		o.Lookup = net.DefaultResolver.LookupHost
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{}).DialContext
	}
	if o.OnIncident == nil {
		o.OnIncident = func(Incident) {}
	}
	return o
}

// doorKey returns the key of the connector: a kept one where it is our child, the operator's where we only watch.
func doorKey(s Settings) (string, error) {
	if s.managed() {
		if err := os.MkdirAll(s.State, 0o700); err != nil {
			return "", err
		}
		return loadDoorKey(s.State)
	}
	if s.DoorKey == "" {
		return "", nil
	}
	text, err := readSmall(s.DoorKey, 4<<10)
	return string(trimmed(text)), err
}

// Door returns the door that knows our connector's key.
func (s *Supervisor) Door() Door { return s.door }

// host is the public host name, "" where there is none.
func (o Options) host() string {
	u, err := url.Parse(o.PublicURL)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

var errEnded = errors.New("the supervisor has ended")

// post hands evidence to Run; it is dropped once Run has returned.
func (s *Supervisor) post(ev evidence) {
	select {
	case s.in <- ev:
	case <-s.done:
	}
}

// order hands an operator's wish to Run.
func (s *Supervisor) order(ctx context.Context, o order) error {
	select {
	case s.in <- o:
		return nil
	case <-s.done:
		return errEnded
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Restart starts a new connector beside the old one and then stops the old: nothing is lost and nothing is spent.
func (s *Supervisor) Restart(ctx context.Context) error { return s.order(ctx, orderRestart) }

// Hold takes the tunnel down until Release.
func (s *Supervisor) Hold(ctx context.Context) error { return s.order(ctx, orderHold) }

// Release ends any hold and starts the tunnel.
func (s *Supervisor) Release(ctx context.Context) error { return s.order(ctx, orderRelease) }

// Watch makes w hold from now on: intervals, the restart budget and the certificate's warning.
func (s *Supervisor) Watch(w WatchSettings) {
	s.post(repaced{paceOf(w), s.opt.PublicURL != "" && w.PublicURL > 0})
}

// Probe sends one nonce through the public URL now and returns what came of it.
func (s *Supervisor) Probe(ctx context.Context) (ProbeResult, error) {
	if s.opt.PublicURL == "" {
		return ProbeResult{}, errors.New("there is no public URL to probe")
	}
	return s.probe(ctx), nil
}

func (s *Supervisor) probe(ctx context.Context) ProbeResult {
	p := prober{url: s.opt.PublicURL, nonces: s.opt.Nonces, door: s.door, timeout: 10 * time.Second, roots: s.opt.Roots, dial: s.opt.Dial, now: s.opt.Now}
	r := p.probe(ctx, s.connector())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen.probe = r
	s.probes = append(s.probes, r)
	s.probes = s.probes[max(0, len(s.probes)-keptProbes):]
	return r
}

func (s *Supervisor) path(name string) string { return filepath.Join(s.job.dir(), name) }
