package config

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write golden files anew")

// golden compares got with a file in testdata, or writes it.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; got:\n%s\nwant:\n%s", path, got, want)
	}
}

// mistakesOf loads text and returns what is wrong with it, "" where nothing is.
func mistakesOf(t *testing.T, text string, environ ...string) string {
	t.Helper()
	_, err := load(Sources{File: "sallyport.yaml", Environ: environ}, []byte(text))
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestTheWholeFileLoads(t *testing.T) {
	cfg, err := Load(Sources{File: "testdata/full.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.HTTP.Door.BodyMax != 10_000_000 || cfg.History.Keep != 30*24*time.Hour || cfg.Database.Guard.Retry.Base != 50*time.Millisecond {
		t.Errorf("got body_max %d, keep %s, base %s", cfg.HTTP.Door.BodyMax, cfg.History.Keep, cfg.Database.Guard.Retry.Base)
	}
	if got := cfg.Smoke.Requests[1]; got.Get != "/api/products" || got.MinQueries != 1 {
		t.Errorf("second smoke request is %+v", got)
	}
	here, err := filepath.Abs("testdata/allowlist.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Database.AllowList.File != here {
		t.Errorf("allow_list.file is %q, want it beside the settings file: %q", cfg.Database.AllowList.File, here)
	}
}

func TestTenMistakesComeAtOnceWithPlaceAndCure(t *testing.T) {
	_, err := Load(Sources{File: "testdata/ten.yaml"})
	if err == nil {
		t.Fatal("a file with ten mistakes loaded")
	}
	golden(t, "testdata/ten.golden", err.Error()+"\n")
	for _, goWord := range []string{"struct", "int64", "reflect", "time.Duration", "map[", "config.", "<nil>"} {
		if strings.Contains(err.Error(), goWord) {
			t.Errorf("the mistakes speak Go: %q", goWord)
		}
	}
}

func TestMistakesHaveTheirPlaceAndCure(t *testing.T) {
	for _, c := range []struct{ name, file, want string }{
		{"unknown key", "http:\n  lisen: 127.0.0.1:1\n", "sallyport.yaml:2:3: http.lisen is not a setting; did you mean listen?"},
		{"key of another section", "body_max: 1MB\n", "sallyport.yaml:1:1: body_max is not a setting; did you mean http.body_max?"},
		{"nobody to require", "http: {require_tunnel: enforce}\n", "sallyport.yaml:1:8: http.require_tunnel is enforce, but nothing tells our own connector from others: set tunnel.run, or tunnel.door_key_file with the key of the one that is watched"},
		{"no unit", "history: {keep: 30}\n", "sallyport.yaml:1:11: history.keep is 30, want a duration with its unit, such as 30s, 15m, 12h or 7d"},
		{"unknown unit", "log: {rotate: {size: 20Mb}}\n", `sallyport.yaml:1:16: log.rotate.size is "20Mb", want a size with its unit, such as 512KB, 10MB or 1GiB`},
		{"twice", "version: 1\nversion: 1\n", "sallyport.yaml:2:1: version stands twice, first in line 1"},
		{"scalar for section", "http: yes\n", `sallyport.yaml:1:1: http is "yes", want a section with keys of its own`},
		{"list for scalar", "http: {listen: [a]}\n", "sallyport.yaml:1:8: http.listen is a list, want one value"},
		{"scalar for list", "drift: {files: /x}\n", `sallyport.yaml:1:9: drift.files is "/x", want a list such as [a, b]; [] for none`},
		{"no value", "admin:\n  listen:\n", `sallyport.yaml:2:3: admin.listen has no value; write "" for none, or take the line out`},
		{"octal", "database: {pool: {max: 010}}\n", `sallyport.yaml:1:19: database.pool.max is "010", want a whole number`},
		{"word for bool", "http: {cors: {credentials: yes}}\n", `sallyport.yaml:1:15: http.cors.credentials is "yes", want true or false`},
		{"part's own mistake", "database:\n  pool: {mode: transaction,\n  max: 0}\n", "sallyport.yaml:3:3: database.pool.max is 0, want 1 or more"},
		{"list item", "http:\n  client_ip:\n    trust:\n      - 127.0.0.0/8\n      - nonsense\n", `sallyport.yaml:5:9: http.client_ip.trust[1] is "nonsense", want an address or a network such as 127.0.0.0/8`},
		{"second document", "version: 1\n---\nversion: 1\n", "sallyport.yaml:3:1: a second document begins here, want one"},
		{"merge key", "a: &a {x: 1}\n", "sallyport.yaml:1:1: a is not a setting"},
		{"unknown alias", "public_url: *nope\n", "sallyport.yaml:1:13: the alias *nope names nothing that stands before it"},
		{"tag", "version: !!int 1\n", "sallyport.yaml:1:10: the tag !!int is not used in settings; take it out"},
		{"localhost", "http: {listen: localhost:80}\n", `sallyport.yaml:1:8: http.listen is "localhost:80": localhost means both 127.0.0.1 and ::1, and two processes can hold one each; want 127.0.0.1:80 or [::1]:80`},
		{"own port", "admin: {listen: 127.0.0.1:8080}\n", "sallyport.yaml:1:9: admin.listen is 127.0.0.1:8080, which http.listen has already"},
		{"loop", "http: {upstream: http://127.0.0.1:8080}\n", "sallyport.yaml:1:8: http.upstream is http://127.0.0.1:8080, which is http.listen: the door would forward to itself"},
		{"open admin", "admin:\n  listen: 0.0.0.0:9901\n", "sallyport.yaml:1:1: admin.token_file is empty, want a token because listen (0.0.0.0:9901) leaves loopback"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := mistakesOf(t, c.file); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestNotYAMLHasAPlace(t *testing.T) {
	for _, text := range []string{"a: b: c\n", "\tx: 1\n", "a: [1\n", "a: {b\n", "%\n"} {
		got := mistakesOf(t, text)
		if !strings.HasPrefix(got, "sallyport.yaml:1:") && !strings.HasPrefix(got, "sallyport.yaml:2:") || strings.Contains(got, "\n") {
			t.Errorf("%q: got %q, want one line with a place", text, got)
		}
	}
}

func TestHostileFilesAreRefusedQuickly(t *testing.T) {
	laughs := "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
	for i := 1; i < 9; i++ {
		was := "*a" + string(rune('0'+i-1))
		laughs += "a" + string(rune('0'+i)) + ": &a" + string(rune('0'+i)) + " [" + strings.Repeat(was+",", 8) + was + "]\n"
	}
	for name, text := range map[string]string{
		"large":          strings.Repeat("#", maxFile+1),
		"brackets":       strings.Repeat("[", 200_000),
		"braces":         strings.Repeat("{a: ", 50_000),
		"dashes":         strings.Repeat("- ", 100_000),
		"tags":           strings.Repeat("!a ", 80_000),
		"billion laughs": laughs + "drift: {files: *a8}\n",
		"own anchor":     "drift: {files: &a [*a]}\n",
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			if mistakesOf(t, text) == "" {
				t.Error("loaded, want it refused")
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

func TestAliasesServe(t *testing.T) {
	cfg, err := load(Sources{File: "s.yaml"}, []byte("history: {keep: &age 7d}\ndrift: {files: &f [/a]}\nhttp: {timeouts: {drain: *age}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if cfg.HTTP.Door.Timeouts.Drain != 7*24*time.Hour {
		t.Errorf("drain is %s, want 7d", cfg.HTTP.Door.Timeouts.Drain)
	}
}

func TestLaterSourcesWinAndKeepTheirOrigin(t *testing.T) {
	cfg, err := load(Sources{
		File:    "s.yaml",
		Environ: []string{"SALLYPORT_HTTP_LISTEN=127.0.0.1:2", "SALLYPORT_ADMIN_LISTEN=127.0.0.1:3", "SALLYPORT_DRIFT_FILES=/a, /b", "PATH=/bin"},
		Flags:   []Flag{{Name: "--admin", Key: "admin.listen", Value: "127.0.0.1:4"}},
	}, []byte("http: {listen: 127.0.0.1:1}\nadmin:\n  listen: 127.0.0.1:1\nlog: {level: warn}\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ key, value, origin string }{
		{"http.listen", "127.0.0.1:2", "SALLYPORT_HTTP_LISTEN"},
		{"admin.listen", "127.0.0.1:4", "--admin"},
		{"log.level", "warn", "s.yaml:4:7"},
		{"log.format", "auto", "default"},
		{"drift.files", "[/a, /b]", "SALLYPORT_DRIFT_FILES"},
	} {
		for _, v := range cfg.Explain() {
			if v.Key == c.key && (v.Value != c.value || v.Origin != c.origin) {
				t.Errorf("%s is %s from %s, want %s from %s", c.key, v.Value, v.Origin, c.value, c.origin)
			}
		}
	}
}

func TestUnknownVariablesAreMistakes(t *testing.T) {
	for _, c := range []struct{ env, want string }{
		{"SALLYPORT_HTTP_LISEN=x", "SALLYPORT_HTTP_LISEN: names no setting; did you mean SALLYPORT_HTTP_LISTEN?"},
		{"SALLYPORT_DATABASE_USERS=x", "SALLYPORT_DATABASE_USERS: database.users holds further settings; set it in the file"},
		{"SALLYPORT_LOG_LEVEL=loud", `SALLYPORT_LOG_LEVEL: log.level is "loud", want debug, info, warn or error`},
		{"SALLYPORT_HISTORY_KEEP=30", "SALLYPORT_HISTORY_KEEP: history.keep is 30, want a duration with its unit, such as 30s, 15m, 12h or 7d"},
		{"SALLYPORT_CONFIG=/x", ""},
		{"SALLYPORT_PORT_8080_TCP_ADDR=10.0.0.1", ""},
		{"SALLYPORT_SERVICE_HOST=10.0.0.1", ""},
		{"SALLYPORT_PORT=tcp://10.0.0.1:8080", ""},
		{"SALLYPORTER=1", ""},
	} {
		if got := mistakesOf(t, "", c.env); got != c.want {
			t.Errorf("%s: got %q, want %q", c.env, got, c.want)
		}
	}
}

func TestFlagsNameTheirMistakes(t *testing.T) {
	_, err := load(Sources{Flags: []Flag{{"--set", "http.lisen", "x"}, {"--app", "http.upstream", "http://localhost:3000"}}}, nil)
	want := "--set: http.lisen is not a setting; did you mean http.listen?\n" +
		`--app: http.upstream is "http://localhost:3000": localhost means both 127.0.0.1 and ::1, and two processes can hold one each; want http://127.0.0.1:3000 or http://[::1]:3000`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
