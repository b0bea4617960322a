package wire

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// dialTimeout bounds the making of one server connection, its login included.
const dialTimeout = 10 * time.Second

// CheckUpstream returns what is wrong with the database's connection string for a door at listen, without showing any of it; nil where it
// takes it.
func CheckUpstream(text, listen string) error {
	u, err := parseUpstream(text)
	if err == nil && net.JoinHostPort(u.Host, strconv.Itoa(int(u.Port))) == listen {
		err = fmt.Errorf("its host and port are database.listen: the door would connect to itself, want where the database listens")
	}
	return err
}

// parseUpstream reads the database's connection string, a URL. Everything must stand in it: what the environment, a password
// file or a service file might add is not taken, and there is no silent falling back to a connection without TLS.
func parseUpstream(text string) (*pgconn.Config, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, fmt.Errorf("want a URL such as postgres://user:password@host:5432/database?sslmode=verify-full")
	}
	database := strings.TrimPrefix(u.Path, "/")
	if u.User.Username() == "" || database == "" || u.Hostname() == "" && u.Query().Get("host") == "" {
		return nil, fmt.Errorf("user, host and database must all stand in the URL")
	}
	query := u.Query()
	if err := settleTLS(query, u.Hostname()); err != nil {
		return nil, err
	}
	own := map[string]string{}
	for key := range query {
		own[key] = query.Get(key)
	}
	query.Set("passfile", "/dev/null")
	if u.Port() == "" && query.Get("port") == "" {
		query.Set("port", "5432")
	}
	u.RawQuery = query.Encode()
	config, err := pgconn.ParseConfig(u.String())
	if err != nil {
		return nil, fmt.Errorf("the URL is not understood") // pgconn's own text may hold the password
	}
	for name := range config.RuntimeParams {
		if _, given := own[name]; !given {
			delete(config.RuntimeParams, name)
		}
	}
	config.Fallbacks = nil
	config.ConnectTimeout = dialTimeout
	return config, nil
}

// settleTLS demands a clear word about TLS: verify-full where nothing is said and the host is not this machine.
func settleTLS(query url.Values, host string) error {
	switch mode := query.Get("sslmode"); mode {
	case "disable", "require", "verify-ca", "verify-full":
	case "":
		query.Set("sslmode", "verify-full")
		if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsLoopback() {
			query.Set("sslmode", "disable")
		}
	default:
		return fmt.Errorf("sslmode is %q, want disable, require, verify-ca or verify-full: the others may fall back to no encryption", mode)
	}
	return nil
}
