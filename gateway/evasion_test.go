package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"sallyport/config"
)

// kitchen is an app with one hole at a time behind both doors: how input is read and where it stands is the test's to say.
type kitchen struct {
	*house
	pool   atomic.Pointer[pgxpool.Pool]
	direct *pgx.Conn // past the doors
	guests int

	mu            sync.Mutex // guards what follows
	read          func(r *http.Request) string
	before, after string
	sql           string // the last statement
}

// kitchenTables are what the holes read and write.
const kitchenTables = "create table fruit (id int, name text, shop int, note text, made timestamptz, data jsonb); create table shops (id int); create table review (id int, name text, note text);" +
	"insert into fruit values (1, 'hammer', 1, 'b', now(), '{}'), (7, 'saw', 1, 'b', now(), '{}'); create table account (id int, secret text); insert into account values (1, 'moon');" +
	"create view secretv as select secret from account; create view ids as select 7; create sequence s"

func openKitchen(t *testing.T) *kitchen {
	t.Helper()
	pg := startPostgres(t, kitchenTables)
	direct, err := pgx.Connect(t.Context(), pg.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = direct.Close(context.Background()) })
	k := &kitchen{direct: direct}
	h, pool := openGuarded(t, k.serve, pg, func(c *config.Config) {
		c.Database.Window.Late, c.Database.Window.Budget = 0, 1e9 // the machine may be busy
	})
	k.house = h
	k.pool.Store(pool)
	return k
}

// serve is the app. What passes is rolled back.
func (k *kitchen) serve(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	defer k.mu.Unlock()
	pool := k.pool.Load()
	if k.read == nil || pool == nil {
		return
	}
	k.sql = k.before + k.read(r) + k.after
	tx, err := pool.Begin(r.Context())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer func() { _ = tx.Rollback(context.Background()) }()
	_, err = tx.Exec(r.Context(), k.sql, pgx.QueryExecModeSimpleProtocol)
	_, _ = io.WriteString(w, sqlState(err))
}

// sqlState is the SQLSTATE of err, "ok" of none.
func sqlState(err error) string {
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &pg):
		return pg.Code
	case err != nil:
		return err.Error()
	}
	return "ok"
}

// bake makes the hole.
func (k *kitchen) bake(read func(r *http.Request) string, before, after string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.read, k.before, k.after = read, before, after
}

// ask sends r by the door as a client of its own and returns the statement that the app made of it, and what came of it.
func (k *kitchen) ask(t *testing.T, r *http.Request) (sql, state string) {
	t.Helper()
	k.mu.Lock()
	k.sql = ""
	k.mu.Unlock()
	k.guests++
	r.RequestURI, r.URL.Scheme, r.URL.Host, r.Host = "", "http", k.at.HTTP, ""
	r.Header.Set("Cf-Connecting-Ip", fmt.Sprintf("100.64.%d.%d", k.guests>>8, k.guests&0xFF))
	a, err := k.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.sql, string(text)
}

// isRefused reports what the database door says of a statement that it does not pass on.
func isRefused(state string) bool { return state == "42501" }

// runs returns what the server says of sql past the doors, rolled back.
func (k *kitchen) runs(t *testing.T, sql string) string {
	t.Helper()
	tx, err := k.direct.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = k.direct.Exec(context.Background(), "rollback") }()
	_, err = tx.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol)
	return sqlState(err)
}

func byQ(word string) *http.Request { return get("q=" + url.QueryEscape(word)) }

func readQ(r *http.Request) string { return r.URL.Query().Get("q") }

// TestEvasionsInEveryPlaceWarm sends what a skilled attacker would into every place of statements that the app has shown before. What is
// open is written down as such: it moves up when it is refused one day.
func TestEvasionsInEveryPlaceWarm(t *testing.T) {
	k := openKitchen(t)
	k.database.guard.Warm()
	for _, e := range evasions() {
		k.bake(readQ, e.before, e.after)
		for range 6 { // what looks like another hole's statement that grew takes longer to be known
			for _, word := range e.honest {
				if sql, state := k.ask(t, byQ(word)); isRefused(state) {
					t.Errorf("%s: honest %q was refused", e.name, sql)
				}
			}
		}
		for _, word := range append(append([]string{}, e.always...), e.warm...) {
			if state := k.runs(t, e.before+word+e.after); strings.HasPrefix(state, "42601") {
				t.Errorf("%s: %q is no SQL", e.name, word)
			}
			if sql, state := k.ask(t, byQ(word)); !isRefused(state) {
				t.Errorf("%s: %q passed: %s", e.name, sql, state)
			}
		}
		for _, word := range e.open {
			if sql, state := k.ask(t, byQ(word)); isRefused(state) {
				t.Errorf("%s: %q is refused, though it is called open", e.name, sql)
			}
		}
	}
}

// TestEvasionsInEveryPlaceCold is the same before anything was learned.
func TestEvasionsInEveryPlaceCold(t *testing.T) {
	k := openKitchen(t)
	for _, e := range evasions() {
		k.bake(readQ, e.before, e.after)
		for _, word := range e.always {
			if sql, state := k.ask(t, byQ(word)); !isRefused(state) {
				t.Errorf("%s: %q passed: %s", e.name, sql, state)
			}
		}
	}
}
