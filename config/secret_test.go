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

func TestSecretsThatCannotBeUsedAreMistakesWithPlaceAndCure(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"mysql": "mysql://shop:hunter2@127.0.0.1/shop", "none": "postgres://shop:hunter2@127.0.0.1", "good": " postgres://shop:hunter2@127.0.0.1/shop\n", "empty": "\n",
		"itself": "postgres://shop:hunter2@127.0.0.1:6432/shop"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "s.yaml")
	for name, want := range map[string]string{
		"good":   "",
		"mysql":  "database.upstream_file names a secret that is not the database's URL as it must be: want a URL such as postgres://",
		"none":   "database.upstream_file names a secret that is not the database's URL as it must be: user, host and database must all stand in the URL",
		"itself": "database.upstream_file names a secret that is not the database's URL as it must be: its host and port are database.listen: the door would connect to itself",
		"empty":  "database.upstream_file cannot be read: " + filepath.Join(dir, "empty") + " is empty",
		"absent": "database.upstream_file names " + filepath.Join(dir, "absent") + ", which is no such file: write the secret there",
	} {
		cfg, err := load(Sources{File: file}, []byte("database: {upstream_file: "+name+"}\n"))
		if err != nil {
			t.Fatal(err)
		}
		err = cfg.CheckSecrets()
		if want == "" && err == nil {
			continue
		}
		if err == nil || want == "" || !strings.HasPrefix(err.Error(), file+":1:12: "+want) || strings.Contains(err.Error(), "hunter2") || AsMistakes(err) == nil {
			t.Errorf("%s: got %v, want a mistake that begins with %q", name, err, want)
		}
	}
}

func TestSecretInTheFileIsToldWhereItBelongs(t *testing.T) {
	for text, want := range map[string]string{
		"database: {upstream: postgres://shop:hunter2@127.0.0.1/shop}\n":      "database.upstream is not a setting; did you mean upstream_file, which names a file that holds it?",
		"alerts: {slack: {webhook: https://hooks.example.com/hunter2}}\n":     "alerts.slack.webhook is not a setting; did you mean webhook_file, which names a file that holds it?",
		"database: {upstream_file: postgres://shop:hunter2@127.0.0.1/shop}\n": "s.yaml:1:12: database.upstream_file is the secret itself, want the path of a file that holds it",
		"tunnel: {run: {token: hunter2}}\n":                                   "tunnel.run.token is not a setting; did you mean token_file, which names a file that holds it?",
	} {
		if _, err := load(Sources{File: "s.yaml"}, []byte(text)); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestSecretInAVariableIsToldWhereItBelongs(t *testing.T) {
	_, err := load(Sources{Environ: []string{"SALLYPORT_DATABASE_UPSTREAM=postgres://shop:hunter2@127.0.0.1/shop"}}, nil)
	if err == nil || err.Error() != "SALLYPORT_DATABASE_UPSTREAM: names no setting; did you mean SALLYPORT_DATABASE_UPSTREAM_FILE, which names a file that holds it?" {
		t.Errorf("got %v", err)
	}
}
