// Package upstream carries a request to the app and its answer back: transport, circuit breaker, retries, health.
package upstream

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
)

// Parts is what an Upstream is given beside its settings; each may be left out.
type Parts struct {
	// Forwarded are names of request headers, in the spelling of http.Header, that the stages before wrote for the app:
	// they are passed on as they are, whatever the client's Connection header names. Names of that kind that are not
	// among them stay here, since they could be the client's word.
	Forwarded []string
	// Refuse answers c with status and reports reason, a sentence for the log. Status 499 means that the client is gone:
	// nothing can be sent. Retry-After is set before where it is due.
	Refuse func(c *gin.Context, status int, reason string)
	// OnBreaker is told of each change of the breaker: "closed", "half-open", "open". It must not block.
	OnBreaker func(from, to string)
	// OnHealth is told when the app falls ill and when it is well again, not of each check.
	OnHealth func(Health)
	// FollowClient is asked for each WebSocket that the app accepted, with the extensions that both sides agreed on. The client's bytes
	// are shown to feed, from one goroutine, before the app gets them; nil, of either, means that nobody looks.
	FollowClient func(c *gin.Context, extensions string) (feed func([]byte))
	// Logger hears why an exchange with the app failed.
	Logger *slog.Logger
	// Now is the clock.
	Now func() time.Time
	// Dialer opens connections to the app.
	Dialer *net.Dialer
}

// Upstream is the app behind the gateway. Several goroutines may use it.
type Upstream struct {
	settings Settings
	parts    Parts
	target   *url.URL
	breaker  *breaker
	pool     *pool
	upgrades upgrades
	streams  streams
	meter    meter
	health   atomic.Pointer[Health]
	sweeps   atomic.Uint64 // rounds of Run
}

// New returns an Upstream that has contacted nobody yet. Run must run while its handler serves.
func New(s Settings, p Parts) (*Upstream, error) {
	if bad := s.Validate(); len(bad) > 0 {
		return nil, errors.Join(bad...)
	}
	target, err := url.Parse(s.URL)
	if err != nil {
		return nil, err
	}
	u := &Upstream{settings: s, parts: p.withDefaults(), target: target}
	u.health.Store(&Health{Healthy: true})
	u.breaker = newBreaker(s.Breaker, u.parts.OnBreaker)
	network, address := dialAddress(target)
	u.pool = &pool{network: network, address: address, dialer: u.parts.Dialer, max: s.Connections, all: map[*conn]struct{}{}}
	return u, nil
}

func (p Parts) withDefaults() Parts {
	if p.Refuse == nil {
		p.Refuse = plainRefusal
	}
	if p.OnBreaker == nil {
		p.OnBreaker = func(string, string) {}
	}
	if p.OnHealth == nil {
		p.OnHealth = func(Health) {}
	}
	if p.Logger == nil {
		p.Logger = slog.New(slog.DiscardHandler)
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.Dialer == nil {
		p.Dialer = &net.Dialer{}
	}
	return p
}

func plainRefusal(c *gin.Context, status int, _ string) {
	c.Abort()
	if status == StatusClientGone || c.Writer.Written() {
		return
	}
	c.Data(status, "application/problem+json", []byte(`{"type":"about:blank","title":"`+http.StatusText(status)+`"}`))
}
