package alert

import (
	"fmt"
	"net/mail"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Settings say who is told, and how often.
type Settings struct {
	Repeat         time.Duration   `yaml:"repeat" doc:"Longest pause between reminders of an incident that lasts; the first ones come after 1h and 6h."`
	MaxPerHour     int             `yaml:"max_per_hour" doc:"Messages sent in any hour; what is above is counted and told in one message."`
	HeartbeatURL   string          `yaml:"heartbeat_url" doc:"A dead man's switch: it is asked for while all is well, and its owner alerts when that stops."`
	HeartbeatEvery time.Duration   `yaml:"heartbeat_every" doc:"Interval of the heartbeat."`
	Queue          string          `yaml:"queue" doc:"File that keeps messages until they are delivered; empty keeps them in memory only."`
	Slack          SlackSettings   `yaml:"slack" doc:"A Slack incoming webhook."`
	Webhook        WebhookSettings `yaml:"webhook" doc:"Any HTTP endpoint that takes the event as JSON."`
	Email          EmailSettings   `yaml:"email" doc:"Mail by SMTP; STARTTLS is required off loopback."`
}

// SlackSettings are those of a Slack incoming webhook.
type SlackSettings struct {
	WebhookFile string `yaml:"webhook_file" doc:"File with the webhook's URL; empty switches Slack off."`
}

// WebhookSettings are those of a generic webhook.
type WebhookSettings struct {
	URLFile    string `yaml:"url_file" doc:"File with the URL that events are posted to; empty switches it off."`
	SecretFile string `yaml:"secret_file" doc:"File with a key: bodies are signed with HMAC-SHA256 in X-Sallyport-Signature."`
}

// EmailSettings are those of mail.
type EmailSettings struct {
	SMTP         string   `yaml:"smtp" doc:"Server as host:port; empty switches mail off."`
	From         string   `yaml:"from" doc:"Sender's address."`
	To           []string `yaml:"to" doc:"Receivers' addresses."`
	User         string   `yaml:"user" doc:"Login name; empty means the sender's address where there is a password."`
	PasswordFile string   `yaml:"password_file" doc:"File with the password; empty means no login."`
}

// Defaults returns settings that tell nobody and hold sensible values for everything else.
func Defaults() Settings {
	return Settings{Repeat: 4 * time.Hour, MaxPerHour: 20, HeartbeatEvery: time.Minute}
}

// Validate returns every mistake in s; each text begins with the key. It only looks at values, never at files.
func (s Settings) Validate() []error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if s.Repeat < time.Minute {
		bad("repeat is %s, want 1m or more", s.Repeat)
	}
	if s.MaxPerHour < 1 {
		bad("max_per_hour is %d, want 1 or more", s.MaxPerHour)
	}
	if s.HeartbeatEvery < time.Second {
		bad("heartbeat_every is %s, want 1s or more", s.HeartbeatEvery)
	}
	if u, err := url.Parse(s.HeartbeatURL); s.HeartbeatURL != "" && (err != nil || u.Host == "" || u.Scheme != "https" && !loopbackHost(u.Hostname())) {
		bad("heartbeat_url is not an https URL")
	}
	if s.Webhook.SecretFile != "" && s.Webhook.URLFile == "" {
		bad("webhook.url_file is empty, want the file with the URL that webhook.secret_file signs for")
	}
	s.Email.validate(bad)
	return errs
}

func (e EmailSettings) validate(bad func(string, ...any)) {
	if e.SMTP == "" {
		if e.From != "" || len(e.To) > 0 || e.PasswordFile != "" {
			bad("email.smtp is empty, want host:port")
		}
		return
	}
	host, port, ok := cutPort(e.SMTP)
	if n, err := strconv.ParseUint(port, 10, 16); !ok || err != nil || n == 0 || host == "" {
		bad("email.smtp is %q, want host:port", e.SMTP)
	} else if strings.EqualFold(host, "localhost") {
		bad("email.smtp is %q, want 127.0.0.1 or [::1]: localhost can mean either", e.SMTP)
	}
	if _, err := mail.ParseAddress(e.From); err != nil {
		bad("email.from is %q, want a mail address", e.From)
	}
	if len(e.To) == 0 {
		bad("email.to is empty, want at least one mail address")
	}
	for i, to := range e.To {
		if _, err := mail.ParseAddress(to); err != nil {
			bad("email.to[%d] is %q, want a mail address", i, to)
		}
	}
}

// cutPort parts host:port; brackets around an IPv6 address are taken off.
func cutPort(addr string) (host, port string, ok bool) {
	i := strings.LastIndexByte(addr, ':')
	if i < 0 {
		return addr, "", false
	}
	return strings.Trim(addr[:i], "[]"), addr[i+1:], true
}

func loopbackHost(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
