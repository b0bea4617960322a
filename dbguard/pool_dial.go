package dbguard

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/multitracer"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Bounds that a pool gets where its configuration has none.
const (
	dialTimeout = 10 * time.Second
	// cancelGrace is how long the server may take to end a cancelled query before its connection is given up.
	cancelGrace = 5 * time.Second
)

// guardDials lets each new connection of config ask g's breaker first and tell it how the login went.
func guardDials(config *pgxpool.Config, g *Guard) {
	if config.ConnConfig.ConnectTimeout <= 0 {
		config.ConnConfig.ConnectTimeout = dialTimeout
	}
	config.ConnConfig.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: cancelGrace}
	}
	before := config.BeforeConnect
	config.BeforeConnect = func(ctx context.Context, conn *pgx.ConnConfig) error {
		if before != nil {
			if err := before(ctx, conn); err != nil {
				return err
			}
		}
		done, err := g.allowDial()
		if err != nil {
			return err
		}
		watch := dialWatch{done}
		if conn.Tracer == nil {
			conn.Tracer = watch
		} else {
			conn.Tracer = multitracer.New(conn.Tracer, watch)
		}
		return nil
	}
}

// dialWatch hears from pgx how one connect went.
type dialWatch struct{ done func(error) }

// TraceConnectStart changes nothing.
func (w dialWatch) TraceConnectStart(ctx context.Context, _ pgx.TraceConnectStartData) context.Context {
	return ctx
}

// TraceConnectEnd tells the breaker.
func (w dialWatch) TraceConnectEnd(_ context.Context, d pgx.TraceConnectEndData) { w.done(d.Err) }

// TraceQueryStart changes nothing; pgx wants a query tracer.
func (w dialWatch) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}

// TraceQueryEnd does nothing.
func (w dialWatch) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
