package middleware

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gomodule/redigo/redis"
	limiter "github.com/ulule/limiter/v3"
)

// RedisBudgets is a limiter.Store that replicas share: the arithmetic of Budgets, done by Redis in one step per request
// on its own clock. The library's Redis store counts fixed windows, whose edge lets twice the limit through. Any
// goroutine may call it; Close ends its connections.
type RedisBudgets struct {
	pool   *redis.Pool
	prefix string
	now    func() time.Time
	// timeout is for each answer, and for the wait for a connection.
	timeout time.Duration
	// restUntil is when an ill server is asked again, in Unix nanoseconds: while it is down, requests must not wait for it.
	restUntil atomic.Int64
}

var _ limiter.Store = (*RedisBudgets)(nil)

// ErrStoreRests says that Redis failed a moment ago and is not asked just now.
var ErrStoreRests = errors.New("redis failed a moment ago")

// restFor is how long an ill server is left alone.
const restFor = time.Second

// take is GCRA: KEYS[1] holds when the budget is whole again, in microseconds of the server's clock. ARGV: the time one
// request takes to come back, the limit, the requests taken. It returns whether the limit is reached, and how long until
// the budget is whole again or, where reached, until the request would be admitted.
const takeScript = `
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local cost, limit, n = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local whole = tonumber(redis.call('GET', KEYS[1]) or now)
if whole < now then whole = now end
local after = whole + n * cost
if after - now > limit * cost then return {1, after - limit * cost - now} end
if n > 0 then redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', math.ceil((after - now) / 1000)) end
return {0, after - now}`

var takeAtRedis = redis.NewScript(1, takeScript)

// NewRedisBudgets returns a store on the server of s; it does not dial before it is asked. now is the clock, nil for
// time.Now.
func NewRedisBudgets(s Redis, password string, now func() time.Time) *RedisBudgets {
	if now == nil {
		now = time.Now
	}
	network := "tcp"
	if strings.HasPrefix(s.Address, "/") {
		network = "unix"
	}
	return &RedisBudgets{prefix: s.Prefix, now: now, timeout: s.Timeout, pool: &redis.Pool{
		MaxActive: redisConnections, MaxIdle: redisConnections, Wait: true, IdleTimeout: redisIdle,
		DialContext: func(ctx context.Context) (redis.Conn, error) {
			return redis.DialContext(ctx, network, s.Address, redis.DialUsername(s.User), redis.DialPassword(password),
				redis.DialConnectTimeout(s.Timeout), redis.DialReadTimeout(s.Timeout), redis.DialWriteTimeout(s.Timeout))
		},
		// A server that came back closed all connections before: that is found out before a request has to.
		TestOnBorrow: func(c redis.Conn, lastUsed time.Time) error {
			if time.Since(lastUsed) < restFor {
				return nil
			}
			_, err := c.Do("PING")
			return err
		},
	}}
}

// Connections to Redis: at most so many, of which those unused for so long are closed.
const (
	redisConnections = 32
	redisIdle        = 5 * time.Minute
)

// Pool are the connections to the server, for what else replicas share; they are closed with b. Prefix stands before each key.
func (b *RedisBudgets) Pool() (pool *redis.Pool, prefix string) { return b.pool, b.prefix }

// Close ends the connections.
func (b *RedisBudgets) Close() error { return b.pool.Close() }

// Get takes one request from key's budget at rate, as Budgets.Get does.
func (b *RedisBudgets) Get(ctx context.Context, key string, rate limiter.Rate) (limiter.Context, error) {
	return b.take(ctx, key, 1, rate)
}

// Increment takes count requests from key's budget at once, or none where it does not hold that many.
func (b *RedisBudgets) Increment(ctx context.Context, key string, count int64, rate limiter.Rate) (limiter.Context, error) {
	return b.take(ctx, key, count, rate)
}

// Peek tells key's budget and takes nothing.
func (b *RedisBudgets) Peek(ctx context.Context, key string, rate limiter.Rate) (limiter.Context, error) {
	return b.take(ctx, key, 0, rate)
}

// Reset makes key's budget whole.
func (b *RedisBudgets) Reset(ctx context.Context, key string, rate limiter.Rate) (limiter.Context, error) {
	err := b.with(ctx, func(c redis.Conn) error {
		_, err := c.Do("DEL", b.key(key, rate))
		return err
	})
	if err != nil {
		return limiter.Context{}, fmt.Errorf("redis: %w", err)
	}
	return b.take(ctx, key, 0, rate)
}

// with lends f a connection.
func (b *RedisBudgets) with(ctx context.Context, f func(redis.Conn) error) error {
	waiting, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	c, err := b.pool.GetContext(waiting)
	if err != nil {
		return err
	}
	defer c.Close() //nolint:errcheck // it goes back to the pool, or is broken and was told of
	return f(c)
}

func (b *RedisBudgets) key(key string, rate limiter.Rate) string {
	return b.prefix + rate.Formatted + ":" + key
}

func (b *RedisBudgets) take(ctx context.Context, key string, n int64, rate limiter.Rate) (limiter.Context, error) {
	now := b.now()
	if err := b.rested(now); err != nil {
		return limiter.Context{}, err
	}
	cost := max(costOf(rate)/1000, 1)
	var answer []int64
	err := b.with(ctx, func(c redis.Conn) (err error) {
		answer, err = redis.Int64s(takeAtRedis.Do(c, b.key(key, rate), cost, rate.Limit, n))
		return err
	})
	if err == nil && len(answer) != 2 {
		err = errors.New("answer of another shape")
	}
	if err != nil {
		return limiter.Context{}, b.failed(ctx, now, err)
	}
	b.restUntil.Store(0)
	return sharedVerdict(rate, now, cost, answer[0] == 1, answer[1]), nil
}

// sharedVerdict puts the script's answer, in microseconds, into the library's terms.
func sharedVerdict(rate limiter.Rate, now time.Time, cost int64, reached bool, wait int64) limiter.Context {
	v := limiter.Context{Limit: rate.Limit, Reached: reached}
	if !reached {
		v.Remaining = rate.Limit - (wait+cost-1)/cost
	}
	at := now.Add(time.Duration(wait) * time.Microsecond)
	v.Reset = at.Unix()
	if at.Nanosecond() > 0 {
		v.Reset++
	}
	return v
}

// rested returns ErrStoreRests while an ill server is left alone. The first request after that asks again, and the
// others go on resting until it has its answer.
func (b *RedisBudgets) rested(now time.Time) error {
	until := b.restUntil.Load()
	if until == 0 {
		return nil
	}
	if now.UnixNano() < until || !b.restUntil.CompareAndSwap(until, now.Add(restFor).UnixNano()) {
		return ErrStoreRests
	}
	return nil
}

// failed lets the server rest, unless it was the client that left.
func (b *RedisBudgets) failed(ctx context.Context, now time.Time, err error) error {
	if ctx.Err() == nil {
		b.restUntil.Store(now.Add(restFor).UnixNano())
	}
	return fmt.Errorf("redis: %w", err)
}
