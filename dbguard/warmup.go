package dbguard

import (
	"fmt"
	"time"
)

// LearningSettings say how long after a start evidence that rests on what was learned from the app is only told: until then refuse the
// rules and evidence that needs no model. Structures from a file end it at once.
type LearningSettings struct {
	Time     time.Duration `yaml:"time" doc:"Time after a start without learned statements in which evidence that rests on them is only told; 0s means none."`
	Requests int           `yaml:"requests" doc:"Requests after which that time ends early; 0 means at once."`
}

func (l LearningSettings) validate() (wrong []error) {
	if l.Time < 0 {
		wrong = append(wrong, fmt.Errorf("learning.time is %s, want 0s or more", l.Time))
	}
	if l.Requests < 0 {
		wrong = append(wrong, fmt.Errorf("learning.requests is %d, want 0 or more", l.Requests))
	}
	return wrong
}

// LearningView is how far the guard got in learning the app's statements.
type LearningView struct {
	// Learning is true while evidence that rests on learned structures is only told.
	Learning bool `json:"learning"`
	// Until is when that ends at the latest, nil where it has ended. RequestsLeft is how many requests end it earlier.
	Until        *time.Time `json:"until"`
	RequestsLeft int        `json:"requestsLeft"`
	// Known counts the structures that are known; FromFile is true where a file of them was loaded.
	Known    int  `json:"known"`
	FromFile bool `json:"fromFile"`
}

// Warm ends the time of learning: call it where the structures of the app were loaded from a file.
func (g *Guard) Warm() { g.warm.Store(true) }

// Learning tells how far the guard is.
func (g *Guard) Learning() LearningView {
	v := LearningView{Known: g.model.Len(), FromFile: g.warm.Load()}
	if until, left := g.learningLeft(); left > 0 {
		until = until.UTC()
		v.Learning, v.Until, v.RequestsLeft = true, &until, left
	}
	return v
}

// isLearning reports that evidence which rests on learned structures is only told.
func (g *Guard) isLearning() bool {
	_, left := g.learningLeft()
	return left > 0
}

// learningLeft returns when learning ends and after how many requests it ends sooner; 0 where it has ended.
func (g *Guard) learningLeft() (until time.Time, requests int) {
	l := g.state.Load().settings.Learning
	until = g.started.Add(l.Time)
	if g.warm.Load() || !g.now().Before(until) {
		return until, 0
	}
	return until, max(l.Requests-int(min(g.requestsSeen(), uint64(l.Requests))), 0)
}

// requestsSeen counts the requests that came, or queries where nobody tells of requests.
func (g *Guard) requestsSeen() uint64 {
	if g.hasOrigin {
		newest, _ := g.origin()
		return max(newest, 1) - 1
	}
	return g.counts.known.Load() + g.counts.read.Load()
}
