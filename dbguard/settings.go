package dbguard

import (
	"fmt"
	"time"
)

// Mode says what happens to a query with findings.
type Mode string

// The modes: nothing is looked for, findings are only told, findings refuse the query.
const (
	Off     Mode = "off"
	Observe Mode = "observe"
	Enforce Mode = "enforce"
)

// Settings are the guard's own part of the section "database".
type Settings struct {
	Screen    Mode             `yaml:"screen" doc:"What the rules on SQL text do: off, observe (tell only) or enforce (refuse). The complexity limit follows it."`
	CrossDoor Mode             `yaml:"cross_door" doc:"What evidence from HTTP requests does to a query: off, observe or enforce."`
	Learning  LearningSettings `yaml:"learning" doc:"How long the app's statements are learned before cross_door refuses by them."`
	Limits    Limits           `yaml:"limits" doc:"What one query may cost."`
	Breaker   BreakerSettings  `yaml:"breaker" doc:"When connecting to PostgreSQL is given up for a while."`
	Retry     RetrySettings    `yaml:"retry" doc:"How often connecting to PostgreSQL is tried again."`
}

// Limits are what one query may cost.
type Limits struct {
	Complexity   int           `yaml:"complexity" doc:"Highest complexity score of a statement; 0 means no limit."`
	SlowQuery    time.Duration `yaml:"slow_query" doc:"Execution time, without waiting for a connection or for locks, from which a query counts as slow."`
	QueryTimeout time.Duration `yaml:"query_timeout" doc:"Execution time after which a query is cancelled with 57014."`
}

// BreakerSettings say when the circuit to PostgreSQL opens. It also opens when half of at least 20 dials within 30 s failed.
type BreakerSettings struct {
	Failures int           `yaml:"failures" doc:"Failed dials in a row that open the circuit."`
	OpenFor  time.Duration `yaml:"open_for" doc:"How long the open circuit refuses before one probe, give or take a tenth."`
}

// RetrySettings say how a failed dial is repeated: after a random part of base, doubled each time up to max.
type RetrySettings struct {
	Attempts int           `yaml:"attempts" doc:"Tries in all, the first one included."`
	Base     time.Duration `yaml:"base" doc:"Longest wait before the second try."`
	Max      time.Duration `yaml:"max" doc:"Longest wait before any try."`
}

// Defaults are the settings that hold where none are given.
func Defaults() Settings {
	return Settings{
		Screen:    Enforce,
		CrossDoor: Enforce,
		Learning:  LearningSettings{Time: 24 * time.Hour, Requests: 500},
		Limits:    Limits{Complexity: 1000, SlowQuery: 5 * time.Second, QueryTimeout: 30 * time.Second},
		Breaker:   BreakerSettings{Failures: 5, OpenFor: 30 * time.Second},
		Retry:     RetrySettings{Attempts: 3, Base: 50 * time.Millisecond, Max: time.Second},
	}
}

// Validate returns every mistake; each text begins with the key.
func (s Settings) Validate() []error {
	var wrong []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	check(s.Screen.known(), "screen is %q, want off, observe or enforce", s.Screen)
	check(s.CrossDoor.known(), "cross_door is %q, want off, observe or enforce", s.CrossDoor)
	l, b, r := s.Limits, s.Breaker, s.Retry
	check(l.Complexity >= 0, "limits.complexity is %d, want 0 (no limit) or more", l.Complexity)
	check(l.SlowQuery > 0, "limits.slow_query is %s, want more than 0s", l.SlowQuery)
	check(l.QueryTimeout >= time.Millisecond, "limits.query_timeout is %s, want 1ms or more", l.QueryTimeout)
	check(b.Failures >= 1, "breaker.failures is %d, want 1 or more", b.Failures)
	check(b.OpenFor >= time.Second, "breaker.open_for is %s, want 1s or more", b.OpenFor)
	check(r.Attempts >= 1 && r.Attempts <= 10, "retry.attempts is %d, want 1 to 10", r.Attempts)
	check(r.Base > 0, "retry.base is %s, want more than 0s", r.Base)
	check(r.Max >= r.Base, "retry.max is %s, want retry.base (%s) or more", r.Max, r.Base)
	return append(wrong, s.Learning.validate()...)
}

// inspects reports whether rules are asked at all.
func (s Settings) inspects() bool { return s.Screen != Off || s.CrossDoor != Off }

func (m Mode) known() bool { return m == Off || m == Observe || m == Enforce }
