package tunnel

import (
	"slices"
	"time"
)

// state is all that step knows. It is a value: step returns a new one and never changes the old.
type state struct {
	managed  bool   // the process is our child; else it is only watched
	app      bool   // it is the app; else it is cloudflared
	probing  bool   // there is a public URL to probe
	protocol string // auto, quic or http2: what the settings ask for

	phase Phase
	cause Cause // why the phase is what it is; "" in Up
	since time.Time

	child     int       // number of the current child, from 1; evidence about others is ignored
	running   bool      // the current child has not ended
	started   time.Time // when it was started
	served    bool      // it had a connection to the edge once
	ready     int       // connections at the last check
	goods     int       // checks in a row with a connection
	missed    int       // checks in a row without an answer
	idle      int       // checks in a row without a connection although the network is there
	quic      int       // failed QUIC dials since the last connection
	refusals  int       // lines that say the edge refuses our secret, since the last connection
	replacing bool      // a second child is on its way, the first still serves
	renewals  int       // starts beside the serving child that came to nothing
	doubted   *exited   // an end that is judged once we know whether the network is there

	route  []bool    // the newest 4 public probes, true where the edge had no route
	share  []taker   // who took the newest 20 public probes that somebody answered
	routed time.Time // when a restart was last tried for a lost route; zero when the route is fine

	heldFor  Cause       // what to go back to when an attempt out of Held fails
	restarts []time.Time // what was spent of the budget, oldest first
	tries    int         // restarts in a row without a stable stretch
	pinned   time.Time   // http2 is used until then
	seed     uint64      // of the jitter

	nextProcess, nextPublic time.Time
	resume                  time.Time // when WaitNet, Backoff or Held moves on
	conditions              []condition
}

// condition is what was seen of one cause.
type condition struct {
	cause      Cause
	seen, good int // sightings and good signs in a row
	open       bool
	since      time.Time
	summary    string
	detail     map[string]string
}

func (s state) clone() state {
	s.restarts = slices.Clone(s.restarts)
	s.route = slices.Clone(s.route)
	s.share = slices.Clone(s.share)
	s.conditions = slices.Clone(s.conditions)
	return s
}

// who is what a person calls the process.
func (s *state) who() string {
	if s.app {
		return "the app"
	}
	return "cloudflared"
}

// find returns the condition of c, nil where it was never seen.
func (s *state) find(c Cause) *condition {
	for i := range s.conditions {
		if s.conditions[i].cause == c {
			return &s.conditions[i]
		}
	}
	return nil
}

func (s *state) isOpen(c Cause) bool {
	found := s.find(c)
	return found != nil && found.open
}

// pace holds every interval and limit that step obeys; tests scale it.
type pace struct {
	process, public time.Duration // between checks
	doubt           time.Duration // between checks while something is unconfirmed, at most
	rising          time.Duration // between checks of a child that does not serve yet, at most
	network         time.Duration // between looks for the network
	first, longest  time.Duration // shortest and longest delay before a restart
	start           time.Duration // how long a child may take to its first connection
	stable          time.Duration // a child that served this long has forgotten its restarts
	retry           time.Duration // between attempts out of Held
	window          time.Duration // of the budget
	limit           int           // restarts per window
	pin             time.Duration // how long http2 is kept
	warn            time.Duration // certificates that end sooner are worth a warning
}

func paceOf(w WatchSettings) pace {
	return pace{
		process: w.Process, public: w.PublicURL, doubt: 10 * time.Second, rising: time.Second, network: 5 * time.Second,
		first: time.Second, longest: 5 * time.Minute, start: 3 * time.Minute, stable: 2 * time.Minute,
		retry: 30 * time.Minute, window: time.Hour, limit: w.RestartsPerHour, pin: 24 * time.Hour, warn: w.CertWarning,
	}
}

// hurry is the interval while something is unconfirmed.
func (p pace) hurry(usual time.Duration) time.Duration { return min(usual, p.doubt) }

// rise is the interval until a child serves.
func (p pace) rise(usual time.Duration) time.Duration { return min(p.hurry(usual), p.rising) }

// repaced says that other intervals and limits hold from now on.
type repaced struct {
	pace    pace
	probing bool
}

func (r repaced) apply(t *turn) {
	t.pace, t.probing = r.pace, r.probing
	t.nextProcess, t.nextPublic = minTime(t.nextProcess, t.now.Add(t.process)), minTime(t.nextPublic, t.now.Add(t.public))
}

// verb is what an action does.
type verb string

const (
	doStart        verb = "start"         // start child number N
	doStop         verb = "stop"          // TERM, grace, KILL of the process group of child N
	doReplace      verb = "replace"       // start child N, and stop N-1 once N serves
	doCheckProcess verb = "check-process" // process, readiness, rules, binary
	doCheckPublic  verb = "check-public"  // the nonce through the public URL
	doCheckNetwork verb = "check-network" // does the edge's name resolve, can it be dialled
	doTell         verb = "tell"          // an incident opened or ended
	doSave         verb = "save"          // budget, pin and process to disk
)

// action is one thing that step wants done.
type action struct {
	do       verb
	child    int
	protocol string // of a start: auto, quic or http2
	incident Incident
}
