package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTunnelIsSeenSteeredAndItsSecretsKept(t *testing.T) {
	s := supervise(t)
	s.wants(codeGood, "they lead to the HTTP door", "tunnel", "status")
	s.wants(codeGood, "reached in", "tunnel", "probe")
	s.wants(codeGood, "http_status:404", "tunnel", "drift")
	s.wants(codeGood, "up (pid ", "tunnel", "history")
	s.wants(codeGood, "up, pid ", "status")

	before := s.pid("tunnel")
	s.wants(codeGood, "has heard: restart", "tunnel", "restart")
	s.eventually("another connector serves", func() bool { n := s.pid("tunnel"); return n != 0 && n != before })
	s.wants(codeGood, "has heard: hold", "tunnel", "hold")
	s.eventually("the tunnel is held", func() bool {
		code, text := s.call("tunnel", "status")
		return code == codeFailed && strings.Contains(text, "HELD_BY_OPERATOR")
	})
	s.wants(codeGood, "has heard: release", "tunnel", "release")
	s.eventually("the tunnel is up again", func() bool { code, _ := s.call("tunnel", "status"); return code == codeGood })

	before = s.pid("app")
	s.wants(codeGood, "has heard: restart", "app", "restart")
	s.eventually("another app serves", func() bool { n := s.pid("app"); return n != 0 && n != before })

	s.write("config.json", s.rules("127.0.0.1:9", 8))
	s.eventually("the drift is told with both ports and versions", func() bool {
		code, text := s.call("tunnel", "drift")
		return code == codeFailed && strings.Contains(text, "127.0.0.1:9") && strings.Contains(text, "version 8, before it 7")
	})
	s.write("config.json", s.rules(s.http, 9))
	s.eventually("the rules are right again", func() bool { code, _ := s.call("tunnel", "drift"); return code == codeGood })
}

// pid is the process of the tunnel or the app.
func (s *supervised) pid(what string) int {
	_, text := s.call(what, "status", "--json")
	var all map[string]json.RawMessage
	var part struct{ PID int }
	if json.Unmarshal([]byte(text), &all) != nil || json.Unmarshal(all[what], &part) != nil {
		s.t.Errorf("%s status --json: %s", what, text)
	}
	return part.PID
}

func (s *supervised) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *supervised) read(name string) string {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

func TestBackupIsMadeVerifiedAndRestoredOrNothingChanges(t *testing.T) {
	s := supervise(t)
	good := s.read("token")
	s.wants(codeGood, "1 kept", "tunnel", "backup")
	s.wants(codeGood, "backups/tunnel-", "tunnel", "backup", "--list")
	s.wants(codeGood, "is whole: tunnel 11111111-2222-4333-8444-555555555555", "tunnel", "verify", "--identity", s.identity)
	s.wants(codeUsage, "name the file with the operator's age key", "tunnel", "verify")

	s.write("token", tunnelToken("refused from now on"))
	s.wants(codeGood, "a connection is registered with it", "tunnel", "restore", "--identity", s.identity)
	if got := s.read("token"); got != good {
		t.Error("the restored token is not byte-equal to the one that was backed up")
	}
	if st, err := os.Stat(filepath.Join(s.dir, "token")); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the restored token: %v, %v; want mode 0600", st, err)
	}

	s.spoiltBackups(good)

	s.halt()
	s.write("token", tunnelToken("something else"))
	s.wants(codeGood, "no instance runs", "tunnel", "restore", "--identity", s.identity)
	if got := s.read("token"); got != good {
		t.Error("without an instance the restored token is not byte-equal")
	}
	s.wants(codeGood, "2 kept", "tunnel", "backup")
	s.wants(codeAbsent, "start one with: sallyport run", "tunnel", "status")
}

// spoiltBackups tries files that must be refused while the secrets stay; a backup whose secrets the edge refuses is one.
func (s *supervised) spoiltBackups(good string) {
	s.t.Helper()
	files, err := filepath.Glob(filepath.Join(s.dir, "backups", "*.age"))
	if err != nil || len(files) != 1 {
		s.t.Fatalf("backups: %v, %v, want one", files, err)
	}
	whole, err := os.ReadFile(files[0])
	if err != nil {
		s.t.Fatal(err)
	}
	flipped := bytes.Clone(whole)
	flipped[len(flipped)-40] ^= 1
	s.write("flipped.age", string(flipped))
	s.write("short.age", string(whole[:len(whole)-40]))
	for _, file := range []string{"flipped.age", "short.age", "no-such.age"} {
		s.wants(codeFailed, "Nothing was restored", "tunnel", "restore", "--identity", s.identity, filepath.Join(s.dir, file))
		s.wants(codeFailed, "", "tunnel", "verify", "--identity", s.identity, filepath.Join(s.dir, file))
	}
	s.wants(codeFailed, "want 99999999-2222-4333-8444-555555555555", "tunnel", "restore", "--identity", s.identity, "--tunnel", "99999999-2222-4333-8444-555555555555")
	s.write("other.key", "AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQSXXXXXX")
	s.wants(codeFailed, "is not an age identity", "tunnel", "restore", "--identity", filepath.Join(s.dir, "other.key"))
	if got := s.read("token"); got != good {
		s.t.Error("a refused restore changed the token")
	}
}
