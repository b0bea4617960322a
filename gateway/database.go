package gateway

import (
	"context"
	"net"
	"time"

	"github.com/gin-gonic/gin"

	"sallyport/config"
	"sallyport/dbguard"
	"sallyport/dbguard/screen"
	"sallyport/dbguard/wire"
	"sallyport/gateway/crossdoor"
	"sallyport/middleware"
)

// healthEvery is how often the database is looked at.
const healthEvery = 10 * time.Second

// database is the database door with its guard, and the window through which it sees requests.
type database struct {
	guard  *dbguard.Guard
	door   *wire.Door
	window *crossdoor.Window
}

// newDatabase builds the door that cfg describes. Its secrets are read when it runs.
func (g *Gateway) newDatabase(cfg config.Config) (*database, error) {
	d := &database{}
	d.window = crossdoor.New(cfg.Database.Window, crossdoor.Parts{Identify: requestAndClient, Route: routeName, Now: g.clock})
	d.window.Except(cfg.Database.Routes)
	guard, err := dbguard.New(dbguard.Parts{
		Settings: cfg.Database.Guard, Cross: []screen.Rule{d.window.Rule()}, Origin: d.window.Origin, Observers: []dbguard.Observer{g.narrator.onReport, g.asking.onReport},
		OnBreaker: g.narrator.onDatabaseBreaker, Now: g.clock,
	})
	if err != nil {
		return nil, err
	}
	d.guard = guard
	d.window.Consult(guard)
	d.door = &wire.Door{Settings: cfg.Database.Settings, Guard: guard, Logger: g.log, Now: g.clock, CheckEvery: healthEvery}
	guard.WatchPool(d.pool)
	learned, err := d.readStructures(cfg.Database.AllowList)
	if err != nil {
		return nil, err
	}
	d.use(learned)
	return d, nil
}

// pool is the door's pool as the guard's figures show it.
func (d *database) pool() dbguard.PoolFigures {
	p := d.door.Snapshot().Pool
	return dbguard.PoolFigures{Max: p.Max, Active: p.Active, Idle: p.Idle, Waiting: p.Waiting}
}

func requestAndClient(c *gin.Context) (request, client string) {
	return middleware.RequestID(c), middleware.ClientKey(c)
}

// run serves l until ctx ends; sessions are told 57P01 then.
func (d *database) run(ctx context.Context, l net.Listener) error { return d.door.Run(ctx, l) }

// watched is the stage that shows requests to the database door; nothing where there is none.
func (g *Gateway) watched() gin.HandlerFunc {
	if g.database == nil {
		return func(*gin.Context) {}
	}
	return g.database.window.Stage()
}

// askedFor is the stage that lets statements be told by route; nothing where there is no database door.
func (g *Gateway) askedFor() gin.HandlerFunc {
	if g.database == nil {
		return func(*gin.Context) {}
	}
	return g.asking.stage
}

// followedSocket shows what clients say over WebSockets to the database door; nil where there is none.
func (g *Gateway) followedSocket(c *gin.Context, extensions string) func([]byte) {
	if g.database == nil {
		return nil
	}
	return g.database.window.Socket(c, extensions)
}

// crossDoorPart is the window between the doors.
type crossDoorPart struct {
	Enabled bool         `json:"enabled"`
	Mode    dbguard.Mode `json:"mode"`
	dbguard.LearningView
	crossdoor.Snapshot
}

func (g *Gateway) crossDoorPart() crossDoorPart {
	if g.database == nil {
		return crossDoorPart{Mode: dbguard.Off}
	}
	mode := g.database.guard.Settings().CrossDoor
	return crossDoorPart{mode != dbguard.Off, mode, g.database.guard.Learning(), g.database.window.Snapshot()}
}
