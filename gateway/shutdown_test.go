package gateway

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/config"
)

// mixed is an app with a slow answer, an event stream and a WebSocket. Slow answers wait for release.
type mixed struct {
	arrived chan string
	release chan struct{}
	// every is the pause between ticks, 0 for a second.
	every time.Duration
}

func (m *mixed) tick() time.Duration { return max(m.every, time.Second) }

func (m *mixed) serve(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/slow":
		m.arrived <- "slow"
		<-m.release
		_, _ = io.WriteString(w, "complete")
	case "/events":
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: 1\n\n")
		_ = http.NewResponseController(w).Flush()
		m.arrived <- "events"
		<-r.Context().Done()
	case "/ticks":
		w.Header().Set("Content-Type", "text/event-stream")
		for range 3 {
			_, _ = io.WriteString(w, "data: tick\n\n")
			_ = http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
			case <-time.After(m.tick()):
			}
		}
	case "/socket":
		m.socket(w, r)
	default:
		_, _ = io.WriteString(w, "hello")
	}
}

// socket upgrades and reads until the other side closes.
func (m *mixed) socket(w http.ResponseWriter, r *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) // RFC 6455, 1.3
	fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", base64.StdEncoding.EncodeToString(sum[:]))
	m.arrived <- "socket"
	_, _ = io.Copy(conn, conn)
}

// dialSocket opens a WebSocket to /socket and returns it with the reader of its frames.
func (h *house) dialSocket(t *testing.T) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", h.at.HTTP)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(conn, "GET /socket HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	reader := bufio.NewReader(conn)
	upgraded, err := http.ReadResponse(reader, nil)
	if err != nil || upgraded.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("upgrade: got %v, %v; want 101", upgraded, err)
	}
	return conn, reader
}

func TestCheck9TermLetsRequestsEndTellsWebSocketsAndCutsStreams(t *testing.T) {
	app := &mixed{arrived: make(chan string, 3), release: make(chan struct{})}
	release := sync.OnceFunc(func() { close(app.release) })
	defer release()
	h := open(t, app.serve, func(c *config.Config) {
		c.HTTP.Door.Timeouts.Drain, c.HTTP.Door.Timeouts.DrainStreams = 30*time.Second, 100*time.Millisecond
	})
	slow := make(chan answer, 1)
	go func() { slow <- h.get("http", "/slow") }()
	conn, reader := h.dialSocket(t)
	defer conn.Close()
	stream, err := net.Dial("tcp", h.at.HTTP)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	_, _ = io.WriteString(stream, "GET /events HTTP/1.1\r\nHost: shop\r\n\r\n")
	for range 3 {
		select {
		case <-app.arrived:
		case <-time.After(10 * time.Second):
			t.Fatal("not all three requests reached the app within 10 s")
		}
	}

	began := time.Now()
	stopped := make(chan error, 1)
	go func() { stopped <- h.stop() }()
	eventually(t, "readiness says no while the process lives", func() bool {
		return h.get("admin", "/readyz").status == 503 && h.get("admin", "/livez").status == 200
	})
	frame, err := io.ReadAll(io.LimitReader(reader, 4))
	if err != nil || !bytes.Equal(frame, []byte{0x88, 0x02, 0x03, 0xe9}) {
		t.Errorf("websocket: got % x, %v; want a close frame with 1001", frame, err)
	}
	eventually(t, "the door accepts nobody", func() bool {
		c, err := net.DialTimeout("tcp", h.at.HTTP, time.Second)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	// the stream ends before the slow request does: it holds nobody up
	_ = stream.SetReadDeadline(time.Now().Add(15 * time.Second))
	text, err := io.ReadAll(stream)
	if err != nil {
		t.Errorf("stream: got %v, want its end", err)
	}
	if !strings.Contains(string(text), "data: 1") || strings.HasSuffix(string(text), "0\r\n\r\n") {
		t.Errorf("stream: got %q, want what was sent and a cut, not a proper end", text)
	}
	if s := h.current.Load().app.Snapshot(); s.Failed != 0 {
		t.Errorf("a stream that was cut counted as %d failures of the app, want none", s.Failed)
	}
	release()
	if got := <-slow; got.status != 200 || got.body != "complete" {
		t.Errorf("slow request: got %d %q, want it complete", got.status, got.body)
	}
	if err := <-stopped; err != nil {
		t.Errorf("run: got %v, want nil", err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("stop took %v, want less than the drain time of 30 s", took)
	}
}

func TestTermUnderLoadLosesNoRequest(t *testing.T) {
	h := open(t, func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(20 * time.Millisecond)
		_, _ = io.WriteString(w, "complete")
	}, func(c *config.Config) { c.HTTP.Door.RateLimit.Requests, c.HTTP.Door.RateLimit.Concurrent = 0, 0 })
	var wg sync.WaitGroup
	var mu sync.Mutex // guards what follows
	served, broken := 0, []string{}
	for range 20 {
		wg.Go(func() {
			for {
				got, err := h.try("http", "GET", "/", nil)
				mu.Lock()
				if err == nil && got.body == "complete" {
					served++
				}
				if err == nil && got.body != "complete" || err != nil && !strings.Contains(err.Error(), "refused") && !isIdleRace(err) {
					broken = append(broken, fmt.Sprint(got.status, got.body, err))
				}
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	eventually(t, "there is load", func() bool { mu.Lock(); defer mu.Unlock(); return served > 100 })
	if err := h.stop(); err != nil {
		t.Errorf("run: got %v, want nil", err)
	}
	wg.Wait()
	if len(broken) > 0 {
		t.Errorf("broken requests: got %d, want none: %v", len(broken), broken[:min(len(broken), 5)])
	}
}

// isIdleRace reports a request that was sent on a connection at the moment at which the server closed it as idle: it was never
// begun, and HTTP/1.1 has no way to tell (RFC 9112, 9.6).
func isIdleRace(err error) bool {
	text := err.Error()
	return strings.HasSuffix(text, "EOF") || strings.Contains(text, "connection reset by peer") || strings.Contains(text, "server closed idle connection")
}

func TestFailedPartEndsTheGatewayWithItsError(t *testing.T) {
	cfg := settings("http://127.0.0.1:1")
	cfg.Database.UpstreamFile = "/nonexistent/url"
	g, err := New(cfg, Parts{})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- g.Run(t.Context()) }()
	select {
	case err := <-done:
		if err == nil || !strings.HasPrefix(err.Error(), "database door: ") {
			t.Errorf("run: got %v, want the database door's error", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the gateway runs on without its database door")
	}
}
