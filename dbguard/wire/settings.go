package wire

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"
)

// Settings of the database door.
type Settings struct {
	Listen       string  `yaml:"listen" doc:"Address that the app's DATABASE_URL points at, a literal IP and a port."`
	UpstreamFile string  `yaml:"upstream_file" doc:"File with the connection string of the real database; nobody else needs to know it."`
	Users        []User  `yaml:"users" doc:"Users that may log in at the door; their passwords are the door's own, not the database's."`
	Pool         Pool    `yaml:"pool" doc:"How connections to the database are shared among clients."`
	Clients      Clients `yaml:"clients" doc:"What clients of the database door may take."`
	TLS          TLS     `yaml:"tls" doc:"Encryption between clients and the database door; that to the database stands in its connection string."`
}

// User is one who may log in at the door.
type User struct {
	Name         string `yaml:"name" doc:"Name that the client logs in with."`
	PasswordFile string `yaml:"password_file" doc:"File with the password, or with a SCRAM-SHA-256 verifier as pg_authid has it."`
	Admin        bool   `yaml:"admin" doc:"Whether the user may use the console, the database sallyport, from this machine."`
}

// Pool settings say how server connections are shared.
type Pool struct {
	Mode     string        `yaml:"mode" doc:"When a client gives its server connection back: after each transaction, or when it leaves."`
	Max      int           `yaml:"max" doc:"Most connections to the database at any time."`
	Wait     time.Duration `yaml:"wait" doc:"How long a client waits for a connection before it is refused."`
	Queue    int           `yaml:"queue" doc:"How many clients may wait at once."`
	Idle     time.Duration `yaml:"idle" doc:"How long an unused connection is kept open."`
	Lifetime time.Duration `yaml:"lifetime" doc:"How old a connection may become; 0s sets no limit."`
	Pins     int           `yaml:"pins" doc:"How many connections may be kept by clients with temporary tables, LISTEN and the like; 0 means half of pool.max, at least 1."`
}

// Clients settings bound what clients may take.
type Clients struct {
	Max               int           `yaml:"max" doc:"Most clients connected at once."`
	PerUser           int           `yaml:"per_user" doc:"Most clients connected at once as one user; 0 sets no limit of its own."`
	LoginTimeout      time.Duration `yaml:"login_timeout" doc:"How long a client may take to log in."`
	IdleInTransaction time.Duration `yaml:"idle_in_transaction" doc:"How long a transaction may wait for its client before it is rolled back; 0s sets no limit."`
	Drain             time.Duration `yaml:"drain" doc:"How long running transactions may go on when the door closes."`
}

// TLS settings are those of the client side.
type TLS struct {
	CertFile string `yaml:"cert_file" doc:"Certificate chain offered to clients, PEM."`
	KeyFile  string `yaml:"key_file" doc:"Key of the certificate, PEM."`
	Required bool   `yaml:"required" doc:"Whether clients without TLS are refused; always so where listen is not on loopback."`
}

// The pool modes.
const (
	ModeTransaction = "transaction"
	ModeSession     = "session"
)

// Defaults are the settings where none are given.
func Defaults() Settings {
	return Settings{
		Listen:  "127.0.0.1:6432",
		Pool:    Pool{Mode: ModeTransaction, Max: 10, Wait: 5 * time.Second, Queue: 1000, Idle: 5 * time.Minute, Lifetime: time.Hour},
		Clients: Clients{Max: 1000, LoginTimeout: 10 * time.Second, IdleInTransaction: time.Minute, Drain: 25 * time.Second},
	}
}

// Validate returns every mistake; each text begins with the key.
func (s Settings) Validate() []error {
	errs := validateListen(s)
	if s.UpstreamFile == "" {
		errs = append(errs, fmt.Errorf("upstream_file is empty, want the file with the database's connection string"))
	}
	errs = append(errs, validateUsers(s.Users)...)
	if !slices.Contains([]string{ModeTransaction, ModeSession}, s.Pool.Mode) {
		errs = append(errs, fmt.Errorf("pool.mode is %q, want transaction or session", s.Pool.Mode))
	}
	errs = append(errs, atLeast("pool.max", s.Pool.Max, 1), atLeast("pool.queue", s.Pool.Queue, 0), atLeast("pool.pins", s.Pool.Pins, 0),
		atLeast("clients.max", s.Clients.Max, 1), atLeast("clients.per_user", s.Clients.PerUser, 0),
		positive("pool.wait", s.Pool.Wait), positive("clients.login_timeout", s.Clients.LoginTimeout), positive("pool.idle", s.Pool.Idle),
		notNegative("pool.lifetime", s.Pool.Lifetime), notNegative("clients.idle_in_transaction", s.Clients.IdleInTransaction),
		notNegative("clients.drain", s.Clients.Drain))
	if s.Pool.Pins > s.Pool.Max {
		errs = append(errs, fmt.Errorf("pool.pins is %d, want at most pool.max, which is %d", s.Pool.Pins, s.Pool.Max))
	}
	if (s.TLS.CertFile == "") != (s.TLS.KeyFile == "") {
		errs = append(errs, fmt.Errorf("tls.key_file and tls.cert_file go together, and one is empty"))
	}
	return slices.DeleteFunc(errs, func(err error) bool { return err == nil })
}

func validateListen(s Settings) []error {
	host, port, err := net.SplitHostPort(s.Listen)
	if err != nil {
		return []error{fmt.Errorf("listen is %q, want an address such as 127.0.0.1:6432", s.Listen)}
	}
	var errs []error
	ip := net.ParseIP(host)
	switch {
	case host == "localhost":
		errs = append(errs, fmt.Errorf("listen is %q: localhost means 127.0.0.1 to some programs and ::1 to others, write one of them", s.Listen))
	case ip == nil:
		errs = append(errs, fmt.Errorf("listen is %q, want a literal IP address", s.Listen))
	case !ip.IsLoopback() && s.TLS.CertFile == "":
		errs = append(errs, fmt.Errorf("listen is %q, which is not on loopback: set tls.cert_file and tls.key_file", s.Listen))
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		errs = append(errs, fmt.Errorf("listen is %q, want a port from 0 to 65535", s.Listen))
	}
	return errs
}

func validateUsers(users []User) []error {
	if len(users) == 0 {
		return []error{fmt.Errorf("users is empty, want at least the app's user")}
	}
	var errs []error
	seen := map[string]bool{}
	for i, u := range users {
		key := "users[" + strconv.Itoa(i) + "]"
		if u.Name == "" {
			errs = append(errs, fmt.Errorf("%s.name is empty", key))
		}
		if seen[u.Name] {
			errs = append(errs, fmt.Errorf("%s.name is %q, which another user has too", key, u.Name))
		}
		if u.PasswordFile == "" {
			errs = append(errs, fmt.Errorf("%s.password_file is empty", key))
		}
		seen[u.Name] = true
	}
	return errs
}

func atLeast(key string, got, least int) error {
	if got < least {
		return fmt.Errorf("%s is %d, want %d or more", key, got, least)
	}
	return nil
}

func positive(key string, got time.Duration) error {
	if got <= 0 {
		return fmt.Errorf("%s is %s, want more than 0s", key, got)
	}
	return nil
}

func notNegative(key string, got time.Duration) error {
	if got < 0 {
		return fmt.Errorf("%s is %s, want 0s or more", key, got)
	}
	return nil
}
