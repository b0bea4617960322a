package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sallyport/config"
	"sallyport/dbguard/localpg"
	"sallyport/gateway"
)

// stage is everything that the demo sets up: the database, the shop without doors, the shop behind them, and the doors.
type stage struct {
	dir            string // of secrets and history
	config         config.Config
	database       *demoDatabase // nil where there is none
	naked, guarded *shop
	gateway        *gateway.Gateway
	addresses      gateway.Addresses
	// running receives what the gateway's Run returned.
	running chan error
	stop    context.CancelFunc
	// undo are the steps of setting up, undone last first.
	undo []func()
}

// demoDatabase is the PostgreSQL behind the database door.
type demoDatabase struct {
	url     string // of the server itself
	name    string // of the database in it
	schema  string // of the shop's tables
	kind    string // "private" or "yours"
	version string
	secrets []string // of the users
}

// close undoes all that was set up and waits for it.
func (s *stage) close() {
	for i := len(s.undo) - 1; i >= 0; i-- {
		s.undo[i]()
	}
	s.undo = nil
}

func (s *stage) later(f func()) { s.undo = append(s.undo, f) }

// setStage sets everything up; on an error nothing is left. Where url is empty the database is a private one, or none where
// this machine has no PostgreSQL.
func setStage(ctx context.Context, o demoOptions) (*stage, error) {
	s := &stage{}
	if err := s.build(ctx, o); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *stage) build(ctx context.Context, o demoOptions) (err error) {
	if s.dir, err = os.MkdirTemp("", "sallyport-demo-"); err != nil {
		return err
	}
	s.later(func() { _ = os.RemoveAll(s.dir) })
	if err := s.openDatabase(ctx, o); err != nil {
		return err
	}
	for _, shop := range []**shop{&s.naked, &s.guarded} {
		if *shop, err = openShop(); err != nil {
			return err
		}
		s.later((*shop).close)
	}
	if err := s.openDoors(ctx, o); err != nil {
		return err
	}
	return s.openShops(ctx)
}

// openDatabase finds the database and stocks it.
func (s *stage) openDatabase(ctx context.Context, o demoOptions) error {
	db := &demoDatabase{url: o.url, kind: "yours", schema: "sallyport_demo_" + strings.ToLower(rand.Text()[:8])}
	if o.url == "" {
		pg, err := o.private(ctx, localpg.Options{})
		if errors.Is(err, localpg.ErrNoBinaries) {
			return nil
		}
		if err != nil {
			return err
		}
		s.later(func() { _ = pg.Stop() })
		db.url, db.kind = pg.URL("postgres"), "private"
	}
	conn, err := pgx.Connect(ctx, db.url)
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	s.later(db.clear)
	db.name, db.version = conn.Config().Database, conn.PgConn().ParameterStatus("server_version")
	if db.secrets, err = stock(ctx, conn, db.schema); err != nil {
		return fmt.Errorf("database: stock the shop: %w", err)
	}
	s.database = db
	return nil
}

// clear drops the shop's tables; a private server goes with them.
func (d *demoDatabase) clear() {
	if d.kind != "yours" {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, d.url)
	if err != nil {
		return
	}
	_, _ = conn.Exec(ctx, "drop schema if exists "+d.schema+" cascade")
	_ = conn.Close(ctx)
}

// openDoors builds the gateway between the guarded shop and the database, and runs it.
func (s *stage) openDoors(ctx context.Context, o demoOptions) error {
	cfg := config.Defaults()
	cfg.Environment = "development"
	cfg.HTTP.App.URL = s.guarded.url()
	cfg.HTTP.Listen, cfg.Admin.Listen, cfg.Database.Listen = o.listen(cfg.HTTP.Listen), o.listen(cfg.Admin.Listen), o.listen(cfg.Database.Listen)
	cfg.History.Path = filepath.Join(s.dir, "history.db")
	if s.database != nil {
		if err := s.writeSecrets(&cfg); err != nil {
			return err
		}
	}
	if o.change != nil {
		o.change(&cfg)
	}
	g, err := gateway.New(cfg, gateway.Parts{Log: slog.New(slog.DiscardHandler), Version: "demo"})
	if err != nil {
		return err
	}
	if err := g.Listen(ctx); err != nil {
		return err
	}
	s.config, s.gateway, s.addresses, s.running = cfg, g, g.Addresses(), make(chan error, 1)
	life, stop := context.WithCancel(context.WithoutCancel(ctx)) // it ends in its turn, after the visitors
	s.stop = stop
	go func() { s.running <- g.Run(life) }()
	s.later(func() { stop(); <-s.running })
	return nil
}

// writeSecrets writes the files that settings name, and who may come in at the database door.
func (s *stage) writeSecrets(cfg *config.Config) error {
	cfg.Database.UpstreamFile = filepath.Join(s.dir, "database_url")
	cfg.Database.Users = slices.Grow(cfg.Database.Users, 1)[:1]
	cfg.Database.Users[0].Name, cfg.Database.Users[0].PasswordFile = "shop", filepath.Join(s.dir, "shop_password")
	err := os.WriteFile(cfg.Database.UpstreamFile, []byte(s.database.url), 0o600)
	return errors.Join(err, os.WriteFile(cfg.Database.Users[0].PasswordFile, []byte(rand.Text()), 0o600))
}

// openShops lets visitors into both shops: the naked one goes to the database itself, the guarded one through the door.
func (s *stage) openShops(ctx context.Context) error {
	if s.database == nil {
		s.naked.serve(memoryShelf{})
		s.guarded.serve(memoryShelf{})
		return nil
	}
	password, err := os.ReadFile(s.config.Database.Users[0].PasswordFile)
	if err != nil {
		return err
	}
	direct, err := url.Parse(s.database.url)
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	through := url.URL{
		Scheme: "postgres", User: url.UserPassword("shop", string(password)), Host: s.addresses.Database, Path: direct.Path, RawQuery: "sslmode=disable",
	}
	for shop, target := range map[*shop]*url.URL{s.naked: direct, s.guarded: &through} {
		shelf, err := s.connect(ctx, *target)
		if err != nil {
			return err
		}
		shop.serve(shelf)
	}
	return nil
}

// connect opens the shop's own pool to target, looking at the demo's schema.
func (s *stage) connect(ctx context.Context, target url.URL) (shelf, error) {
	query := target.Query()
	query.Set("search_path", s.database.schema)
	query.Set("pool_max_conns", "4")
	target.RawQuery = query.Encode()
	pool, err := pgxpool.New(ctx, target.String())
	if err != nil {
		return nil, fmt.Errorf("shop: %w", err)
	}
	s.later(pool.Close)
	return sqlShelf{pool}, nil
}

// door is where cloudflared would knock.
func (s *stage) door() string { return "http://" + s.addresses.HTTP }

// lastBlocked is what the database door says of the query that it refused last, "" where it refused none.
func (s *stage) lastBlocked(ctx context.Context) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.addresses.Admin+"/api/hardening/database", nil)
	if err != nil {
		return "", err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	var state struct {
		Blocked []struct {
			Rules    []string
			Incident string
		}
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&state); err != nil {
		return "", fmt.Errorf("admin API: %w", err)
	}
	if len(state.Blocked) == 0 {
		return "", nil
	}
	b := state.Blocked[0]
	return fmt.Sprintf("database door: %s (incident %s)", strings.Join(b.Rules, ", "), b.Incident), nil
}

// demoOptions are the flags of the demo.
type demoOptions struct {
	url  string
	once bool
	// private starts the private database; localpg.Start outside of tests.
	private func(context.Context, localpg.Options) (*localpg.Server, error)
	// change has the last word on the settings; nil outside of tests.
	change func(*config.Config)
}

// listen is addr where it is free and the demo stays, else a free port.
func (o demoOptions) listen(addr string) string {
	if !o.once {
		if l, err := net.Listen("tcp", addr); err == nil {
			_ = l.Close() // it was only to see
			return addr
		}
	}
	return "127.0.0.1:0"
}
