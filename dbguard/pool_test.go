package dbguard_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"sallyport/dbguard"
	"sallyport/dbguard/localpg"
	"sallyport/dbguard/screen"
)

// server is one PostgreSQL for the tests of this package that need one.
var server struct {
	once sync.Once
	*localpg.Server
	err error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if server.Server != nil {
		_ = server.Stop()
	}
	os.Exit(code)
}

func postgres(t testing.TB) *localpg.Server {
	t.Helper()
	server.once.Do(func() { server.Server, server.err = localpg.Start(context.Background(), localpg.Options{}) })
	if server.err != nil {
		t.Fatal(server.err)
	}
	return server.Server
}

// evil is a rule that objects to the word.
var evil = screen.Rule{Name: "evil", Check: func(s *screen.Statement) []screen.Finding {
	if !strings.Contains(s.SQL, "evil") {
		return nil
	}
	return []screen.Finding{{Rule: "evil", Weight: 5}}
}}

func newPool(t *testing.T, change func(*dbguard.Settings, *pgxpool.Config)) *dbguard.Pool {
	t.Helper()
	s := dbguard.Defaults()
	config, err := pgxpool.ParseConfig(postgres(t).URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&s, config)
	}
	g, err := dbguard.New(dbguard.Parts{Settings: s, Rules: []screen.Rule{evil}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := dbguard.NewPoolWithConfig(t.Context(), config, g)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// counted checks the pool's figures and that every connection came back.
func counted(t *testing.T, p *dbguard.Pool, ok, failed, blocked uint64) {
	t.Helper()
	c := p.Guard().Counters()
	if c.OK != ok || c.Failed != failed || c.Blocked != blocked || c.Running != 0 {
		t.Errorf("counted ok %d, failed %d, blocked %d, running %d; want %d, %d, %d, 0", c.OK, c.Failed, c.Blocked, c.Running, ok, failed, blocked)
	}
	if got := p.Unguarded().Stat().AcquiredConns(); got != 0 {
		t.Errorf("%d connections are out, want 0", got)
	}
}

func isBlocked(err error) bool {
	var blocked *dbguard.BlockedError
	return errors.As(err, &blocked)
}

func TestPoolRunsAndCountsEachKindOfQuery(t *testing.T) {
	p, ctx := newPool(t, nil), t.Context()
	if tag, err := p.Exec(ctx, "create temp table x(n int)"); err != nil || tag.String() != "CREATE TABLE" {
		t.Errorf("exec: got %s, %v", tag, err)
	}
	var n int
	if err := p.QueryRow(ctx, "select @n::int", pgx.NamedArgs{"n": 41}).Scan(&n); err != nil || n != 41 {
		t.Errorf("query row: got %d, %v; want 41", n, err)
	}
	rows, err := p.Query(ctx, "select generate_series(1,$1::int)", 3)
	if err != nil {
		t.Fatal(err)
	}
	if all, err := pgx.CollectRows(rows, pgx.RowTo[int]); err != nil || len(all) != 3 {
		t.Errorf("query: got %v, %v; want three rows", all, err)
	}
	if err := p.QueryRow(ctx, "select 1 where false").Scan(&n); !errors.Is(err, pgx.ErrNoRows) {
		t.Errorf("no rows: got %v, want ErrNoRows", err)
	}
	if err := p.QueryRow(ctx, "select 1/0").Scan(&n); !isState(err, "22012") {
		t.Errorf("division: got %v, want 22012", err)
	}
	counted(t, p, 4, 1, 0)
	top := p.Guard().TopQueries(10)
	if len(top) != 5 {
		t.Errorf("got %d structures, want 5", len(top))
	}
	for _, q := range top {
		if strings.Contains(q.Query, "generate_series") && q.Rows != 3 {
			t.Errorf("series: got %d rows, want 3", q.Rows)
		}
	}
}

func isState(err error, code string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == code
}

func TestPoolSendsNothingThatTheGuardRefuses(t *testing.T) {
	p, ctx := newPool(t, nil), t.Context()
	if _, err := p.Exec(ctx, "create table evil(n int)"); !isBlocked(err) {
		t.Errorf("exec: got %v, want blocked", err)
	}
	if _, err := p.Query(ctx, "select 'evil'"); !isBlocked(err) {
		t.Errorf("query: got %v, want blocked", err)
	}
	if err := p.QueryRow(ctx, "select 'evil', @n", pgx.NamedArgs{"n": 1}).Scan(nil); !isBlocked(err) {
		t.Errorf("rewritten query row: got %v, want blocked", err)
	}
	var batch pgx.Batch
	batch.Queue("create table mark(n int)")
	batch.Queue("select evil")
	if err := p.SendBatch(ctx, &batch).Close(); !isBlocked(err) {
		t.Errorf("batch: got %v, want blocked", err)
	}
	if _, err := p.CopyFrom(ctx, pgx.Identifier{"evil"}, []string{"n"}, pgx.CopyFromRows(nil)); !isBlocked(err) {
		t.Errorf("copy: got %v, want blocked", err)
	}
	counted(t, p, 0, 0, 5)
	var tables int
	if err := p.QueryRow(ctx, "select count(*) from pg_class where relname in ('mark', 'e'||'vil')").Scan(&tables); err != nil || tables != 0 {
		t.Errorf("tables made: got %d, %v; want 0", tables, err)
	}
}

func TestTransactionPassesTheGuardAndGoesOnAfterARefusal(t *testing.T) {
	p, ctx := newPool(t, nil), t.Context()
	tx, err := p.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(ctx, "select 'evil'"); !isBlocked(err) {
		t.Errorf("exec: got %v, want blocked", err)
	}
	if _, err := tx.Prepare(ctx, "p", "select 'evil'"); !isBlocked(err) {
		t.Errorf("prepare: got %v, want blocked", err)
	}
	nested, err := tx.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := nested.Exec(ctx, "create temp table kept(n int) on commit drop"); err != nil {
		t.Error(err)
	}
	if err := nested.Commit(ctx); err != nil {
		t.Error(err)
	}
	if n, err := tx.CopyFrom(ctx, pgx.Identifier{"kept"}, []string{"n"}, pgx.CopyFromRows([][]any{{1}, {2}})); n != 2 || err != nil {
		t.Errorf("copy: got %d, %v; want 2", n, err)
	}
	var n int
	if err := tx.QueryRow(ctx, "select count(*) from kept").Scan(&n); n != 2 || err != nil {
		t.Errorf("count: got %d, %v; want 2", n, err)
	}
	if err := tx.Commit(ctx); err != nil {
		t.Error(err)
	}
	if err := tx.Rollback(ctx); !errors.Is(err, pgx.ErrTxClosed) {
		t.Errorf("rollback after commit: got %v, want ErrTxClosed", err)
	}
	counted(t, p, 7, 0, 2) // begin, savepoint, create, release, copy, count, commit
}

func TestBatchEndsEachQueryOnce(t *testing.T) {
	p, ctx := newPool(t, nil), t.Context()
	var batch pgx.Batch
	batch.Queue("select 1")
	batch.Queue("select generate_series(1,3)")
	batch.Queue("select @n::int", pgx.NamedArgs{"n": 5})
	batch.Queue("select 4")
	results := p.SendBatch(ctx, &batch)
	if _, err := results.Exec(); err != nil {
		t.Error(err)
	}
	rows, err := results.Query()
	if err != nil {
		t.Fatal(err)
	}
	if all, err := pgx.CollectRows(rows, pgx.RowTo[int]); len(all) != 3 || err != nil {
		t.Errorf("rows: got %v, %v; want 3", all, err)
	}
	var n int
	if err := results.QueryRow().Scan(&n); n != 5 || err != nil {
		t.Errorf("row: got %d, %v; want 5", n, err)
	}
	for range 2 {
		if err := results.Close(); err != nil {
			t.Error(err)
		}
	}
	counted(t, p, 4, 0, 0)
	var bad pgx.Batch
	bad.Queue("select 1")
	bad.Queue("select 1/0")
	if err := p.SendBatch(ctx, &bad).Close(); !isState(err, "22012") {
		t.Errorf("failing batch: got %v, want 22012", err)
	}
	counted(t, p, 4, 2, 0)
}

func TestBatchMayBeginATransaction(t *testing.T) {
	p, ctx := newPool(t, nil), t.Context()
	var batch pgx.Batch
	batch.BeginTx(pgx.TxOptions{})
	batch.Queue("select 1")
	results := p.SendBatch(ctx, &batch)
	tx := results.Tx()
	if err := results.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(ctx, "select 'evil'"); !isBlocked(err) {
		t.Errorf("exec: got %v, want blocked", err)
	}
	if err := tx.Commit(ctx); err != nil {
		t.Error(err)
	}
	counted(t, p, 3, 0, 1)
}

func TestQueryTimeoutStopsTheWorkAtTheServer(t *testing.T) {
	p := newPool(t, func(s *dbguard.Settings, _ *pgxpool.Config) { s.Limits.QueryTimeout = 200 * time.Millisecond })
	began := time.Now()
	if _, err := p.Exec(t.Context(), "select pg_sleep(60)"); err == nil {
		t.Error("got nil, want an error")
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("took %s, want about 200 ms", took)
	}
	deadline := time.Now().Add(30 * time.Second)
	for running := -1; running != 0; {
		if time.Now().After(deadline) {
			t.Fatalf("%d backends still sleep, want 0", running)
		}
		if err := p.QueryRow(t.Context(), "select count(*) from pg_stat_activity where query like 'select pg_sleep%' and state='active'").Scan(&running); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPoolOpensTheCircuitAndRecovers(t *testing.T) {
	pg, err := localpg.Start(t.Context(), localpg.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pg.Stop() })
	var steps []string
	s := dbguard.Defaults()
	s.Breaker.OpenFor = 3 * time.Second
	g, err := dbguard.New(dbguard.Parts{Settings: s, OnBreaker: func(c dbguard.BreakerChange) { steps = append(steps, c.To) }})
	if err != nil {
		t.Fatal(err)
	}
	p, err := dbguard.NewPool(t.Context(), pg.URL("postgres"), g)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	pg.Kill()
	for range 5 {
		_, err = p.Exec(t.Context(), "select 1")
	}
	if !errors.Is(err, dbguard.ErrCircuitOpen) {
		t.Fatalf("after five queries with three dials each: got %v, want circuit open", err)
	}
	if err := pg.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(time.Minute)
	for err != nil {
		if time.Now().After(deadline) {
			t.Fatalf("not well after a minute: %v", err)
		}
		_, err = p.Exec(t.Context(), "select 1")
	}
	if len(steps) < 3 || steps[0] != "open" || steps[len(steps)-1] != "closed" { // a busy machine may fit a failing probe in
		t.Errorf("circuit went %s, want it to open first and to be closed last", steps)
	}
}

func TestFullPoolSaysSoAfterItsWait(t *testing.T) {
	p := newPool(t, func(_ *dbguard.Settings, c *pgxpool.Config) { c.MaxConns = 1 })
	held, err := p.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = held.Rollback(context.Background()) }()
	began := time.Now()
	_, err = p.Exec(t.Context(), "select 1")
	var full *dbguard.PoolWaitError
	if !errors.As(err, &full) || full.Pool.Active != 1 || full.SQLState() != "53300" {
		t.Errorf("got %v, want a *PoolWaitError with one connection in use", err)
	}
	if took := time.Since(began); took < 4900*time.Millisecond {
		t.Errorf("waited %s, want at least 5 s", took)
	}
	if c := p.Guard().Counters(); c.Unserved != 1 {
		t.Errorf("got %d unserved, want 1", c.Unserved)
	}
}
