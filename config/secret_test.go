package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSecretsComeFromFilesAndVariables(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "token"), []byte("t0ken\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := load(Sources{File: filepath.Join(dir, "s.yaml"), Environ: []string{"PW=s3cret"}}, []byte(
		"admin: {token_file: token}\ndatabase:\n  upstream_env: NOT_SET\n  users: [{name: app, password_env: PW}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := cfg.Secret(cfg.Admin.TokenFile); got != "t0ken" || err != nil {
		t.Errorf("token is %q, %v", got, err)
	}
	if _, err := cfg.Secret(cfg.Database.UpstreamFile); err == nil || err.Error() != "the variable NOT_SET is not set" {
		t.Errorf("an unset variable gives %v", err)
	}
	var keys []string
	for _, s := range cfg.Secrets() {
		keys = append(keys, s.Key)
	}
	if got := strings.Join(keys, " "); got != "database.upstream_file database.users[0].password_file admin.token_file" {
		t.Errorf("secrets are %s", got)
	}
}

func TestMaterializeGivesPartsFiles(t *testing.T) {
	cfg, err := load(Sources{Environ: []string{"DB=postgres://shop:p%40ss@127.0.0.1:5432/shop"}, Flags: []Flag{{"--set", "database.upstream_env", "DB"}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	kept := map[string]string{}
	if err := cfg.Materialize(func(key, secret string) (string, error) {
		kept[key] = secret
		return "/mem/" + key, nil
	}); err != nil {
		t.Fatal(err)
	}
	if cfg.Database.UpstreamFile != "/mem/database.upstream_file" || kept["database.upstream_file"] != "postgres://shop:p%40ss@127.0.0.1:5432/shop" {
		t.Errorf("upstream is %q holding %q", cfg.Database.UpstreamFile, kept["database.upstream_file"])
	}
	if u := cfg.Database.Users; len(u) != 1 || u[0].Name != "shop" || u[0].PasswordFile != "/mem/database.users" || kept["database.users"] != "p@ss" {
		t.Errorf("users are %+v, password kept as %q; want the URL's own", u, kept["database.users"])
	}
}

func TestEnvKeysHaveTheirMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"admin: {token_env: [a]}\n":            "s.yaml:1:9: admin.token_env is a list, want the name of a variable",
		"admin: {token_env: 'hunter2!'}\n":     "s.yaml:1:9: admin.token_env is no name of a variable, want one such as DATABASE_URL; the secret itself stands in it",
		"admin: {token_file: a, token_env: B}": "s.yaml:1:24: admin.token_env is set beside token_file, want one of them",
		"admin: {listen_env: A}\n":             "s.yaml:1:9: admin.listen_env is not a setting",
	} {
		_, err := load(Sources{File: "s.yaml"}, []byte(text))
		if err == nil || err.Error() != want {
			t.Errorf("%s\ngot  %v\nwant %s", text, err, want)
		}
	}
}
