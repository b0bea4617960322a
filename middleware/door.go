package middleware

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"
)

// Names of the stages in rejections.
const (
	stageRateLimit   = "rate-limit"
	stageBodySize    = "body-size"
	stageHold        = "hold"
	stageConcurrency = "concurrency"
	stageClient      = "client"
	stageHeaders     = "headers"
	stageAccess      = "access"
	stageDeadline    = "deadline"
	stageIngress     = "ingress"
	stageCORS        = "cors"
	stagePanic       = "panic"
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
	access   *access
	bodyMax  int64
	timeouts Timeouts
	// preset is the decision that tells the headers' preset, overrides that single headers differ, nil where none does.
	preset, overrides *Decision
	generation        int
	reportsMax        int
	// nonceHeader tells the app the nonce, "" where no policy holds one.
	nonceHeader string
	concurrent  int64
}

func newDoor(s Settings, p Parts) (*door, error) {
	if p.State == nil {
		return nil, errors.New("middleware: no State given")
	}
	p = p.withDefaults()
	d := &door{
		state: p.State, logger: p.Logger, log: p.AccessLog, now: p.Now,
		onReject: p.OnReject, onAnswer: p.OnAnswer, onStore: p.OnStore,
		bodyMax: s.BodyMax, timeouts: s.Timeouts, preset: &Decision{stageHeaders, "headers", s.Headers}, concurrent: s.RateLimit.Concurrent,
		generation: p.Generation, reportsMax: int(s.CSP.ReportsMax),
	}
	if len(s.HeaderRules) > 0 {
		d.overrides = headerOverrides
	}
	var err error
	if d.identity, err = newIdentity(s.ClientIP, s.CSP.NonceHeader); err != nil {
		return nil, err
	}
	if d.rules, err = newHeaderRules(s, p.Development); err != nil {
		return nil, err
	}
	for _, r := range d.rules {
		if r.parts != nil {
			d.nonceHeader = http.CanonicalHeaderKey(s.CSP.NonceHeader)
		}
	}
	if d.origins, err = newOrigins(s.CORS, p.PublicURL); err != nil {
		return nil, err
	}
	d.budget = newBudget(s.RateLimit, p.Store)
	if d.access, err = newAccess(s.Access, p.Now); err != nil {
		return nil, err
	}
	return d, nil
}

// count adds one refusal to the state's counters.
func (d *door) count(stage string, status int) { d.state.count(stage, status) }
