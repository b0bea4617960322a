package main

import (
	"context"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"sallyport/dbguard/localpg"
)

// block is one fenced block of the README.
type block struct{ kind, text string }

func readmeBlocks(t *testing.T) []block {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "\n"); n > 200 {
		t.Errorf("README.md has %d lines, want at most 200", n)
	}
	var all []block
	for _, m := range regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		all = append(all, block{m[1], m[2]})
	}
	return all
}

// reader is somebody who follows the README: a folder with an app, a database and the binary in PATH.
type reader struct {
	t     *testing.T
	dir   string
	swaps *strings.Replacer // the README's addresses → this machine's free ones
}

func newReader(t *testing.T) *reader {
	t.Helper()
	pg, err := localpg.Start(t.Context(), localpg.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pg.Stop() })
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("shop")) }))
	t.Cleanup(app.Close)
	r := &reader{t: t, dir: t.TempDir()}
	r.write("secrets/database_url", pg.URL("postgres"))
	r.write("secrets/app", "a password of the door's own")
	r.swaps = strings.NewReplacer("127.0.0.1:3000", strings.TrimPrefix(app.URL, "http://"), "127.0.0.1:8080", free(t), "127.0.0.1:6432", free(t), "127.0.0.1:9901", free(t))
	build := exec.Command("go", "build", "-buildvcs=false", "-tags=nomsgpack", "-o", filepath.Join(r.dir, "bin", "sallyport"), ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return r
}

// free is an address on which nobody listens now. Its port lies below those that Linux gives to connections (ip_local_port_range), so that no
// stranger's connection takes it before its use.
func free(t *testing.T) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp4", "127.0.0.1:"+strconv.Itoa(20000+rand.IntN(10000)))
		if err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no port of 100 is free")
	return ""
}

func (r *reader) write(name, text string) {
	r.t.Helper()
	path := filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// command is a line of the README for a shell in the reader's folder.
func (r *reader) command(ctx context.Context, line string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "bash", "-c", "set -o pipefail\n"+r.swaps.Replace(line))
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), "PATH="+filepath.Join(r.dir, "bin")+":"+os.Getenv("PATH"), "SALLYPORT_HTTP_LISTEN="+r.swaps.Replace("127.0.0.1:8080"),
		"SALLYPORT_DATABASE_LISTEN="+r.swaps.Replace("127.0.0.1:6432"), "SALLYPORT_ADMIN_LISTEN="+r.swaps.Replace("127.0.0.1:9901"))
	return cmd
}

// do runs a line to its end and returns what it printed on stdout.
func (r *reader) do(line string) string {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	var errOut strings.Builder
	cmd := r.command(ctx, line)
	cmd.Stderr = &errOut
	out, err := cmd.Output()
	if err != nil {
		r.t.Errorf("$ %s\n%v\n%s", line, err, errOut.String())
	}
	return string(out)
}

// serve starts a line that serves until the test ends, when it must end in order. It returns once the admin listener answers.
func (r *reader) serve(line string) (stop func()) {
	r.t.Helper()
	cmd := r.command(r.t.Context(), "exec "+strings.TrimSpace(line))
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	url := r.swaps.Replace("http://127.0.0.1:9901/readyz")
	for deadline := time.Now().Add(20 * time.Second); ; {
		if answer, err := http.Get(url); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				break
			}
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("$ %s\nis not ready after 20 s\n%s", line, said.String())
		}
		<-time.After(20 * time.Millisecond)
	}
	return func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := <-ended; err != nil {
			r.t.Errorf("$ %s\nended with %v\n%s", line, err, said.String())
		}
	}
}

func TestReadmeCommandsDoWhatItSays(t *testing.T) {
	r := newReader(t)
	blocks := readmeBlocks(t)
	for _, b := range blocks {
		switch b.kind {
		case "yaml":
			r.write("sallyport.yaml", r.swaps.Replace(b.text))
		case "sh":
			r.shell(b.text)
		}
	}
	stop := r.serve("sallyport run --config sallyport.yaml")
	defer stop()
	consoles := 0
	for _, b := range blocks {
		if b.kind == "console" {
			consoles++
			r.console(b.text)
		}
	}
	if consoles < 2 {
		t.Errorf("the README has %d console blocks, want the demo's and the API's", consoles)
	}
}

// shell follows a block of commands: one that serves is started and ended, the README's two own ones are known from elsewhere.
func (r *reader) shell(text string) {
	r.t.Helper()
	for line := range strings.Lines(text) {
		switch line = strings.TrimSpace(line); {
		case line == "go run ./cmd/sallyport demo" || line == "make test":
			makefile, err := os.ReadFile("../../Makefile")
			if err != nil || !strings.Contains(string(makefile), "\ntest:") {
				r.t.Errorf("the Makefile has no target test: %v", err)
			}
		case strings.HasPrefix(line, "sallyport run"):
			r.serve(line)()
		default:
			r.do(line)
		}
	}
}

// console runs each "$ " line and looks for what stands below it: the same JSON keys, statuses and sentences, other figures.
func (r *reader) console(text string) {
	r.t.Helper()
	for part := range strings.SplitSeq("\n"+text, "\n$ ") {
		line, shown, _ := strings.Cut(part, "\n")
		if strings.TrimSpace(line) == "" {
			continue
		}
		got := shape(r.do(line))
		for _, want := range shape(shown) {
			if !slices.Contains(got, want) {
				r.t.Errorf("$ %s\nlacks %q, which the README shows; it said %q", line, want, got)
			}
		}
	}
}

var (
	figures   = regexp.MustCompile(`\d+(\.\d+)?`)
	incidents = regexp.MustCompile(`database door: .* \(incident \w+\)`) // which rules join the refusal depends on what was learned by then
	values    = regexp.MustCompile(`^\s*("\w+":).*`)
	status    = regexp.MustCompile(`^[45]\d\d$`)
	keys      = regexp.MustCompile(`"\w+":|[{}]`)
	owner     = regexp.MustCompile(`\([^()]*, since [^()]*\)`)
)

// shape is what stays the same from run to run: keys of JSON, statuses, and lines without their figures.
func shape(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line == "…":
		case status.MatchString(line):
			lines = append(lines, line)
		case strings.HasPrefix(line, `{"`):
			lines = append(lines, strings.Join(keys.FindAllString(line, -1), ""))
		case values.MatchString(line):
			lines = append(lines, values.ReplaceAllString(line, "$1"))
		default:
			line = owner.ReplaceAllString(incidents.ReplaceAllString(line, "database door"), "(owner)")
			lines = append(lines, figures.ReplaceAllString(line, "N"))
		}
	}
	return lines
}

// TestReadmeShowsWhatDoctorSaysOfASplitPort makes the README's split port: the app on 127.0.0.1, a stale process on [::1].
func TestReadmeShowsWhatDoctorSaysOfASplitPort(t *testing.T) {
	app := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(app.Close)
	addr := app.Listener.Addr().(*net.TCPAddr)
	staleApp(t, net.JoinHostPort("::1", strconv.Itoa(addr.Port)))
	texts := 0
	for _, b := range readmeBlocks(t) {
		if b.kind != "text" {
			continue
		}
		texts++
		line, shown, _ := strings.Cut(strings.TrimPrefix(b.text, "$ sallyport "), "\n")
		answer := call(t, nil, strings.Fields(strings.ReplaceAll(line, "127.0.0.1:3000", addr.String()))...)
		if answer.code != codeFailed {
			t.Errorf("sallyport %s: exit %d, want 1", line, answer.code)
		}
		got := shape(answer.out)
		for _, want := range shape(shown) {
			if !slices.Contains(got, want) {
				t.Errorf("sallyport %s lacks %q, which the README shows; it said\n%s", line, want, answer.out)
			}
		}
	}
	if texts != 1 {
		t.Errorf("the README has %d text blocks, want the split port's", texts)
	}
}
