package http1

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/gateway/ingress"
)

// site is a Server on a port of its own.
type site struct {
	t    *testing.T
	addr string
	srv  *Server

	mu      sync.Mutex
	refused []ingress.Refused
	said    bytes.Buffer
}

// Write takes the server's log.
func (w *site) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.said.Write(p)
}

// open serves h until the test ends; change may alter the server before.
func open(t *testing.T, h http.HandlerFunc, change func(*Server)) *site {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &site{t: t, addr: ln.Addr().String()}
	w.srv = &Server{
		Handler: h, Head: ingress.Defaults(), KeepAlive: time.Minute,
		RefusalHeaders: func() []byte { return []byte("X-Frame-Options: DENY\r\n") }, Logger: slog.New(slog.NewTextHandler(w, nil)),
		OnRefusal: func(r ingress.Refused) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.refused = append(w.refused, r)
		},
	}
	if change != nil {
		change(w.srv)
	}
	ended := make(chan error, 1)
	go func() { ended <- w.srv.Serve(ln) }()
	t.Cleanup(func() {
		_ = w.srv.Close()
		select {
		case err := <-ended:
			if !errors.Is(err, http.ErrServerClosed) {
				t.Errorf("Serve returned %v, want http.ErrServerClosed", err)
			}
		case <-time.After(20 * time.Second):
			t.Error("Serve did not return within 20s of Close")
		}
	})
	return w
}

// echo answers with what it understood.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		status := http.StatusBadRequest
		if typed, ok := errors.AsType[*ingress.Refusal](err); ok {
			status = typed.Status
		}
		w.WriteHeader(status)
		return
	}
	fmt.Fprintf(w, "%s %s %s", r.Method, r.RequestURI, body)
}

func (w *site) dial() *net.TCPConn {
	w.t.Helper()
	c, err := net.Dial("tcp4", w.addr)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	return c.(*net.TCPConn)
}

// begin opens a connection, writes raw and returns it with a reader of its answers.
func (w *site) begin(raw string) (*net.TCPConn, *bufio.Reader) {
	w.t.Helper()
	c := w.dial()
	if _, err := io.WriteString(c, raw); err != nil {
		w.t.Fatal(err)
	}
	return c, bufio.NewReader(c)
}

// send writes raw, ends the client's direction and returns all that comes back.
func (w *site) send(raw string) string {
	w.t.Helper()
	c, answers := w.begin(raw)
	_ = c.CloseWrite()
	all, err := io.ReadAll(answers)
	if err != nil {
		w.t.Errorf("reading the answer to %.60q: %v", raw, err)
	}
	return string(all)
}

// expect reads one answer with the body want.
func expect(t *testing.T, r *bufio.Reader, want string) *http.Response {
	t.Helper()
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatalf("answer %q: %v", want, err)
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); err != nil || string(b) != want {
		t.Fatalf("got %d %q (%v), want %q", res.StatusCode, b, err, want)
	}
	return res
}

// ended wants the connection to end, whether in order or by a reset.
func ended(t *testing.T, r io.Reader) {
	t.Helper()
	if b, err := io.ReadAll(r); len(b) > 0 || err != nil && strings.Contains(err.Error(), "timeout") {
		t.Errorf("got %q (%v), want the connection ended", b, err)
	}
}

const host = "Host: shop.example\r\n"
