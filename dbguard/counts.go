package dbguard

import (
	"sync/atomic"
	"time"
)

// counts are the guard's running figures. They only grow; a reset of the JSON view remembers where it began.
type counts struct {
	ok, failed, blocked, tooComplex, unserved atomic.Uint64
	slow, suspicious                          atomic.Uint64
	running                                   atomic.Int64
	took                                      atomic.Uint64 // nanoseconds, over queries that ran
	known, read                               atomic.Uint64 // texts answered from the cache, and texts read
	dials, dialsFailed, retries               atomic.Uint64
	durations                                 histogram
}

// Counters are the guard's figures since it was made. They never go back; Running alone goes up and down.
type Counters struct {
	// OK and Failed are queries that ran; Blocked, TooComplex and Unserved those that did not: refused by screening, for
	// their cost, or because no server could be had. A query is in exactly one of them once it ended.
	OK, Failed, Blocked, TooComplex, Unserved uint64
	// Slow and Suspicious are queries among OK and Failed.
	Slow, Suspicious uint64
	// Running is how many run right now.
	Running int64
	// KnownTexts were answered from the verdict cache, ReadTexts were lexed.
	KnownTexts, ReadTexts uint64
	// Dials succeeded, DialsFailed did not, Retries are dials after a failed one. Opened is how often the circuit opened.
	Dials, DialsFailed, Retries, Opened uint64
	// Took is the execution time of all queries that ran.
	Took time.Duration
	// Durations is how many queries took up to so many seconds, by bound, as a Prometheus histogram wants it.
	Durations map[float64]uint64
}

// figures are counts at one moment.
type figures struct {
	at time.Time
	Counters
	durations *tally
}

func (c *counts) now(at time.Time) figures {
	f := figures{at: at, durations: c.durations.read()}
	f.OK, f.Failed = c.ok.Load(), c.failed.Load()
	f.Blocked, f.TooComplex, f.Unserved = c.blocked.Load(), c.tooComplex.Load(), c.unserved.Load()
	f.Slow, f.Suspicious = c.slow.Load(), c.suspicious.Load()
	f.Running, f.Took = c.running.Load(), time.Duration(c.took.Load())
	f.KnownTexts, f.ReadTexts = c.known.Load(), c.read.Load()
	f.Dials, f.DialsFailed, f.Retries = c.dials.Load(), c.dialsFailed.Load(), c.retries.Load()
	return f
}

// since is f without what was counted before.
func (f figures) since(before figures) figures {
	f.OK -= before.OK
	f.Failed -= before.Failed
	f.Blocked -= before.Blocked
	f.TooComplex -= before.TooComplex
	f.Unserved -= before.Unserved
	f.Slow -= before.Slow
	f.Suspicious -= before.Suspicious
	f.Took -= before.Took
	f.durations = f.durations.minus(before.durations)
	return f
}

// Counters returns the figures since the guard was made, untouched by Reset.
func (g *Guard) Counters() Counters {
	f := g.counts.now(g.now())
	f.Opened = g.opened()
	f.Durations = map[float64]uint64{}
	var below uint64
	for i, n := range f.durations {
		below += n
		if next := i + 1; next%(2*perOctave) == 0 && next < 104 {
			f.Durations[bucketStart(next).Seconds()] = below
		}
	}
	return f.Counters
}
