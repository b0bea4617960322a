package alert

import (
	"strings"
	"testing"
)

func TestDefaultsAreValid(t *testing.T) {
	if errs := Defaults().Validate(); len(errs) > 0 {
		t.Errorf("defaults have mistakes: %v", errs)
	}
}

func TestValidateNamesEachKey(t *testing.T) {
	mail := EmailSettings{SMTP: "mail.example.com:587", From: "a@example.com", To: []string{"b@example.com"}}
	for key, spoil := range map[string]func(*Settings){
		"repeat":           func(s *Settings) { s.Repeat = 0 },
		"max_per_hour":     func(s *Settings) { s.MaxPerHour = 0 },
		"heartbeat_every":  func(s *Settings) { s.HeartbeatEvery = 0 },
		"heartbeat_url":    func(s *Settings) { s.HeartbeatURL = "http://example.com/x" },
		"webhook.url_file": func(s *Settings) { s.Webhook.SecretFile = "f" },
		"email.smtp":       func(s *Settings) { s.Email = mail; s.Email.SMTP = "localhost:25" },
		"email.from":       func(s *Settings) { s.Email = mail; s.Email.From = "nobody" },
		"email.to":         func(s *Settings) { s.Email = mail; s.Email.To = nil },
		"email.to[0]":      func(s *Settings) { s.Email = mail; s.Email.To = []string{"@"} },
	} {
		s := Defaults()
		spoil(&s)
		errs := s.Validate()
		if len(errs) != 1 || !strings.HasPrefix(errs[0].Error(), key+" is ") {
			t.Errorf("%s: got %v, want one error that begins with the key", key, errs)
		}
	}
}
