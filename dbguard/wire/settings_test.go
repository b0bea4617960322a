package wire

import (
	"strings"
	"testing"
	"time"
)

func TestDefaultsNeedOnlyFilesAndUsers(t *testing.T) {
	s := Defaults()
	s.UpstreamFile = "u"
	s.Users = []User{{Name: "app", PasswordFile: "p"}}
	if errs := s.Validate(); len(errs) != 0 {
		t.Errorf("got %v, want no mistake", errs)
	}
}

func TestValidateTellsEveryMistakeByItsKey(t *testing.T) {
	for want, spoil := range map[string]func(*Settings){
		"listen is \"localhost:5\": localhost means":    func(s *Settings) { s.Listen = "localhost:5" },
		"listen is \"6432\", want an address":           func(s *Settings) { s.Listen = "6432" },
		"listen is \"0.0.0.0:5\", which is not on":      func(s *Settings) { s.Listen = "0.0.0.0:5" },
		"listen is \"127.0.0.1:x\", want a port":        func(s *Settings) { s.Listen = "127.0.0.1:x" },
		"upstream_file is empty":                        func(s *Settings) { s.UpstreamFile = "" },
		"users is empty":                                func(s *Settings) { s.Users = nil },
		"users[0].password_file is empty":               func(s *Settings) { s.Users[0].PasswordFile = "" },
		"users[1].name is \"app\", which another":       func(s *Settings) { s.Users = append(s.Users, s.Users[0]) },
		"pool.mode is \"statement\", want":              func(s *Settings) { s.Pool.Mode = "statement" },
		"pool.max is 0, want 1 or more":                 func(s *Settings) { s.Pool.Max = 0 },
		"pool.pins is 11, want at most":                 func(s *Settings) { s.Pool.Pins = 11 },
		"pool.wait is 0s, want more":                    func(s *Settings) { s.Pool.Wait = 0 },
		"pool.lifetime is -1s, want 0s or more":         func(s *Settings) { s.Pool.Lifetime = -time.Second },
		"clients.max is 0, want 1 or more":              func(s *Settings) { s.Clients.Max = 0 },
		"tls.key_file and tls.cert_file go together":    func(s *Settings) { s.TLS.CertFile = "c" },
		"clients.login_timeout is 0s, want more than 0": func(s *Settings) { s.Clients.LoginTimeout = 0 },
	} {
		s := Defaults()
		s.UpstreamFile = "u"
		s.Users = []User{{Name: "app", PasswordFile: "p"}}
		spoil(&s)
		errs := s.Validate()
		if len(errs) != 1 || !strings.HasPrefix(errs[0].Error(), want) {
			t.Errorf("got %v, want one mistake beginning %q", errs, want)
		}
	}
}

func TestUpstreamMustBeClearAboutTLS(t *testing.T) {
	for text, want := range map[string]string{
		"postgres://u:p@db.example.com/x":                         "",
		"postgres://u:p@127.0.0.1/x":                              "",
		"postgres://u:p@127.0.0.1/x?sslmode=prefer":               `sslmode is "prefer"`,
		"postgres://u:p@127.0.0.1/x?sslmode=allow":                `sslmode is "allow"`,
		"postgres://127.0.0.1/x":                                  "user, host and database",
		"postgres://u:p@127.0.0.1":                                "user, host and database",
		"host=127.0.0.1 user=u password=secret":                   "want a URL",
		"postgres://u:secret@127.0.0.1:nonsense/x":                "want a URL",
		"postgres://u:p@127.0.0.1/x?sslmode=disable&work_mem=5MB": "",
	} {
		config, err := parseUpstream(text)
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: got %v", text, err)
		case want == "" && (len(config.Fallbacks) > 0 || strings.Contains(text, "example") && config.TLSConfig == nil):
			t.Errorf("%s: got fallbacks %v, TLS %v; want TLS off loopback and nothing to fall back to", text, config.Fallbacks, config.TLSConfig)
		case want != "" && (err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "secret")):
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}
