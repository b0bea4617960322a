package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sallyport/config"
)

// TestMain is also the stand-in for an app that the gateway runs: the test binary executed again.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "stand-in-app" {
		os.Exit(standInApp(os.Args[2]))
	}
	goleak.VerifyTestMain(m)
}

// house is a gateway that runs before an app.
type house struct {
	*Gateway
	t    testing.TB
	app  *httptest.Server
	at   Addresses
	stop func() error // ends Run and returns what it returned

	client *http.Client
	log    *syncBuffer
}

// syncBuffer is a log that several goroutines write.
type syncBuffer struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// settings are the defaults on free ports, without a database, before the app at url.
func settings(url string) config.Config {
	cfg := config.Defaults()
	cfg.HTTP.Listen, cfg.Admin.Listen, cfg.Database.Listen = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	cfg.HTTP.App.URL = url
	cfg.HTTP.Door.Timeouts.Drain = 5 * time.Second
	return cfg
}

// open runs a gateway before app until the test ends. Changes are made to its settings first.
func open(t testing.TB, app http.HandlerFunc, changes ...func(*config.Config)) *house {
	t.Helper()
	return openWith(t, app, Parts{}, changes...)
}

func openWith(t testing.TB, app http.HandlerFunc, p Parts, changes ...func(*config.Config)) *house {
	t.Helper()
	h := &house{t: t, app: httptest.NewServer(app), log: &syncBuffer{}}
	t.Cleanup(h.app.Close)
	cfg := settings(h.app.URL)
	for _, change := range changes {
		change(&cfg)
	}
	p.Log, p.Version = slog.New(slog.NewJSONHandler(h.log, nil)), "test"
	p.AccessLog = h.log
	var err error
	if h.Gateway, err = New(cfg, p); err != nil {
		t.Fatal(err)
	}
	if err := h.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.at = h.Addresses()
	h.run()
	transport := &http.Transport{}
	h.client = &http.Client{Transport: transport, Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(transport.CloseIdleConnections)
	eventually(t, "the gateway is ready", func() bool { return h.get("admin", "/readyz").status == http.StatusOK })
	return h
}

// run starts Run; stop ends it.
func (h *house) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	var once sync.Once
	var result error
	h.stop = func() error {
		once.Do(func() {
			cancel()
			select {
			case result = <-done:
			case <-time.After(30 * time.Second):
				h.t.Error("the gateway did not stop within 30 s")
			}
		})
		return result
	}
	h.t.Cleanup(func() {
		if err := h.stop(); err != nil {
			h.t.Errorf("run: %v", err)
		}
	})
}

// eventually waits until claim holds.
func eventually(t testing.TB, what string, claim func() bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); !claim(); {
		if time.Now().After(end) {
			t.Fatalf("not within 15 s: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// json decodes the answer's body.
func (a answer) json(t testing.TB, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), into); err != nil {
		t.Fatalf("body is no JSON: %v\n%s", err, a.body)
	}
}

func (h *house) get(where, path string, headers ...string) answer {
	h.t.Helper()
	return h.do(where, http.MethodGet, path, nil, headers...)
}

// do asks the listener named "http" or "admin"; headers are name, value pairs.
func (h *house) do(where, method, path string, body io.Reader, headers ...string) answer {
	h.t.Helper()
	a, err := h.try(where, method, path, body, headers...)
	if err != nil {
		h.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

func (h *house) try(where, method, path string, body io.Reader, headers ...string) (answer, error) {
	addr := h.at.HTTP
	if where == "admin" {
		addr = h.at.Admin
	}
	r, err := http.NewRequest(method, "http://"+addr+"/", body)
	if err != nil {
		return answer{}, err
	}
	if r.URL.Opaque = ""; true {
		if parsed, err := r.URL.Parse("http://" + addr + path); err == nil && parsed.Host == addr {
			r.URL = parsed
		} else {
			r.URL.Opaque = "//" + addr + path
		}
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header.Add(headers[i], headers[i+1])
	}
	resp, err := h.client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(text)}, err
}

// raw sends bytes to the listener named and returns all that comes back.
func (h *house) raw(where, text string) string {
	h.t.Helper()
	addr := h.at.HTTP
	if where == "admin" {
		addr = h.at.Admin
	}
	c, err := net.Dial("tcp", addr)
	if err != nil {
		h.t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		h.t.Fatal(err)
	}
	if _, err := io.WriteString(c, text); err != nil {
		h.t.Fatal(err)
	}
	back, _ := io.ReadAll(c) // a reset after the answer is the server's way to close
	return string(back)
}

// kinds are the events' kinds, newest first.
func (h *house) kinds() string {
	var k []string
	for _, e := range h.journal.Newest(1000) {
		k = append(k, e.Kind)
	}
	return strings.Join(k, " ")
}

func hello(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }

// secret writes text to a file of the test and returns its path.
func secret(t testing.TB, text string) string {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "secret")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}
