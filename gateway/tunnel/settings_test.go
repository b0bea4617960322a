package tunnel

import (
	"strings"
	"testing"
	"time"
)

func TestDefaultsAreValidAndOff(t *testing.T) {
	s := Defaults()
	if errs := s.Validate(); len(errs) > 0 {
		t.Errorf("defaults have mistakes: %v", errs)
	}
	if s.Enabled() {
		t.Error("defaults switch the tunnel on, want off")
	}
}

func TestValidateNamesEachKey(t *testing.T) {
	for key, spoil := range map[string]func(*Settings){
		"run.binary":              func(s *Settings) { s.Run.Binary, s.Run.TokenFile = "", "t" },
		"run.credentials_file":    func(s *Settings) { s.Run.TokenFile, s.Run.Credentials = "t", "c" },
		"run.sha256":              func(s *Settings) { s.Run.SHA256 = "abc" },
		"run.grace":               func(s *Settings) { s.Run.Grace = 4 * time.Minute },
		"run.protocol":            func(s *Settings) { s.Run.Protocol = "http3" },
		"metrics":                 func(s *Settings) { s.Metrics = "localhost:20241" },
		"service":                 func(s *Settings) { s.Service = "http://localhost:8080" },
		"state":                   func(s *Settings) { s.State, s.Run.TokenFile = "", "t" },
		"watch.process":           func(s *Settings) { s.Watch.Process = time.Millisecond },
		"watch.public_url":        func(s *Settings) { s.Watch.PublicURL = time.Millisecond },
		"watch.restarts_per_hour": func(s *Settings) { s.Watch.RestartsPerHour = 0 },
		"watch.cert_warning":      func(s *Settings) { s.Watch.CertWarning = -1 },
		"backup.keep":             func(s *Settings) { s.Backup.Keep = 0 },
		"backup.every":            func(s *Settings) { s.Backup.Every = time.Second },
		"backup.recipient":        func(s *Settings) { s.Backup.Dir = "d" },
	} {
		s := Defaults()
		spoil(&s)
		errs := s.Validate()
		if len(errs) != 1 || !strings.HasPrefix(errs[0].Error(), key+" is ") {
			t.Errorf("%s: got %v, want one error that begins with the key", key, errs)
		}
	}
}

func TestValidateTellsAllMistakesAtOnce(t *testing.T) {
	s := Defaults()
	s.Run.Grace, s.Run.Protocol, s.Watch.Process, s.Backup.Keep = -1, "", 0, 0
	if errs := s.Validate(); len(errs) != 4 {
		t.Errorf("got %d errors %v, want 4", len(errs), errs)
	}
}

func TestMetricsOfAChildStayOnLoopback(t *testing.T) {
	s := Defaults()
	s.Metrics = "cloudflared:20241"
	if errs := s.Validate(); len(errs) != 0 {
		t.Errorf("watched: got %v, want no error", errs)
	}
	s.Run.TokenFile = "t"
	if errs := s.Validate(); len(errs) != 1 {
		t.Errorf("managed: got %v, want one error", errs)
	}
}
