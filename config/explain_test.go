package config

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

func TestPrintedSettingsLoadAgainUnchanged(t *testing.T) {
	cfg, err := Load(Sources{File: "testdata/full.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := cfg.Print(&out, true); err != nil {
		t.Fatal(err)
	}
	again, err := load(Sources{File: "again.yaml"}, out.Bytes())
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if d := cfg.Diff(again); d != nil {
		t.Errorf("printed and loaded again, settings differ: %v", d)
	}
	cfg.book, again.book = nil, nil
	if !reflect.DeepEqual(clean(cfg), clean(again)) {
		t.Errorf("got  %+v\nwant %+v", again, cfg)
	}
}

// clean makes empty lists and maps nil, which mean the same.
func clean(c Config) Config {
	for _, s := range settings(reflect.ValueOf(&c).Elem(), "") {
		if k := s.value.Kind(); (k == reflect.Slice || k == reflect.Map) && s.value.Len() == 0 {
			s.value.SetZero()
		}
	}
	return c
}

func TestPlantedSecretsAreNeverShown(t *testing.T) {
	const secret = "hunter2horse"
	text := "public_url: https://u:" + secret + "@shop.example.com\nhttp: {upstream: \"http://u:" + secret + "@127.0.0.1:3000/\"}\n"
	if got := mistakesOf(t, text); got == "" || strings.Contains(got, secret) {
		t.Errorf("a mistake shows the secret, or none was found: %s", got)
	}
	cfg, err := load(Sources{Environ: []string{"DB=postgres://u:" + secret + "@127.0.0.1/x"}, Flags: []Flag{
		{"--set", "database.upstream_env", "DB"}, {"--set", "database.listen", "127.0.0.1:6432"}, {"--set", "alerts.heartbeat_url", "https://hc.example.com/" + secret},
	}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := cfg.Print(&out, true); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), secret) {
		t.Errorf("config print shows the secret:\n%s", out.String())
	}
	if got, err := cfg.Secret(cfg.Database.UpstreamFile); err != nil || !strings.Contains(got, secret) {
		t.Errorf("Secret returned %q, %v; want the variable's value", got, err)
	}
}

func TestURLsAreShownWithoutWhatTheyCarry(t *testing.T) {
	for in, want := range map[string]string{
		"https://hc.example.com/ping?key=abc":    "https://hc.example.com/ping?***",
		"postgres://u:p@127.0.0.1:5432/shop":     "postgres://***@127.0.0.1:5432/shop",
		"127.0.0.1:8080":                         "127.0.0.1:8080",
		"https://ok.example.com/x#secretcorner":  "https://ok.example.com/x#***",
		"https://bad.example.com:port:9/\x7f?k=": "***",
	} {
		if got := redacted(in); got != want {
			t.Errorf("redacted(%q) is %q, want %q", in, got, want)
		}
	}
}

func TestDiffTellsOnlyWhatChanged(t *testing.T) {
	a, err := load(Sources{}, []byte("log: {level: warn}\n"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := load(Sources{}, []byte("log: {level: info}\nhttp: {body_max: 1MiB}\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Change{{"http.body_max", "10MB", "1MiB"}, {"log.level", "warn", "info"}}
	if got := a.Diff(b); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestReferenceIsFresh(t *testing.T) { golden(t, "REFERENCE.md", string(Reference())) }

func TestSchemaIsFresh(t *testing.T) { golden(t, "schema.json", string(Schema())) }

func TestEverySettingIsExplainedAndHasItsOwnVariable(t *testing.T) {
	d := Defaults()
	seen := map[string]string{}
	for _, s := range settings(reflect.ValueOf(&d).Elem(), "") {
		if s.doc == "" && !s.section() || s.name == "" {
			t.Errorf("%s (%q) has no doc or no name", s.key, s.name)
		}
		if other, twice := seen[envName(s.key)]; twice {
			t.Errorf("%s and %s share the variable %s", s.key, other, envName(s.key))
		}
		seen[envName(s.key)] = s.key
	}
}

func TestDefaultsAreValid(t *testing.T) {
	if got := mistakesOf(t, ""); got != "" {
		t.Error(got)
	}
}
