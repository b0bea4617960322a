package preflight

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// databaseURL returns the real database's connection string.
func databaseURL(site Site) (string, error) {
	text, err := site.Config.Secret(site.Config.Database.UpstreamFile)
	return strings.TrimSpace(text), err
}

// connect opens a connection by its string. The error holds neither the string nor a password.
func connect(ctx context.Context, text string) (*pgconn.PgConn, error) {
	cfg, err := pgconn.ParseConfig(text)
	if err != nil {
		return nil, errors.New("the connection string cannot be read")
	}
	cfg.ConnectTimeout = 2 * time.Second
	cfg.RuntimeParams["application_name"] = "sallyport doctor"
	conn, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, connectFault(cfg, err)
	}
	return conn, nil
}

// connectFault says why the database could not be reached, by the server's own words where there are some.
func connectFault(cfg *pgconn.Config, err error) error {
	at := net.JoinHostPort(cfg.Host, fmt.Sprint(cfg.Port))
	var said *pgconn.PgError
	var op *net.OpError
	switch {
	case errors.As(err, &said):
		return fmt.Errorf("%s answers %s: %s", at, said.Code, said.Message)
	case errors.As(err, &op):
		return fmt.Errorf("%s cannot be reached: %w", at, op.Err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s did not answer in time", at)
	}
	return fmt.Errorf("%s could not be logged in to", at)
}

// rows runs one statement and returns its rows as text.
func rows(ctx context.Context, conn *pgconn.PgConn, sql string) ([][]string, error) {
	results, err := conn.Exec(ctx, sql).ReadAll()
	if err != nil || len(results) == 0 {
		return nil, err
	}
	var all [][]string
	for _, r := range results[0].Rows {
		line := make([]string, len(r))
		for i, v := range r {
			line[i] = string(v)
		}
		all = append(all, line)
	}
	return all, nil
}

// sslMode is the mode that the string itself says, "" where it says none.
func sslMode(text string) string {
	if u, err := url.Parse(text); err == nil && u.Scheme != "" {
		return u.Query().Get("sslmode")
	}
	for _, word := range strings.Fields(text) {
		if mode, ok := strings.CutPrefix(word, "sslmode="); ok {
			return strings.Trim(mode, "'")
		}
	}
	return ""
}

// closeConn says goodbye; the checks have what they wanted.
func closeConn(conn *pgconn.PgConn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx)
}
