//go:build !windows

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/gateway"
)

// callWith runs one command with text on standard input.
func callWith(t *testing.T, in string, args ...string) called {
	t.Helper()
	var out, errOut bytes.Buffer
	p := newProgram(&out, &errOut)
	p.environ, p.in = nil, strings.NewReader(in)
	code := p.run(t.Context(), args)
	return called{code, out.String(), errOut.String()}
}

const ciLog = "2026-01-02 03:04:05 UTC [12] LOG:  statement: select name from product where id = 7 and owner = 'hunter2'\n" +
	"2026-01-02 03:04:05 UTC [12] LOG:  execute <unnamed>: insert into visit (at) values (now())\n" +
	"2026-01-02 03:04:05 UTC [12] LOG:  statement: select name from product where id = 1 or 1=1\n"

func TestLearnMakesAFileFromALog(t *testing.T) {
	inRoom(t, nil)
	file := `{"format":"sallyport structures","version":1}
{"sql":"insert into visit ( at ) values ( now ( ) )"}
{"sql":"select name from product where id = '?' and owner = '?'"}
`
	left := "left out: select name from product where id = ? or ? = ? (tautology: "
	if got := callWith(t, ciLog, "learn", "--from", "-"); got.code != codeGood || got.out != file || !strings.HasPrefix(got.err, left) {
		t.Errorf("got %+v, want the file and one statement left out", got)
	}
	if err := os.WriteFile("ci.log", []byte(ciLog), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := call(t, nil, "learn", "--from", "ci.log", "-o", "seed"); got.code != codeGood || got.out != "seed: 2 statements\n" {
		t.Errorf("to a file: got %+v", got)
	}
	if text, err := os.ReadFile("seed"); err != nil || string(text) != file {
		t.Errorf("the file: got %s, %v", text, err)
	}
	got := call(t, nil, "learn", "--from", "ci.log", "--role", "app", "--json")
	a := &answers{t: t}
	a.goldenText("learn", got.out)
	if strings.Contains(got.out, "hunter2") {
		t.Error("the answer holds a literal")
	}
	if got := call(t, nil, "learn", "--from", "nothing.log"); got.code != codeUsage {
		t.Errorf("a missing log: got %+v, want exit 2", got)
	}
}

func TestLearnDiffTellsWhatIsSentAndNotListed(t *testing.T) {
	inRoom(t, map[string]string{"seed": `{"format":"sallyport structures","version":1}` + "\n" + `{"sql":"select name from product where id = '?' and owner = '?'"}` + "\n" + `{"sql":"select 1"}` + "\n"})
	want := "+ insert into visit ( at ) values ( now ( ) )\n- select '?'\nseed: 1 statement sent and not in it, 1 in it and not seen\n"
	if got := callWith(t, ciLog, "learn", "diff", "seed", "--from", "-"); got != (called{codeFailed, want, ""}) {
		t.Errorf("got %+v, want exit 1 and\n%s", got, want)
	}
	a := &answers{t: t}
	a.goldenText("learn-diff", callWith(t, ciLog, "learn", "diff", "seed", "--from", "-", "--json").out)
	if got := callWith(t, "select 5", "learn", "diff", "seed", "--from", "-"); got.code != codeGood {
		t.Errorf("nothing new: got %+v, want exit 0", got)
	}
	for _, args := range [][]string{{"learn", "diff", "none", "--from", "-"}, {"learn", "diff", "--from", "-"}} {
		if got := callWith(t, ciLog, args...); got.code != codeUsage || !strings.Contains(got.err, "no such file") {
			t.Errorf("%v: got %+v, want exit 2", args, got)
		}
	}
}

func TestLearnApplyAddsToTheFileOfTheSettings(t *testing.T) {
	inRoom(t, map[string]string{"s.yaml": "admin: {listen: " + free(t) + "}\ndatabase: {allow_list: {file: allowlist.yaml}}\n"})
	got := callWith(t, ciLog, "learn", "apply", "--from", "-", "-c", "s.yaml", "--json")
	a := &answers{t: t}
	a.goldenText("learn-apply", strings.ReplaceAll(got.out, mustAbs(t, "allowlist.yaml"), "allowlist.yaml"))
	got = callWith(t, "select 2", "learn", "apply", "--from", "-", "-c", "s.yaml")
	if got.code != codeGood || !strings.HasPrefix(got.out, "+ select '?'\n") || !strings.Contains(got.out, "3 statements, 1 of them new\nno instance runs;") {
		t.Errorf("got %+v, want one more", got)
	}
	text, err := os.ReadFile("allowlist.yaml")
	if err != nil || strings.Count(string(text), "\n") != 4 {
		t.Errorf("the file: got %s, %v; want a head and three statements", text, err)
	}
}

func mustAbs(t *testing.T, path string) string {
	t.Helper()
	full, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return full
}

// goldenText holds text against testdata/json/NAME.json, every byte.
func (a *answers) goldenText(name, text string) {
	a.t.Helper()
	file := filepath.Join(sourceDir, "testdata", "json", name+".json")
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			a.t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(file); err != nil || string(want) != text {
		a.t.Errorf("%s: got %v\n%s\nwant\n%s", name, err, text, want)
	}
	if !json.Valid([]byte(text)) {
		a.t.Errorf("%s: the answer is no JSON", name)
	}
}

// sourceDir is where the tests began: inRoom leaves it.
var sourceDir, _ = os.Getwd()

// TestALearnedAppIsKnownFromItsFirstRequest lets an instance learn, writes that down, and starts it anew with the file.
func TestALearnedAppIsKnownFromItsFirstRequest(t *testing.T) {
	o := operate(t)
	for range 3 {
		o.visit()
	}
	o.wants(codeUsage, "no such file or directory; write it with: sallyport learn --out ", "learn", "diff")
	o.wants(codeGood, `{"sql":"select '?'"}`, "learn")
	o.wants(codeGood, "generation", "learn", "apply", "--json")
	o.wants(codeGood, "0 statements sent and not in it", "learn", "diff")
	o.cancel(errTerminated)
	if code := <-o.ended; code != codeGood {
		t.Fatalf("the first run exits %d", code)
	}
	o.start()
	code, text := o.call("learn", "--json")
	var l learned
	if err := json.Unmarshal([]byte(text), &l); err != nil || code != codeGood || !slices.ContainsFunc(l.Structures, func(s gateway.Structure) bool { return s.SQL == "select '?'" }) {
		t.Errorf("after a start with the file: exit %d, %v\n%s", code, err, text)
	}
}

// visit asks for one page.
func (o *operated) visit() {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), 20*time.Second)
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, "GET", "http://"+o.door+"/products", nil)
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		o.t.Fatal(err)
	}
	body, _ := io.ReadAll(a.Body)
	_ = a.Body.Close()
	if a.StatusCode != 200 {
		o.t.Fatalf("the app: got %d %s", a.StatusCode, body)
	}
}
