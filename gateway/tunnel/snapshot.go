package tunnel

import (
	"slices"
	"time"
)

// Snapshot is the state of the tunnel under the names of the hardening API. Times are UTC; latencies are milliseconds.
type Snapshot struct {
	// Mode is "off", "run" where cloudflared is our child, "observe" where it is only watched.
	Mode             string      `json:"mode"`
	State            Phase       `json:"state"`
	Cause            Cause       `json:"cause"`
	Since            time.Time   `json:"since"`
	PID              int         `json:"pid"`
	ReadyConnections int         `json:"readyConnections"`
	ConnectorID      string      `json:"connectorId"`
	Version          string      `json:"version"`
	Protocol         string      `json:"protocol"`
	EdgeIPv6         bool        `json:"edgeIpv6"`
	Restarts         Restarts    `json:"restarts"`
	Probe            Probe       `json:"probe"`
	Certificate      Certificate `json:"certificate"`
	Binary           Image       `json:"binary"`
	Rules            Rules       `json:"rules"`
	Backup           BackupState `json:"backup"`
	// Incidents are those open now, in the order they opened.
	Incidents []OpenIncident `json:"incidents"`
}

// Restarts is the budget; window is in milliseconds.
type Restarts struct {
	Used   int   `json:"used"`
	Budget int   `json:"budget"`
	Window int64 `json:"window"`
}

// Probe is the newest public probe; last is zero where none was made.
type Probe struct {
	Last    time.Time  `json:"last"`
	Class   ProbeClass `json:"class"`
	Latency float64    `json:"latency"`
	Meaning string     `json:"meaning"`
}

// Certificate is the public one; notAfter is zero where it was not seen.
type Certificate struct {
	DaysLeft int       `json:"daysLeft"`
	NotAfter time.Time `json:"notAfter"`
	Issuer   string    `json:"issuer"`
}

// Image is the executable. Verified means that the running image has the pinned hash.
type Image struct {
	Path     string `json:"path"`
	SHA256   string `json:"sha256"`
	Pinned   bool   `json:"pinned"`
	Verified bool   `json:"verified"`
}

// Rules are the effective ones; target is where the public host leads.
type Rules struct {
	Version int    `json:"version"`
	OK      bool   `json:"ok"`
	Finding string `json:"finding"`
}

// IngressRule is one rule in force, as cloudflared serves it; an empty host name means every host.
type IngressRule struct {
	Hostname string `json:"hostname"`
	Path     string `json:"path"`
	Service  string `json:"service"`
}

// maxIngress is how many rules are kept for people to see.
const maxIngress = 50

// Ingress returns the rules in force at the last look, at most 50; nil where there was none.
func (s *Supervisor) Ingress() []IngressRule {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen.ingress)
}

// OpenIncident is a fault that is not over.
type OpenIncident struct {
	Cause    Cause     `json:"cause"`
	Severity Severity  `json:"severity"`
	Since    time.Time `json:"since"`
	Summary  string    `json:"summary"`
}

// Transition is one change of phase or cause.
type Transition struct {
	At    time.Time `json:"at"`
	State Phase     `json:"state"`
	Cause Cause     `json:"cause"`
	PID   int       `json:"pid"`
}

// keptTransitions is how many changes History remembers.
const keptTransitions = 200

// seen is what checks found, for Snapshot only: step decides by evidence.
type seen struct {
	probe     ProbeResult
	ready     readyAnswer
	readyOf   int // child
	diagnosis diagnosis
	version   string
	binary    Image
	rules     Rules
	ingress   []IngressRule
}

// Snapshot returns what is known now.
func (s *Supervisor) Snapshot() Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, seen, now := s.state, s.seen, s.opt.Now()
	snap := Snapshot{
		Mode: s.mode(), State: st.phase, Cause: st.cause, Since: st.since.UTC(), PID: s.pidLocked(st.child),
		ReadyConnections: st.ready, ConnectorID: seen.ready.Connector, Version: seen.version, Protocol: seen.diagnosis.protocol(),
		EdgeIPv6: seen.diagnosis.overIPv6(), Binary: seen.binary, Rules: seen.rules, Incidents: []OpenIncident{},
		Restarts: Restarts{Used: st.used(s.pace, now), Budget: s.pace.limit, Window: s.pace.window.Milliseconds()},
		Probe:    Probe{Last: seen.probe.At.UTC(), Class: seen.probe.Class, Latency: seen.probe.LatencyMs, Meaning: seen.probe.Meaning},
	}
	if !seen.probe.NotAfter.IsZero() {
		left := int(seen.probe.NotAfter.Sub(now) / (24 * time.Hour))
		snap.Certificate = Certificate{DaysLeft: left, NotAfter: seen.probe.NotAfter.UTC(), Issuer: seen.probe.Issuer}
	}
	if s.backup != nil {
		snap.Backup = s.backup.state()
	}
	for _, f := range st.conditions {
		if f.open {
			snap.Incidents = append(snap.Incidents, OpenIncident{f.cause, rowOf(f.cause).severity, f.since.UTC(), f.summary})
		}
	}
	slices.SortStableFunc(snap.Incidents, func(a, b OpenIncident) int { return a.Since.Compare(b.Since) })
	return snap
}

func (s *Supervisor) mode() string {
	switch {
	case s.job == nil:
		return "off"
	case s.state.managed:
		return "run"
	}
	return "observe"
}

// used is how much of the budget the window before now holds.
func (s state) used(p pace, now time.Time) int {
	n := 0
	for _, at := range s.restarts {
		if at.After(now.Add(-p.window)) {
			n++
		}
	}
	return n
}

// protocol is that of the first connection, "" where there is none.
func (d diagnosis) protocol() string {
	for _, c := range d.Connections {
		if c.Connected {
			return map[int]string{0: "http2", 1: "quic"}[c.Protocol]
		}
	}
	return ""
}

// History returns the newest changes, oldest first, at most 200.
func (s *Supervisor) History() []Transition {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.history)
}

// keptProbes is how many probes Probes remembers: an hour of the usual interval.
const keptProbes = 60

// Probes returns the newest probes through the public URL, oldest first, at most 60.
func (s *Supervisor) Probes() []ProbeResult {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.probes)
}

// remember keeps a change; the caller holds mu.
func (s *Supervisor) remember(t Transition) {
	s.history = append(s.history, t)
	s.history = s.history[max(0, len(s.history)-keptTransitions):]
}

// pidLocked is the process of child n, 0 where there is none; the caller holds mu.
func (s *Supervisor) pidLocked(n int) int {
	if c := s.children[n]; c != nil && c.isUp() {
		return c.process.pid
	}
	return 0
}

func (s *Supervisor) isManaged() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.managed
}

// connector is the id of our connector, "" before it is known.
func (s *Supervisor) connector() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen.ready.Connector
}

func (s *Supervisor) noteReady(n int, r readyAnswer) {
	s.note(func(v *seen) {
		if n >= v.readyOf {
			v.ready, v.readyOf = r, n
		}
	})
}

func (s *Supervisor) noteDiagnosis(d diagnosis) { s.note(func(v *seen) { v.diagnosis = d }) }

func (s *Supervisor) noteRules(e effective, r rules) {
	ingress := make([]IngressRule, 0, min(len(e.Config.Ingress), maxIngress))
	for _, i := range e.Config.Ingress[:min(len(e.Config.Ingress), maxIngress)] {
		ingress = append(ingress, IngressRule{shorten(i.Hostname, 253), shorten(i.Path, 200), shorten(i.Service, 200)})
	}
	s.note(func(v *seen) {
		v.rules, v.ingress = Rules{Version: e.Version, OK: r.cause == "", Finding: r.summary}, ingress
	})
}

func (s *Supervisor) noteBinary(path, sum string) {
	pinned := s.job.(*cloudflared).pin() != ""
	s.note(func(v *seen) { v.binary = Image{Path: path, SHA256: sum, Pinned: pinned} })
}

func (s *Supervisor) noteVerified(ok bool) { s.note(func(v *seen) { v.binary.Verified = ok }) }

func (s *Supervisor) note(change func(*seen)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.seen)
}
