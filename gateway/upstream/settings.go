package upstream

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Settings are the keys of the http section that the way to the app obeys.
type Settings struct {
	URL         string        `yaml:"upstream" doc:"Where the app listens, such as http://127.0.0.1:3000; an address, never localhost."`
	Connections int           `yaml:"connections" doc:"Idle connections to the app that are kept for the next requests."`
	DialTimeout time.Duration `yaml:"dial_timeout" doc:"Longest wait for the app to accept a connection."`
	StreamIdle  time.Duration `yaml:"stream_idle" doc:"Longest silence of the app inside an answer; event streams must send something more often."`
	Breaker     Breaker       `yaml:"breaker" doc:"When the app is spared requests because it fails."`
	Retry       Retry         `yaml:"retry" doc:"Second tries of requests that changed nothing yet."`
	Health      HealthCheck   `yaml:"health" doc:"Regular look at the app."`

	// Timeout is the wait for the first byte of the app's answer. Its key, timeouts.upstream, belongs to the door; whoever
	// gathers the settings sets it here.
	Timeout time.Duration `yaml:"-"`
}

// Breaker says when the circuit to the app opens.
type Breaker struct {
	Failures uint32        `yaml:"failures" doc:"Failures of the app in a row that open the circuit."`
	OpenFor  time.Duration `yaml:"open_for" doc:"How long requests are answered 503 before one may try again."`
}

// Retry says how a request without a body is tried again before the app answered anything.
type Retry struct {
	Attempts int           `yaml:"attempts" doc:"Tries in all; 1 never repeats."`
	Base     time.Duration `yaml:"base" doc:"Longest pause before the second try; it doubles with each further one."`
	Max      time.Duration `yaml:"max" doc:"Longest pause of all."`
}

// HealthCheck says how the app is looked at while no request does it.
type HealthCheck struct {
	Path    string        `yaml:"path" doc:"Path that is asked by GET and must answer below 500; empty only opens a connection."`
	Every   time.Duration `yaml:"every" doc:"Pause between two checks; 0 turns them off."`
	Timeout time.Duration `yaml:"timeout" doc:"Longest wait for the answer to a check."`
}

// Defaults returns the settings that hold where a file says nothing.
func Defaults() Settings {
	return Settings{
		URL:         "http://127.0.0.1:3000",
		Connections: 256,
		DialTimeout: 3 * time.Second,
		StreamIdle:  5 * time.Minute,
		Timeout:     30 * time.Second,
		Breaker:     Breaker{Failures: 5, OpenFor: 10 * time.Second},
		Retry:       Retry{Attempts: 3, Base: 50 * time.Millisecond, Max: time.Second},
		Health:      HealthCheck{Every: 10 * time.Second, Timeout: 3 * time.Second},
	}
}

// Validate returns all mistakes of s; each text begins with its key.
func (s Settings) Validate() []error {
	bad := validURL(s.URL)
	wrong := func(is bool, format string, args ...any) {
		if is {
			bad = append(bad, fmt.Errorf(format, args...))
		}
	}
	wrong(s.Connections < 1, "connections is %d, want 1 or more", s.Connections)
	wrong(s.DialTimeout <= 0, "dial_timeout is %v, want more than 0", s.DialTimeout)
	wrong(s.StreamIdle <= 0, "stream_idle is %v, want more than 0", s.StreamIdle)
	wrong(s.Timeout <= 0, "timeouts.upstream is %v, want more than 0", s.Timeout)
	wrong(s.Breaker.Failures < 1, "breaker.failures is 0, want 1 or more")
	wrong(s.Breaker.OpenFor <= 0, "breaker.open_for is %v, want more than 0", s.Breaker.OpenFor)
	wrong(s.Retry.Attempts < 1 || s.Retry.Attempts > 10, "retry.attempts is %d, want 1 to 10", s.Retry.Attempts)
	wrong(s.Retry.Base <= 0, "retry.base is %v, want more than 0", s.Retry.Base)
	wrong(s.Retry.Max < s.Retry.Base, "retry.max is %v, want at least retry.base (%v)", s.Retry.Max, s.Retry.Base)
	wrong(s.Health.Every < 0, "health.every is %v, want 0 or more", s.Health.Every)
	wrong(s.Health.Timeout <= 0, "health.timeout is %v, want more than 0", s.Health.Timeout)
	wrong(s.Health.Path != "" && !strings.HasPrefix(s.Health.Path, "/"), "health.path is %q, want a path that begins with /", s.Health.Path)
	return bad
}

func validURL(raw string) []error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "":
		return []error{fmt.Errorf("upstream is %q, want an address such as http://127.0.0.1:3000", raw)}
	case u.Scheme != "http":
		return []error{fmt.Errorf("upstream is %q, want the scheme http: the app stands beside the gateway", raw)}
	case (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.User != nil || u.Fragment != "":
		return []error{fmt.Errorf("upstream is %q, want scheme, host and port only: paths are forwarded unchanged", raw)}
	case strings.EqualFold(u.Hostname(), "localhost"):
		return []error{fmt.Errorf("upstream is %q: localhost means both 127.0.0.1 and ::1, and two processes can answer; want the one the app listens on", raw)}
	}
	return nil
}

// dialAddress returns network and address of the app. An IPv4 literal is dialled as tcp4, an IPv6 one as tcp6.
func dialAddress(u *url.URL) (network, address string) {
	host, port := u.Hostname(), u.Port()
	if port == "" {
		port = "80"
	}
	network = "tcp"
	if ip, err := netip.ParseAddr(host); err == nil {
		network = "tcp6"
		if ip.Is4() {
			network = "tcp4"
		}
		if ip.Is6() {
			host = "[" + host + "]"
		}
	}
	return network, host + ":" + port
}
