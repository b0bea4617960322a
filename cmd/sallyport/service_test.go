//go:build !windows

package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/config"
)

func TestUnitInDeployIsWhatInstallWrites(t *testing.T) {
	u := unit{"/usr/local/bin/sallyport", "/etc/sallyport/sallyport.yaml", []credential{
		{"database_url", "/etc/sallyport/secrets/database_url"}, {"admin_token", "/etc/sallyport/secrets/admin_token"},
	}, false}
	generated(t, "../../deploy/systemd/sallyport.service", u.text())
}

// fakeSystemctl puts a systemctl into PATH that writes down its arguments.
func fakeSystemctl(t *testing.T) (calls func() string) {
	t.Helper()
	dir := t.TempDir()
	script := "#!/bin/sh\necho \"$@\" >> " + dir + "/calls\n[ \"$1\" != start ] || { echo 'Job failed.'; exit 1; }\n"
	if err := os.WriteFile(filepath.Join(dir, "systemctl"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return func() string {
		text, _ := os.ReadFile(filepath.Join(dir, "calls"))
		return strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", "; ")
	}
}

func TestServiceIsInstalledAndRemoved(t *testing.T) {
	calls := fakeSystemctl(t)
	s := systemd{folder: t.TempDir(), hidden: []string{"/home"}} // the settings of a test are in a temporary folder
	inRoom(t, map[string]string{"s.yaml": "admin: {token_file: secrets/token}\ndatabase: {upstream_file: /etc/shop/database_url}\n"})
	cfg, err := config.Load(config.Sources{File: "s.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.install(t.Context(), "/usr/local/bin/sallyport", cfg); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(s.file())
	if err != nil {
		t.Fatal(err)
	}
	room, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"ExecStart=/usr/local/bin/sallyport run --config " + room + "/s.yaml", "LoadCredential=token:" + room + "/secrets/token",
		"LoadCredential=database_url:/etc/shop/database_url", "Type=notify", "WatchdogSec=20s",
	} {
		if !strings.Contains(string(text), "\n"+line+"\n") {
			t.Errorf("the unit lacks %q:\n%s", line, text)
		}
	}
	if err := s.start(t.Context()); err == nil || !strings.Contains(err.Error(), "Job failed.") {
		t.Errorf("a start that fails says %v, want what systemctl said", err)
	}
	if err := s.uninstall(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(s.file()); !os.IsNotExist(err) {
		t.Errorf("after uninstall the unit is there: %v", err)
	}
	if got, want := calls(), "daemon-reload; enable sallyport; start sallyport; disable --now sallyport; daemon-reload"; got != want {
		t.Errorf("systemctl was called with\n%s, want\n%s", got, want)
	}
}

// A container has systemctl at times, and no systemd.
func TestServiceLeavesNothingWhereNoSystemdRuns(t *testing.T) {
	dir := t.TempDir()
	script := "#!/bin/sh\necho 'System has not been booted with systemd as init system (PID 1). Can'\\''t operate.' >&2\nexit 1\n"
	if err := os.WriteFile(filepath.Join(dir, "systemctl"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	s := systemd{folder: t.TempDir()}
	inRoom(t, map[string]string{"s.yaml": "version: 1\n"})
	cfg, err := config.Load(config.Sources{File: "s.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.install(t.Context(), "/usr/local/bin/sallyport", cfg); !errors.Is(err, errNoServices) {
		t.Errorf("install says %v, want that no systemd runs", err)
	}
	if _, err := os.Stat(s.file()); !os.IsNotExist(err) {
		t.Errorf("a unit was left behind: %v", err)
	}
	if err := s.start(t.Context()); !errors.Is(err, errNoServices) {
		t.Errorf("start says %v, want that no systemd runs", err)
	}
}

func TestServiceIsNotInstalledWhereItCouldNotRun(t *testing.T) {
	inRoom(t, map[string]string{"s.yaml": "version: 1\n", "two.yaml": "admin: {token_file: a/key}\ndatabase: {upstream_file: b/key}\n"})
	t.Setenv("PATH", t.TempDir())
	for args, want := range map[string]string{
		"service install --config s.yaml":                      "could not see",
		"service install --config two.yaml --print":            "both named key",
		"service install":                                      "needs a settings file",
		"service install --config s.yaml --listen 127.0.0.1:1": "write http.listen into",
		"service start":                                        "no systemd runs on this machine",
		"service uninstall":                                    "no service to remove",
	} {
		if got := call(t, nil, strings.Fields(args)...); got.code == codeGood || !strings.Contains(got.err, want) {
			t.Errorf("sallyport %s: got %+v, want %q", args, got, want)
		}
	}
	if got := call(t, nil, "service", "install", "--config", "s.yaml", "--print"); got.code != codeGood || !strings.Contains(got.out, "\nType=notify\n") {
		t.Errorf("--print: got %+v, want the unit", got)
	}
}
