package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// called is what one call of the command line gave.
type called struct {
	code     int
	out, err string
}

// call runs args in this process, with no variables but environ.
func call(t *testing.T, environ []string, args ...string) called {
	t.Helper()
	var out, errOut bytes.Buffer
	p := newProgram(&out, &errOut)
	p.environ = environ
	code := p.run(t.Context(), args)
	c := called{code, out.String(), errOut.String()}
	if strings.Contains(c.out+c.err, "\x1b") {
		t.Errorf("sallyport %v wrote an escape byte", args)
	}
	return c
}

// inRoom makes a folder with files the working folder of the test.
func inRoom(t *testing.T, files map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMistakesComeAtOnceAndNothingStarts(t *testing.T) {
	inRoom(t, map[string]string{"bad.yaml": "version: 1\nhttp:\n  listen: localhost:8080\n  uptsream: http://127.0.0.1:3000\ndatabase: {pool: {max: 0}}\n"})
	want := `bad.yaml:3:3: http.listen is "localhost:8080": localhost means both 127.0.0.1 and ::1, and two processes can hold one each; want 127.0.0.1:8080 or [::1]:8080
bad.yaml:4:3: http.uptsream is not a setting; did you mean upstream?
bad.yaml:5:19: database.pool.max is 0, want 1 or more
sallyport: 3 mistakes in the settings, nothing was changed
`
	for _, command := range []string{"run", "check", "doctor"} {
		if got := call(t, nil, command, "--config", "bad.yaml"); got != (called{codeUsage, "", want}) {
			t.Errorf("%s: got %+v, want exit 2 and\n%s", command, got, want)
		}
	}
	got := call(t, nil, "check", "--config", "bad.yaml", "--json")
	if got.code != codeUsage || !strings.HasPrefix(got.out, "{\n  \"schema\": \"sallyport.mistakes/1\",") || !strings.Contains(got.out, `"line": 3`) {
		t.Errorf("as JSON: %+v", got)
	}
}

func TestWrongCallsAreUsage(t *testing.T) {
	inRoom(t, nil)
	for _, c := range []struct{ args, want string }{
		{"check --config nope.yaml", "no such file"}, {"check --colour", "unknown flag: --colour"}, {"chekc", "check"},
		{"run", "give --config FILE or --app URL"}, {"check --set http.listen", "want --set KEY=VALUE"}, {"release", "accepts 1 arg"},
	} {
		if got := call(t, nil, strings.Fields(c.args)...); got.code != codeUsage || !strings.Contains(got.err, c.want) || got.out != "" {
			t.Errorf("sallyport %s: got %+v, want exit 2 and %q", c.args, got, c.want)
		}
	}
}

func TestSettingsTellWhereTheyCameFrom(t *testing.T) {
	inRoom(t, map[string]string{"s.yaml": "public_url: https://shop.example.com\n"})
	environ := []string{"SALLYPORT_LOG_LEVEL=warn", "SALLYPORT_CONFIG=s.yaml"}
	want := "public_url: https://shop.example.com               # s.yaml:1:1\n" +
		"http.body_max: 1MB                                 # --set\n" +
		"log.level: warn                                    # SALLYPORT_LOG_LEVEL\n"
	if got := call(t, environ, "config", "print", "--set", "http.body_max=1MB"); got != (called{codeGood, want, ""}) {
		t.Errorf("got %+v, want\n%s", got, want)
	}
	if got := call(t, environ, "config", "print", "--effective"); got.code != codeGood || !strings.Contains(got.out, "# default") {
		t.Errorf("--effective gives %+v", got)
	}
	if got := call(t, []string{"SALLYPORT_LOG_LEVL=warn"}, "check"); got.code != codeUsage || !strings.Contains(got.err, "did you mean SALLYPORT_LOG_LEVEL?") {
		t.Errorf("an unknown variable gives %+v", got)
	}
}

func TestInitTakesTheAppsDatabaseAndOverwritesNothing(t *testing.T) {
	inRoom(t, map[string]string{".env": "PORT=3000\nDATABASE_URL=postgres://shop:hunter2@127.0.0.1:5432/shop\n"})
	got := call(t, nil, "init", "--app", "http://127.0.0.1:3000", "--public-url", "https://shop.example.com")
	if got.code != codeGood || strings.Contains(got.out+got.err, "hunter2") {
		t.Fatalf("init gives %+v, want exit 0 and no password", got)
	}
	if got := call(t, nil, "check"); got.code != codeGood || !strings.HasPrefix(got.out, "sallyport.yaml: good") {
		t.Errorf("check of what init wrote gives %+v", got)
	}
	st, err := os.Stat("secrets/database_url")
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the secret's file: %v, %v; want mode 0600", st, err)
	}
	if got := call(t, nil, "init"); got.code != codeUsage || !strings.Contains(got.err, "is there already; nothing was written") {
		t.Errorf("a second init gives %+v", got)
	}
}

func TestInitSaysWhatItDidWithTheDatabase(t *testing.T) {
	inRoom(t, map[string]string{".env": "DATABASE_URL=postgres://shop:hunter2@127.0.0.1:5432/shop\n", "secrets/database_url": "postgres://by-hand@127.0.0.1/shop"})
	got := call(t, nil, "init")
	if text, err := os.ReadFile("secrets/database_url"); got.code != codeGood || err != nil || string(text) != "postgres://by-hand@127.0.0.1/shop" {
		t.Errorf("a secret that is there already: got %+v, the secret is %q, %v; want it left alone and used", got, text, err)
	}
	if !strings.Contains(got.err, "secrets/database_url is there already and stays as it is") {
		t.Errorf("got %+v, want it said that the secret stays", got)
	}
	inRoom(t, map[string]string{".env": "DATABASE_URL=${PG}\n"})
	if got := call(t, nil, "init"); got.code != codeGood || !strings.Contains(got.err, "no database door: .env has no DATABASE_URL that is a URL") {
		t.Errorf("without a URL: got %+v, want it said", got)
	}
}

func TestWithoutAnInstanceCommandsSaySo(t *testing.T) {
	inRoom(t, nil)
	admin := free(t)
	for _, args := range []string{"health", "status", "blocked", "top", "reload", "explain x", "csp suggest", "alerts test", "mute APP_DOWN", "release 192.0.2.1", "report --compliance"} {
		got := call(t, nil, append(strings.Fields(args), "--admin", admin)...)
		if got.code != codeAbsent || !strings.Contains(got.err, "no running instance at "+admin+"; start one with: sallyport run") || got.out != "" {
			t.Errorf("sallyport %s: got %+v, want exit 3", args, got)
		}
	}
}

func TestInstanceThatAnswersNothingIsLate(t *testing.T) {
	inRoom(t, nil)
	l, err := net.Listen("tcp4", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := call(t, nil, "health", "--admin", l.Addr().String())
	if got.code != codeLate || !strings.Contains(got.err, "no answer in time") {
		t.Errorf("got %+v, want exit 4", got)
	}
}

func TestVersionIsACommandAndAFlag(t *testing.T) {
	command, flag := call(t, nil, "version"), call(t, nil, "--version")
	if command != flag || !strings.HasPrefix(flag.out, "sallyport "+version) {
		t.Errorf("version says %+v, --version %+v", command, flag)
	}
}

func TestShellsCanComplete(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if got := call(t, nil, "completion", shell); got.code != codeGood || !strings.Contains(got.out, "sallyport") {
			t.Errorf("completion %s: exit %d, %d bytes", shell, got.code, len(got.out))
		}
	}
	if got := call(t, nil, "__complete", "tunnel", "re"); !strings.Contains(got.out, "restart") || !strings.Contains(got.out, "restore") {
		t.Errorf("tunnel re<TAB> offers %q, want restart and restore", got.out)
	}
}

func TestEveryAnswerInJSONBeginsWithItsSchema(t *testing.T) {
	inRoom(t, map[string]string{"s.yaml": "admin: {listen: " + free(t) + "}\nhttp: {listen: " + free(t) + "}\n"})
	for args, schema := range map[string]string{"version": "version", "check": "check", "config print": "config", "doctor": "doctor", "smoke": "smoke", "drift": "drift"} {
		got := call(t, nil, append(strings.Fields(args), "--json", "--config", "s.yaml")...)
		if want := "{\n  \"schema\": \"sallyport." + schema + "/1\","; !strings.HasPrefix(got.out, want) {
			t.Errorf("sallyport %s --json begins with %.60q, want %q", args, got.out, want)
		}
	}
}
