package upstream

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
)

// door is a gateway with nothing but the upstream stage, in front of an app.
type door struct {
	t    *testing.T
	up   *Upstream
	addr string

	mu      sync.Mutex
	refused []string
}

// front returns a door whose app listens on addr. Its settings are short in time and may be changed.
func front(t *testing.T, addr string, change func(*Settings, *Parts)) *door {
	t.Helper()
	d := &door{t: t}
	s := Defaults()
	s.URL = "http://" + addr
	s.Health.Every = 0
	s.Retry.Base = time.Millisecond
	p := Parts{
		Refuse: func(c *gin.Context, status int, reason string) {
			d.mu.Lock()
			d.refused = append(d.refused, http.StatusText(status)+": "+reason)
			d.mu.Unlock()
			plainRefusal(c, status, reason)
		},
	}
	if change != nil {
		change(&s, &p)
	}
	up, err := New(s, p)
	if err != nil {
		t.Fatal(err)
	}
	d.up = up
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- up.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Errorf("Run returned %v, want nil", err)
		}
	})
	d.addr = serve(t, engine(up))
	return d
}

// engine mounts up behind a writer that passes informational answers, as the middleware's does.
func engine(up *Upstream) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.RedirectTrailingSlash = false
	e.NoRoute(func(c *gin.Context) { c.Writer = &prompt{c.Writer} }, up.Handler())
	return e
}

// prompt is gin's writer that sends informational answers at once.
type prompt struct{ gin.ResponseWriter }

func (p *prompt) Unwrap() http.ResponseWriter {
	return p.ResponseWriter.(interface{ Unwrap() http.ResponseWriter }).Unwrap()
}

func (p *prompt) WriteHeader(status int) {
	if status < 200 && status != http.StatusSwitchingProtocols {
		p.Unwrap().WriteHeader(status)
		return
	}
	p.ResponseWriter.WriteHeader(status)
}

// serve runs h on a port of its own until the test ends.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	ln := listen(t)
	srv := httptest.NewUnstartedServer(h)
	_ = srv.Listener.Close()
	srv.Listener = ln
	srv.Start()
	t.Cleanup(srv.Close)
	return ln.Addr().String()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return ln
}

// rawApp runs script on each connection to it, after the first request head was read into head.
func rawApp(t *testing.T, script func(c net.Conn, head string)) string {
	t.Helper()
	ln := listen(t)
	var running sync.WaitGroup
	t.Cleanup(running.Wait)
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			running.Add(1)
			go func() {
				defer running.Done()
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(20 * time.Second))
				script(c, readHead(c))
			}()
		}
	}()
	return ln.Addr().String()
}

// readHead reads up to the empty line, byte by byte so that nothing of the body is taken.
func readHead(r io.Reader) string {
	var head strings.Builder
	one := make([]byte, 1)
	for !strings.HasSuffix(head.String(), "\r\n\r\n") {
		if _, err := io.ReadFull(r, one); err != nil {
			return head.String()
		}
		head.WriteByte(one[0])
	}
	return head.String()
}

// dial opens a connection to the door that ends with the test.
func (d *door) dial() net.Conn {
	d.t.Helper()
	c, err := net.Dial("tcp4", d.addr)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	return c
}

// send writes request on a new connection and returns everything that comes until the door closes.
func (d *door) send(request string) string {
	d.t.Helper()
	c := d.dial()
	if _, err := io.WriteString(c, request); err != nil {
		d.t.Fatal(err)
	}
	all, err := io.ReadAll(c)
	if err != nil && !errors.Is(err, net.ErrClosed) {
		d.t.Logf("read: %v", err)
	}
	return string(all)
}

// get asks for path and returns status and body.
func (d *door) get(path string) (int, string) {
	d.t.Helper()
	res, err := http.Get("http://" + d.addr + path)
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func (d *door) refusals() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.refused...)
}

// eventually waits until is holds, at most ten seconds.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if is() {
			return
		}
	}
	t.Fatalf("%s: not within 10s", what)
}

// answer parses one answer from raw bytes.
func parseAnswer(t *testing.T, raw string) *http.Response {
	t.Helper()
	res, err := http.ReadResponse(bufio.NewReader(strings.NewReader(raw)), nil)
	if err != nil {
		t.Fatalf("answer %q: %v", raw, err)
	}
	return res
}
