package gateway

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"sallyport/config"
)

const listHead = `{"format":"sallyport structures","version":1}` + "\n"

func TestAllowListHoldsTheAppToItsStatements(t *testing.T) {
	file := filepath.Join(t.TempDir(), "allowlist.yaml")
	list := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list(listHead + `{"sql":"select name from product where name = '?'"}` + "\n")
	h, _, _ := both(t, func(c *config.Config) { c.Database.AllowList = config.AllowList{File: file, Mode: "enforce"} })
	conn, err := pgx.Connect(t.Context(), h.url("app", "app's password", "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	code := func(sql string) string {
		t.Helper()
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			if strings.Contains(err.Error(), "42501") {
				return "42501"
			}
			t.Fatalf("%s: %v", sql, err)
		}
		return ""
	}
	expect := func(when, listed, other string) {
		t.Helper()
		if got := code("select name from product where name = 'pear'"); got != listed {
			t.Errorf("%s: a listed statement got %q, want %q", when, got, listed)
		}
		if got := code("select count(*) from product"); got != other {
			t.Errorf("%s: another statement got %q, want %q", when, got, other)
		}
	}
	expect("enforce", "", "42501")
	h.frozen("structures")
	if body := h.get("admin", "/api/hardening/structures").body; !strings.Contains(body, `"sql":"select name from product where name = '?'"`) {
		t.Errorf("structures: got %s, want the one of the file", body)
	}

	cfg := h.current.Load().cfg
	h.parts.Reload = func() (config.Config, error) { return cfg, nil }
	list("no list")
	if _, err := h.Reload(); err == nil || !strings.Contains(err.Error(), "allow_list.file") {
		t.Errorf("reload with a broken list: got %v, want an error naming allow_list.file", err)
	}
	expect("after a refused reload", "", "42501")

	list(listHead + `{"sql":"select count(*) from product"}` + "\n")
	if _, err := h.Reload(); err != nil {
		t.Fatal(err)
	}
	expect("another list", "42501", "")

	cfg.Database.AllowList.Roles = map[string]string{"app": "observe"}
	if _, err := h.Reload(); err != nil {
		t.Fatal(err)
	}
	expect("enforce, but observe for this role", "", "")

	cfg.Database.AllowList.Mode, cfg.Database.AllowList.Roles["app"] = "off", "enforce"
	if _, err := h.Reload(); err != nil {
		t.Fatal(err)
	}
	expect("off, but enforce for this role", "42501", "")

	cfg.Database.AllowList.Mode, cfg.Database.AllowList.Roles = "off", nil
	if _, err := h.Reload(); err != nil {
		t.Fatal(err)
	}
	expect("off", "", "")
	if h.database.allowList() {
		t.Error("off: the API says that the list holds")
	}
}

func TestMissingAllowListIsAMistakeOnlyWhereItIsAskedFor(t *testing.T) {
	for mode, fails := range map[string]bool{"off": false, "observe": true, "enforce": true} {
		cfg := settings("http://127.0.0.1:1")
		cfg.Database.UpstreamFile = secret(t, "postgres://127.0.0.1:1/x?sslmode=disable")
		cfg.Database.AllowList = config.AllowList{File: filepath.Join(t.TempDir(), "none"), Mode: mode}
		g, err := New(cfg, Parts{})
		if (err != nil) != fails {
			t.Errorf("mode %s: got %v, want an error %t", mode, err, fails)
		}
		if err == nil && g.database.allowList() {
			t.Errorf("mode %s: the API says that a list holds", mode)
		}
	}
}
