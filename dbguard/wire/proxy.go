package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"sallyport/dbguard"
)

// proxy is a Door that runs.
type proxy struct {
	settings          Settings
	guard             *dbguard.Guard
	logger            *slog.Logger
	now               func() time.Time
	dial              func(ctx context.Context, network, addr string) (net.Conn, error)
	checkEvery        time.Duration
	idleInTransaction time.Duration
	pooled, needsTLS  bool
	tls               *tls.Config
	accounts          atomic.Pointer[accounts]
	upstream          *pgconn.Config
	database          string
	pool              *pool
	loop              *loop
	library           library
	sweeps            atomic.Uint64 // rounds of the sweeper
	// ctx ends when no new work may begin; work counts every goroutine.
	ctx  context.Context
	stop context.CancelFunc
	work sync.WaitGroup

	mu       sync.Mutex // guards everything below
	keys     map[uint32]*session
	lastPID  uint32
	perUser  map[string]int
	clients  int
	closing  bool
	entering map[net.Conn]struct{}
	consoles map[net.Conn]struct{}
	lastTold toldValues
}

// proxy reads the files that the settings name and puts everything together.
func (d *Door) proxy(ln net.Listener) (*proxy, error) {
	x := &proxy{
		settings: d.Settings, guard: d.Guard, logger: d.Logger, now: d.Now, dial: d.Dial, checkEvery: d.CheckEvery,
		idleInTransaction: d.Settings.Clients.IdleInTransaction, pooled: d.Settings.Pool.Mode != ModeSession,
		keys: map[uint32]*session{}, perUser: map[string]int{}, entering: map[net.Conn]struct{}{}, consoles: map[net.Conn]struct{}{},
		library: library{texts: map[string]*text{}},
	}
	x.fillIn()
	var err error
	if x.tls, err = loadTLS(d.Settings.TLS); err != nil {
		return nil, err
	}
	addr, isTCP := ln.Addr().(*net.TCPAddr)
	x.needsTLS = d.Settings.TLS.Required || isTCP && !addr.IP.IsLoopback()
	if x.needsTLS && x.tls == nil {
		return nil, fmt.Errorf("listen: %s is not on loopback or TLS is required, and there is no certificate", ln.Addr())
	}
	known, err := loadAccounts(d.Settings.Users)
	if err != nil {
		return nil, err
	}
	x.accounts.Store(known)
	secret, err := readSecret(d.Settings.UpstreamFile)
	if err != nil {
		return nil, fmt.Errorf("upstream_file: %w", err)
	}
	if x.upstream, err = parseUpstream(secret); err != nil {
		return nil, fmt.Errorf("upstream_file: %s: %w", d.Settings.UpstreamFile, err)
	}
	x.database = x.upstream.Database
	x.pool = newPool(x, d.Settings.Pool)
	if x.loop, err = newLoop(runtime.GOMAXPROCS(0) == 1); err != nil {
		return nil, err
	}
	return x, nil
}

// fillIn takes the defaults of what was not given.
func (x *proxy) fillIn() {
	if x.logger == nil {
		x.logger = slog.New(slog.DiscardHandler)
	}
	if x.now == nil {
		x.now = time.Now
	}
	if x.dial == nil {
		dialer := &net.Dialer{Timeout: dialTimeout}
		x.dial = dialer.DialContext
	}
}

// queryTimeout is how long a statement may run.
func (x *proxy) queryTimeout() time.Duration { return x.guard.Settings().Limits.QueryTimeout }

func (x *proxy) dialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := x.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return x.loop.take(conn), nil
}

func newPool(x *proxy, s Pool) *pool {
	p := &pool{
		proxy: x, max: s.Max, room: s.Queue, patience: s.Wait, lifetime: s.Lifetime, rest: s.Idle, now: x.now, links: map[*link]struct{}{},
	}
	p.mostPinned.Store(s.pins())
	p.tick.Store(x.now().UnixNano())
	return p
}

// run accepts until ctx ends, then drains.
func (x *proxy) run(ctx context.Context, ln net.Listener) error {
	x.ctx, x.stop = context.WithCancel(context.WithoutCancel(ctx))
	defer x.stop()
	sweeping, endSweep := context.WithCancel(context.WithoutCancel(ctx))
	var sweeper sync.WaitGroup
	sweeper.Go(func() { x.sweep(sweeping) })
	if x.checkEvery > 0 {
		x.work.Go(func() { x.watchHealth(ctx, x.checkEvery) })
	}
	x.work.Go(func() { x.watchLocks(ctx) })
	unwatch := context.AfterFunc(ctx, func() { _ = ln.Close() })
	err := x.accept(ctx, ln)
	unwatch()
	_ = ln.Close()
	x.drain()
	x.pool.close()
	x.work.Wait()
	endSweep()
	sweeper.Wait()
	x.loop.close()
	return err
}

// accept starts a goroutine for each client. Errors of a single accept are waited out.
func (x *proxy) accept(ctx context.Context, ln net.Listener) error {
	for pause := time.Duration(0); ; {
		conn, err := ln.Accept()
		switch {
		case err == nil:
			pause = 0
			x.work.Go(func() { x.receive(x.loop.take(conn)) })
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accept: %w", err)
		default:
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			x.logger.Warn("accept failed", "error", err)
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
		}
	}
}

// isTLS reports an encrypted connection.
func isTLS(conn net.Conn) bool {
	_, secure := conn.(*tls.Conn)
	return secure
}
