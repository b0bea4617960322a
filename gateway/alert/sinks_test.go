package alert

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// smtpServer speaks as much of RFC 5321, 3207 and 4954 as a client needs.
type smtpServer struct {
	t        *testing.T
	l        net.Listener
	tls      *tls.Config // nil: no STARTTLS
	user     string      // with password: AUTH is demanded
	password string
	wg       sync.WaitGroup

	mu    sync.Mutex // guards mails
	mails []letterIn
}

// letterIn is a mail that was taken.
type letterIn struct {
	from, body string
	to         []string
	encrypted  bool
}

func newSMTP(t *testing.T, cfg *tls.Config, login ...string) *smtpServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &smtpServer{t: t, l: l, tls: cfg}
	if len(login) == 2 {
		s.user, s.password = login[0], login[1]
	}
	s.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.wg.Go(func() { s.talk(c) })
		}
	})
	t.Cleanup(func() { l.Close(); s.wg.Wait() })
	return s
}

func (s *smtpServer) addr() string { return s.l.Addr().String() }

func (s *smtpServer) taken() []letterIn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]letterIn(nil), s.mails...)
}

// talk is one session.
func (s *smtpServer) talk(c net.Conn) {
	defer func() { c.Close() }()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	r := bufio.NewReader(c)
	say := func(format string, args ...any) { fmt.Fprintf(c, format+"\r\n", args...) }
	var m letterIn
	authed := s.user == ""
	say("220 test ESMTP")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		word, rest, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		switch strings.ToUpper(word) {
		case "EHLO":
			if s.tls != nil && !m.encrypted {
				say("250-test\r\n250 STARTTLS")
			} else if s.user != "" {
				say("250-test\r\n250 AUTH PLAIN")
			} else {
				say("250 test")
			}
		case "STARTTLS":
			say("220 go ahead")
			c = tls.Server(c, s.tls)
			r, m.encrypted = bufio.NewReader(c), true
		case "AUTH":
			_, secret, _ := strings.Cut(rest, " ")
			raw, err := base64.StdEncoding.DecodeString(secret)
			authed = err == nil && string(raw) == "\x00"+s.user+"\x00"+s.password
			if !authed {
				say("535 no")
				continue
			}
			say("235 welcome")
		case "MAIL":
			if !authed {
				say("530 who are you")
				continue
			}
			m.from = rest
			say("250 ok")
		case "RCPT":
			m.to = append(m.to, rest)
			say("250 ok")
		case "DATA":
			say("354 go on")
			var b strings.Builder
			for line, err := r.ReadString('\n'); err == nil && line != ".\r\n"; line, err = r.ReadString('\n') {
				b.WriteString(line)
			}
			m.body = b.String()
			s.mu.Lock()
			s.mails = append(s.mails, m)
			s.mu.Unlock()
			m = letterIn{encrypted: m.encrypted}
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

// sink is an HTTP endpoint that keeps what it gets, and refuses while it is down.
type sink struct {
	*httptest.Server
	mu     sync.Mutex // guards all below
	down   bool
	bodies [][]byte
	heads  []http.Header
	asked  int
}

func newSink(t *testing.T) *sink {
	s := &sink{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asked++
		if s.down || err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		s.bodies, s.heads = append(s.bodies, body), append(s.heads, r.Header.Clone())
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *sink) setDown(down bool) { s.mu.Lock(); defer s.mu.Unlock(); s.down = down }

func (s *sink) count() (taken, asked int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.bodies), s.asked
}

// states are those of the webhook notices, in order.
func (s *sink) states(t *testing.T) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var got []string
	for _, b := range s.bodies {
		var n notice
		if err := json.Unmarshal(b, &n); err != nil {
			t.Errorf("body %q: %v", b, err)
		}
		got = append(got, string(n.State)+" "+n.Cause)
	}
	return got
}

// secretFile writes text into a file and returns its name.
func secretFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(name, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// running runs d until the test ends or stop is called.
func running(t *testing.T, d *Desk) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			select {
			case err := <-ended:
				if err != nil {
					t.Errorf("Run returned %v, want nil", err)
				}
			case <-time.After(10 * time.Second):
				t.Error("Run has not returned 10 s after its context ended")
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !cond(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 15 s: %s", what)
		}
	}
}

var errDown = errors.New("down")
