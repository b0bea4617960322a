package gateway

import (
	"net/http"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sallyport/config"
	"sallyport/dbguard/localpg"
	"sallyport/dbguard/wire"
)

// startPostgres starts a PostgreSQL of the test's own, and runs schema there, "" for nothing.
func startPostgres(t testing.TB, schema string) *localpg.Server {
	t.Helper()
	pg, err := localpg.Start(t.Context(), localpg.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pg.Stop(); err != nil {
			t.Errorf("stop PostgreSQL: %v", err)
		}
	})
	if schema == "" {
		return pg
	}
	admin, err := pgx.Connect(t.Context(), pg.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Exec(t.Context(), schema); err != nil {
		t.Fatal(err)
	}
	if err := admin.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return pg
}

// guarding puts the database door before pg, for the user app, and takes the rate limit away.
func guarding(t testing.TB, pg *localpg.Server, password string) func(*config.Config) {
	return func(c *config.Config) {
		c.Database.UpstreamFile = secret(t, pg.URL("postgres"))
		c.Database.Users = append(c.Database.Users[:0:0], wire.User{Name: "app", PasswordFile: secret(t, password)})
		c.HTTP.Door.RateLimit.Requests = 0
	}
}

// openGuarded is a gateway with both doors before app and pg, and the app's pool at the database door.
func openGuarded(t testing.TB, app http.HandlerFunc, pg *localpg.Server, changes ...func(*config.Config)) (*house, *pgxpool.Pool) {
	t.Helper()
	const password = "app's password"
	h := open(t, app, append([]func(*config.Config){guarding(t, pg, password)}, changes...)...)
	pool, err := pgxpool.New(t.Context(), h.url("app", password, "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return h, pool
}
