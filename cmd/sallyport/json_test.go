//go:build !windows

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// keyedByData are objects whose keys are data, not names of ours; their first value stands for all.
var keyedByData = map[string]bool{"checks": true, "channels": true, "detail": true}

// shapeOf lists every key path of v with its type, as scripts rely on it.
func shapeOf(path, name string, v any, into map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		into[path+" object"] = true
		for k, inner := range v {
			if keyedByData[name] {
				k = "*"
			}
			shapeOf(path+"."+k, k, inner, into)
		}
	case []any:
		into[path+" array"] = true
		for _, inner := range v {
			shapeOf(path+"[]", "", inner, into)
		}
	case string:
		into[path+" string"] = true
	case float64:
		into[path+" number"] = true
	case bool:
		into[path+" boolean"] = true
	case nil:
		into[path+" null"] = true
	}
}

// answers calls commands with --json and holds the shape of each answer against testdata/json: keys may be added, never renamed
// or retyped. Keys that an answer leaves out where they are empty may be missing.
type answers struct {
	t    *testing.T
	call func(args ...string) (int, string)
	seen map[string]bool // commands that were called, by their path
}

func (a *answers) of(line string) {
	a.t.Helper()
	args := strings.Fields(line)
	code, text := a.call(append(args, "--json")...)
	var v map[string]any
	dec := json.NewDecoder(strings.NewReader(text[max(0, strings.IndexByte(text, '{')):]))
	if err := dec.Decode(&v); err != nil {
		a.t.Errorf("sallyport %s --json: exit %d, %v in\n%s", line, code, err, text)
		return
	}
	words := args
	for i, w := range args {
		if strings.HasPrefix(w, "-") || strings.ContainsAny(w, "/.") || strings.ToUpper(w) == w {
			words = args[:i]
			break
		}
	}
	a.seen[strings.Join(words, " ")] = true
	name, ok := strings.CutPrefix(v["schema"].(string), "sallyport.")
	if !ok {
		a.t.Errorf("sallyport %s --json: schema is %q", line, v["schema"])
	}
	a.golden(strings.TrimSuffix(name, "/1"), v)
}

func (a *answers) golden(name string, v any) {
	a.t.Helper()
	lines := map[string]bool{}
	shapeOf("$", "", v, lines)
	file := filepath.Join("testdata", "json", name+".txt")
	text, err := os.ReadFile(file)
	known := strings.Split(strings.TrimSpace(string(text)), "\n")
	if *update {
		if err != nil {
			known = nil
		}
		for l := range lines {
			if !slices.Contains(known, l) {
				known = append(known, l)
			}
		}
		slices.Sort(known)
		if err := errorsOf(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(strings.Join(known, "\n")+"\n"), 0o644)); err != nil {
			a.t.Fatal(err)
		}
		return
	}
	if err != nil {
		a.t.Fatal(err)
	}
	for l := range lines {
		if !slices.Contains(known, l) {
			a.t.Errorf("%s: the answer has %q, which testdata/json does not know (-update adds it; never drop or retype a key)", name, l)
		}
	}
	for _, l := range known {
		path, _, _ := strings.Cut(l, " ")
		if strings.Count(path, ".") == 1 && !strings.Contains(path, "[") && !slices.ContainsFunc(keysOf(lines), func(have string) bool { return strings.HasPrefix(have, path+" ") }) {
			a.t.Errorf("%s: the answer lacks %q", name, l)
		}
	}
}

func keysOf(m map[string]bool) []string {
	var all []string
	for k := range m {
		all = append(all, k)
	}
	return all
}

func errorsOf(all ...error) error {
	for _, err := range all {
		if err != nil {
			return err
		}
	}
	return nil
}

// withoutJSON are commands that have no such answer, with the reason.
var withoutJSON = map[string]string{
	"run":                   "serves until it is stopped; its log is JSON",
	"config schema":         "is JSON Schema as it is",
	"demo":                  "has its own test",
	"completion bash":       "is a shell script",
	"completion zsh":        "is a shell script",
	"completion fish":       "is a shell script",
	"completion powershell": "is a shell script",
	"help":                  "is for people",
	"tunnel":                "is a group",
	"tunnel restore":        "has its own test",
	"service install":       "has its own test",
	"service uninstall":     "has its own test",
	"service start":         "has its own test",
	"service stop":          "has its own test",
	"learn":                 "has its own test",
	"learn diff":            "has its own test",
	"learn apply":           "has its own test",
}

func TestEveryAnswerInJSONKeepsItsShape(t *testing.T) {
	s := supervise(t)
	a := &answers{t: t, call: s.call, seen: map[string]bool{}}
	for _, line := range []string{
		"version", "check", "config print", "doctor", "smoke", "drift", "status", "health", "reload", "blocked", "release 192.0.2.1", "explain NOTHING", "top",
		"checklist", "alerts test", "mute APP_DOWN --for 1m", "csp suggest", "tunnel status", "tunnel probe", "tunnel drift", "tunnel history", "tunnel backup",
		"tunnel verify --identity " + s.identity, "tunnel restart", "app status", "app restart", "tunnel hold", "tunnel release", "app hold", "app release",
	} {
		a.of(line)
	}
	s.write("bad.yaml", "uptsream: 1\n")
	alone := *a
	alone.call = func(args ...string) (int, string) { c := call(t, nil, args...); return c.code, c.out + c.err }
	alone.of("check --config " + filepath.Join(s.dir, "bad.yaml"))
	alone.of("init --dir " + t.TempDir())
	a.of("report --out " + filepath.Join(t.TempDir(), "r.zip"))
	a.every(newProgram(nil, nil))
}

// every wants each command of the program to have been called, or to have a reason why not.
func (a *answers) every(p *program) {
	a.t.Helper()
	var walk func(cmds []*cobra.Command, above string)
	walk = func(cmds []*cobra.Command, above string) {
		for _, c := range cmds {
			path := strings.TrimSpace(above + " " + c.Name())
			if c.HasSubCommands() {
				walk(c.Commands(), path)
				continue
			}
			if !a.seen[path] && withoutJSON[path] == "" {
				a.t.Errorf("sallyport %s: its answer in JSON has no golden file", path)
			}
		}
	}
	walk(p.commands(), "")
}
