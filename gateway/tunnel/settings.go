package tunnel

import (
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"filippo.io/age"
)

// Settings are those of the tunnel. With run.token_file or run.credentials_file cloudflared runs as a child of the gateway;
// with only metrics it is watched; with neither the part is off.
type Settings struct {
	Run     RunSettings    `yaml:"run" doc:"How cloudflared is started; without a token or credentials file it is only watched."`
	Metrics string         `yaml:"metrics" doc:"cloudflared's metrics address: preferred where we start it, required where we only watch it."`
	Watch   WatchSettings  `yaml:"watch" doc:"How often what is checked, and how often a restart may be tried."`
	Backup  BackupSettings `yaml:"backup" doc:"Encrypted backups of the tunnel's credentials."`
	State   string         `yaml:"state" doc:"Folder for the restart budget, the recorded process and the generated cloudflared configuration."`
	Service string         `yaml:"service" doc:"Where cloudflared must lead, where it reaches the HTTP door by another name than http.listen: http://gateway:8080."`
	DoorKey string         `yaml:"door_key_file" doc:"File with the key that a watched cloudflared sends as TUNNEL_TAG=door=KEY; where we start it, the key is made for you."`
}

// RunSettings say how cloudflared is started.
type RunSettings struct {
	Binary      string        `yaml:"binary" doc:"The cloudflared executable: a path, or a name looked up on PATH."`
	TokenFile   string        `yaml:"token_file" doc:"File with the token of a tunnel whose rules live in the dashboard."`
	Credentials string        `yaml:"credentials_file" doc:"Credentials file of a tunnel whose rules we write (cloudflared tunnel create)."`
	Cert        string        `yaml:"cert_file" doc:"cloudflared's cert.pem, kept in backups; cloudflared run does not need it."`
	SHA256      string        `yaml:"sha256" doc:"Hex SHA-256 that the executable must have; empty means any."`
	Grace       time.Duration `yaml:"grace" doc:"How long a stopping cloudflared may finish its requests, at most 3m."`
	Protocol    string        `yaml:"protocol" doc:"Transport to the edge: auto, quic or http2."`
}

// WatchSettings say how often what is checked.
type WatchSettings struct {
	Process         time.Duration `yaml:"process" doc:"Interval of the process, readiness and rule checks."`
	PublicURL       time.Duration `yaml:"public_url" doc:"Interval of the probe through the public URL; 0 switches it off."`
	RestartsPerHour int           `yaml:"restarts_per_hour" doc:"Restarts allowed in any hour before the tunnel is held."`
	CertWarning     time.Duration `yaml:"cert_warning" doc:"Warn when the public certificate ends sooner than this."`
}

// BackupSettings say where and for whom credentials are backed up.
type BackupSettings struct {
	Dir       string        `yaml:"dir" doc:"Folder of the encrypted backups; empty switches them off."`
	Keep      int           `yaml:"keep" doc:"How many backups are kept."`
	Every     time.Duration `yaml:"every" doc:"Interval of scheduled backups; 0 means only by command."`
	Recipient string        `yaml:"recipient" doc:"The operator's age recipient (age1...)."`
}

// maxGrace is the longest --grace-period that cloudflared accepts.
const maxGrace = 3 * time.Minute

// Defaults returns settings that switch the part off and hold sensible values for everything else.
func Defaults() Settings {
	return Settings{
		Run:    RunSettings{Binary: "cloudflared", Grace: 30 * time.Second, Protocol: "auto"},
		Watch:  WatchSettings{Process: 30 * time.Second, PublicURL: time.Minute, RestartsPerHour: 5, CertWarning: 21 * 24 * time.Hour},
		Backup: BackupSettings{Keep: 7, Every: 24 * time.Hour},
		State:  "/var/lib/sallyport/tunnel",
	}
}

// Enabled reports whether there is a tunnel to run or to watch.
func (s Settings) Enabled() bool { return s.managed() || s.Metrics != "" }

// KnowsConnector reports whether requests of our own connector can be told from others'.
func (s Settings) KnowsConnector() bool { return s.managed() || s.Metrics != "" && s.DoorKey != "" }

// managed reports whether cloudflared is our child.
func (s Settings) managed() bool { return s.Run.TokenFile != "" || s.Run.Credentials != "" }

// Validate returns every mistake in s; each text begins with the key. It only looks at values, never at files.
func (s Settings) Validate() []error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	s.Run.validate(s.managed(), bad)
	s.Watch.validate(bad)
	s.Backup.validate(bad)
	if s.Metrics != "" {
		if why := addressFault(s.Metrics); why != "" {
			bad("metrics is %q, %s", s.Metrics, why)
		} else if s.managed() && !loopback(s.Metrics) {
			bad("metrics is %q, want a loopback address where cloudflared is our child: what it serves is not for strangers", s.Metrics)
		}
	}
	if addr, ok := strings.CutPrefix(s.Service, "http://"); s.Service != "" && (!ok || addressFault(addr) != "") {
		bad("service is %q, want http://host:port, and not localhost", s.Service)
	}
	if s.managed() && s.State == "" {
		bad("state is empty, want a folder: the restart budget must outlive a restart of the gateway")
	}
	return errs
}

func (r RunSettings) validate(managed bool, bad func(string, ...any)) {
	if managed && r.Binary == "" {
		bad("run.binary is empty, want the cloudflared executable")
	}
	if r.TokenFile != "" && r.Credentials != "" {
		bad("run.credentials_file is set beside run.token_file, want one of them: they name two ways to keep the rules")
	}
	if r.SHA256 != "" {
		if b, err := hex.DecodeString(r.SHA256); err != nil || len(b) != 32 {
			bad("run.sha256 is not a SHA-256, want 64 hexadecimal digits")
		}
	}
	if r.Grace < 0 || r.Grace > maxGrace {
		bad("run.grace is %s, want 0s to 3m", r.Grace)
	}
	if r.Protocol != "auto" && r.Protocol != "quic" && r.Protocol != "http2" {
		bad("run.protocol is %q, want auto, quic or http2", r.Protocol)
	}
}

func (w WatchSettings) validate(bad func(string, ...any)) {
	if w.Process < time.Second {
		bad("watch.process is %s, want 1s or more", w.Process)
	}
	if w.PublicURL != 0 && w.PublicURL < time.Second {
		bad("watch.public_url is %s, want 1s or more, or 0 for off", w.PublicURL)
	}
	if w.RestartsPerHour < 1 || w.RestartsPerHour > 60 {
		bad("watch.restarts_per_hour is %d, want 1 to 60", w.RestartsPerHour)
	}
	if w.CertWarning < 0 {
		bad("watch.cert_warning is %s, want 0s or more", w.CertWarning)
	}
}

func (b BackupSettings) validate(bad func(string, ...any)) {
	if b.Keep < 1 {
		bad("backup.keep is %d, want 1 or more", b.Keep)
	}
	if b.Every != 0 && b.Every < time.Minute {
		bad("backup.every is %s, want 1m or more, or 0 for only by command", b.Every)
	}
	if b.Dir != "" && b.Recipient == "" {
		bad("backup.recipient is empty, want the operator's age recipient (age1...): a backup without one could never be opened")
	}
	if b.Recipient != "" {
		if _, err := age.ParseX25519Recipient(b.Recipient); err != nil {
			bad("backup.recipient is not an age recipient, want age1...")
		}
	}
}

// addressFault says what is wrong with a host:port, "" where nothing is.
func addressFault(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "want host:port"
	}
	if strings.EqualFold(host, "localhost") {
		return "want 127.0.0.1 or [::1]: localhost can mean either"
	}
	if _, err := netip.ParseAddrPort(net.JoinHostPort("127.0.0.1", port)); err != nil {
		return "want a port from 1 to 65535"
	}
	return ""
}

func loopback(addr string) bool {
	host, _, _ := net.SplitHostPort(addr)
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
