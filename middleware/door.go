package middleware

import (
	"errors"
	"io"
	"log/slog"
	"time"
)

// Names of the stages in rejections.
const (
	stageRateLimit = "rate-limit"
	stageBodySize  = "body-size"
	stageHold      = "hold"
	stageCORS      = "cors"
	stagePanic     = "panic"
)

// door is one set of settings, made ready for requests; its methods are the stages.
type door struct {
	state    *State
	logger   *slog.Logger
	log      io.Writer
	now      func() time.Time
	onReject func(Rejection)
	onAnswer func(Answer)
	onStore  func(error)

	identity identity
	rules    []headerRule
	origins  *origins
	budget   *budget
	bodyMax  int64
	timeouts Timeouts
}

func newDoor(s Settings, p Parts) (*door, error) {
	if p.State == nil {
		return nil, errors.New("middleware: no State given")
	}
	p = p.withDefaults()
	d := &door{
		state: p.State, logger: p.Logger, log: p.AccessLog, now: p.Now,
		onReject: p.OnReject, onAnswer: p.OnAnswer, onStore: p.OnStore,
		bodyMax: s.BodyMax, timeouts: s.Timeouts,
	}
	var err error
	if d.identity, err = newIdentity(s.ClientIP); err != nil {
		return nil, err
	}
	if d.rules, err = newHeaderRules(s, p.Development); err != nil {
		return nil, err
	}
	if d.origins, err = newOrigins(s.CORS, p.PublicURL); err != nil {
		return nil, err
	}
	d.budget = newBudget(s.RateLimit, p.Store)
	return d, nil
}

// count adds one refusal to the state's counters.
func (d *door) count(stage string, status int) { d.state.count(stage, status) }
