package gateway

import (
	"fmt"

	limiter "github.com/ulule/limiter/v3"

	"sallyport/config"
	"sallyport/middleware"
)

// store is the shared store of rate limits with the settings it was made of; generations with the same settings share it.
type store struct {
	*middleware.RedisBudgets
	settings middleware.Redis
	password string
}

// budgets returns the store that cfg asks for, nil for the one in memory.
func (g *Gateway) budgets(cfg config.Config, before *generation) (*store, error) {
	s := cfg.HTTP.Door.RateLimit
	if s.Store != "redis" {
		return nil, nil
	}
	password, err := cfg.Secret(s.Redis.PasswordFile)
	if err != nil {
		return nil, fmt.Errorf("rate_limit.redis.password_file: %w", err)
	}
	if before != nil && before.store != nil && before.store.settings == s.Redis && before.store.password == password {
		return before.store, nil
	}
	return &store{middleware.NewRedisBudgets(s.Redis, password, g.clock), s.Redis, password}, nil
}

// limiter is s for the stages, nil where s is.
func (s *store) limiter() limiter.Store {
	if s == nil {
		return nil
	}
	return s.RedisBudgets
}

// close ends the store's connections.
func (g *Gateway) closeStore(s *store) {
	if s == nil {
		return
	}
	if err := s.Close(); err != nil {
		g.log.Warn("rate-limit store", "error", err)
	}
}
