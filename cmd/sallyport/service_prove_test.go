//go:build prove && linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

func TestProveUnitIsHardened(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sallyport.service")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	u := unit{self, "/etc/sallyport/sallyport.yaml", []credential{{"database_url", "/etc/sallyport/secrets/database_url"}}, false}
	if err := os.WriteFile(file, []byte(u.text()), 0o600); err != nil {
		t.Fatal(err)
	}
	if said, err := exec.Command("systemd-analyze", "verify", file).CombinedOutput(); err != nil || len(said) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, said)
	}
	said, err := exec.Command("systemd-analyze", "security", "--offline=true", "--threshold=15", file).CombinedOutput()
	if err != nil {
		t.Errorf("systemd-analyze security: %v\n%s", err, said)
	}
	level := regexp.MustCompile(`exposure level for \S+: ([0-9.]+)`).FindSubmatch(said)
	if level == nil {
		t.Fatalf("systemd-analyze security tells no level:\n%s", said)
	}
	got, err := strconv.ParseFloat(string(level[1]), 64)
	if err != nil || got > 1.5 {
		t.Errorf("exposure is %s, want at most 1.5", level[1])
	}
	t.Logf("exposure %s", level[1])
}
