package http1

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

var refusedRequests = []struct {
	name, raw string
	status    int
}{
	{"bare LF", "GET / HTTP/1.1\n" + host + "\r\n", 400},
	{"length and coding", "POST / HTTP/1.1\r\n" + host + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
	{"TRACE", "TRACE / HTTP/1.1\r\n" + host + "\r\n", 405},
	{"unknown expectation", "POST / HTTP/1.1\r\n" + host + "Expect: tea\r\nContent-Length: 1\r\n\r\nx", 417},
	{"long target", "GET /" + strings.Repeat("a", 16<<10) + " HTTP/1.1\r\n" + host + "\r\n", 414},
	{"large head", "GET / HTTP/1.1\r\n" + host + strings.Repeat("X: "+strings.Repeat("a", 1000)+"\r\n", 33) + "\r\n", 431},
	{"endless field", "GET / HTTP/1.1\r\n" + host + "X: " + strings.Repeat("a", 40<<10), 431},
	{"other coding", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
	{"HTTP/2.0", "GET / HTTP/2.0\r\n" + host + "\r\n", 505},
}

func TestRefusedRequestsReachNoHandler(t *testing.T) {
	w := open(t, func(http.ResponseWriter, *http.Request) { t.Error("the handler was called") }, nil)
	for _, tc := range refusedRequests {
		got := w.send(tc.raw)
		for _, want := range []string{fmt.Sprintf("HTTP/1.1 %d ", tc.status), "\r\nX-Frame-Options: DENY\r\n", "\r\nContent-Type: application/problem+json\r\n", "\r\nConnection: close\r\n", fmt.Sprintf(`"status":%d`, tc.status)} {
			if strings.Count(got, want) != 1 {
				t.Errorf("%s: got %.300q, want %q in it once", tc.name, got, want)
			}
		}
	}
	if len(w.refused) != len(refusedRequests) {
		t.Errorf("%d refusals were told, want %d", len(w.refused), len(refusedRequests))
	}
}

func TestPathOfARefusalIsToldWithoutItsQuery(t *testing.T) {
	w := open(t, echo, nil)
	w.send("GET /login?password=x HTTP/1.1\r\n\r\n")
	if r := w.refused[0]; r.Method != "GET" || r.Path != "/login" || r.Remote == nil || r.Reason != "the Host header is missing" {
		t.Errorf("told %+v, want GET /login, the peer and the reason", r)
	}
}

func TestBrokenChunksAreToldToTheReaderOfTheBody(t *testing.T) {
	w := open(t, echo, nil)
	bodies := []string{"5\r\nhelloX", "5;ext=1\r\nhello\r\n0\r\n\r\n", "5\nhello\r\n0\r\n\r\n", "5 \r\nhello\r\n0\r\n\r\n", "-5\r\n", "x\r\n", "\r\n", "5\r\nhello\n0\r\n\r\n", "0\r\nX\r\n\r\n", "0\r\nX : 1\r\n\r\n", "1000000000000000\r\n", "0\r\n X: 1\r\n\r\n"}
	for _, body := range bodies {
		got := w.send("POST /broken?q HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n" + body)
		if !strings.HasPrefix(got, "HTTP/1.1 400 ") || strings.Contains(got, "HTTP/1.1 200") {
			t.Errorf("body %q: got %.60q, want 400", body, got)
		}
	}
	if len(w.refused) != len(bodies) || w.refused[0].Path != "/broken" {
		t.Errorf("told %+v, want %d refusals of /broken", w.refused, len(bodies))
	}
}

func TestEveryCutOfAStreamIsReadAlike(t *testing.T) {
	w := open(t, echo, nil)
	stream := "GET /1 HTTP/1.1\r\n" + host + "\r\nPOST /2 HTTP/1.1\r\n" + host + "Content-Length: 2\r\n\r\nab" +
		"POST /3 HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n2\r\ncd\r\n0\r\nT: 1\r\n\r\nGET /4 HTTP/1.1\r\nConnection: close\r\n" + host + "\r\n"
	for cut := 1; cut < len(stream); cut++ {
		c, answers := w.begin(stream[:cut])
		// What is complete must be answered before the rest is sent.
		complete := strings.Count(stream[:cut], host+"\r\n")
		if complete >= 1 {
			expect(t, answers, "GET /1 ")
		}
		_, _ = io.WriteString(c, stream[cut:])
		if complete < 1 {
			expect(t, answers, "GET /1 ")
		}
		expect(t, answers, "POST /2 ab")
		expect(t, answers, "POST /3 cd")
		if res := expect(t, answers, "GET /4 "); !res.Close {
			t.Error("the last answer does not announce the end of the connection")
		}
		_ = c.Close()
	}
	if len(w.refused) != 0 {
		t.Errorf("refused %v, want nothing", w.refused)
	}
}

func TestPipelinedRubbishIsAnsweredAfterTheRequestBefore(t *testing.T) {
	inside, finish := make(chan struct{}), make(chan struct{})
	w := open(t, func(rw http.ResponseWriter, r *http.Request) {
		close(inside)
		<-finish
		if err := r.Context().Err(); err != nil {
			t.Errorf("the request was cancelled: %v", err)
		}
		_, _ = io.WriteString(rw, "whole")
	}, nil)
	_, answers := w.begin("GET / HTTP/1.1\r\n" + host + "\r\nGET /bad HTTP/1.1\nX: 1\r\n\r\nmore")
	<-inside
	close(finish)
	expect(t, answers, "whole")
	if res, err := http.ReadResponse(answers, nil); err != nil || res.StatusCode != 400 {
		t.Fatalf("after it: got %v, %v, want 400", res, err)
	}
}

func TestHeadOf1MBIsReadWhereItMayBe(t *testing.T) {
	w := open(t, func(rw http.ResponseWriter, r *http.Request) { fmt.Fprint(rw, len(r.Header.Get("X"))) }, func(s *Server) { s.Head.HeaderMax = 1 << 20 })
	if got := w.send("GET / HTTP/1.1\r\n" + host + "X: " + strings.Repeat("a", 900_000) + "\r\n\r\n"); !strings.HasSuffix(got, "900000") {
		t.Errorf("got %q, want 200 and 900000", got)
	}
}

func TestStalledHeadIsAnswered408AndASilentConnectionEnds(t *testing.T) {
	w := open(t, echo, func(s *Server) { s.Head.HeaderTimeout = 100 * time.Millisecond })
	c, answers := w.begin("GET /1 HTTP/1.1\r\n" + host + "\r\n")
	expect(t, answers, "GET /1 ")
	_, _ = io.WriteString(c, "GET /2 HT")
	if res, err := http.ReadResponse(answers, nil); err != nil || res.StatusCode != http.StatusRequestTimeout || res.Header.Get("X-Frame-Options") != "DENY" {
		t.Errorf("stalled head: got %v (%v), want 408 with our headers", res, err)
	}
	ended(t, w.dial()) // a client that says nothing gets no answer
}

func TestKeptConnectionLastsAsLongAsItMay(t *testing.T) {
	w := open(t, echo, func(s *Server) { s.Head.HeaderTimeout, s.KeepAlive = 50*time.Millisecond, 300*time.Millisecond })
	began := time.Now()
	_, answers := w.begin("GET /1 HTTP/1.1\r\n" + host + "\r\n")
	expect(t, answers, "GET /1 ")
	ended(t, answers)
	if took := time.Since(began); took < 200*time.Millisecond {
		t.Errorf("ended after %v, want 300ms: the time for a head is not for an idle connection", took)
	}
}

func TestShutdownLetsRequestsEndAndClosesIdleConnections(t *testing.T) {
	inside, finish := make(chan struct{}), make(chan struct{})
	w := open(t, func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(inside)
			<-finish
		}
		echo(rw, r)
	}, nil)
	_, idle := w.begin("GET /1 HTTP/1.1\r\n" + host + "\r\n")
	expect(t, idle, "GET /1 ")
	_, slow := w.begin("GET /slow HTTP/1.1\r\n" + host + "\r\n")
	<-inside
	down := make(chan error, 1)
	go func() { down <- w.srv.Shutdown(t.Context()) }()
	ended(t, idle)
	select {
	case err := <-down:
		t.Fatalf("Shutdown returned %v before the slow request had ended", err)
	default:
	}
	close(finish)
	if res := expect(t, slow, "GET /slow "); !res.Close {
		t.Error("the last answer does not announce the end of the connection")
	}
	if err := <-down; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

func TestShutdownGivesUpWithItsContextAndCloseCuts(t *testing.T) {
	inside := make(chan struct{})
	w := open(t, func(_ http.ResponseWriter, r *http.Request) {
		close(inside)
		<-r.Context().Done()
	}, nil)
	_, answers := w.begin("GET / HTTP/1.1\r\n" + host + "\r\n")
	<-inside
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := w.srv.Shutdown(ctx); err != context.DeadlineExceeded {
		t.Errorf("Shutdown: got %v, want its context's error", err)
	}
	if err := w.srv.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	ended(t, answers)
}

func TestRequestIsCancelledWhenItsClientLeaves(t *testing.T) {
	inside, cancelled := make(chan struct{}, 1), make(chan error, 1)
	w := open(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		inside <- struct{}{}
		child, cancel := context.WithCancel(r.Context())
		defer cancel()
		<-child.Done()
		cancelled <- r.Context().Err()
	}, nil)
	for _, raw := range []string{"GET / HTTP/1.1\r\n" + host + "\r\n", "POST / HTTP/1.1\r\n" + host + "Content-Length: 2\r\n\r\nab"} {
		c, _ := w.begin(raw)
		<-inside
		_ = c.Close()
		select {
		case err := <-cancelled:
			if err != context.Canceled {
				t.Errorf("got %v, want context.Canceled", err)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%.10q: not cancelled within 20s", raw)
		}
	}
}

func TestPanicCutsTheConnectionAndOnlyRealOnesAreLogged(t *testing.T) {
	w := open(t, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(rw, "half")
		_ = http.NewResponseController(rw).Flush()
		if r.URL.Path == "/abort" {
			panic(http.ErrAbortHandler)
		}
		panic("a mistake")
	}, nil)
	for _, path := range []string{"/abort", "/panic"} {
		_, answers := w.begin("GET " + path + " HTTP/1.1\r\n" + host + "\r\n")
		res, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(res.Body); err != io.ErrUnexpectedEOF || string(b) != "half" {
			t.Errorf("%s: got %q, %v, want the half and io.ErrUnexpectedEOF", path, b, err)
		}
	}
	_ = w.srv.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	if said := w.said.String(); strings.Count(said, "panic in handler") != 1 || !strings.Contains(said, "a mistake") {
		t.Errorf("log: %q, want the one mistake", said)
	}
}

func TestUpgradedConnectionIsTheHandlersWithWhatCameEarly(t *testing.T) {
	got := make(chan string, 1)
	w := open(t, func(rw http.ResponseWriter, _ *http.Request) {
		c, both, err := http.NewResponseController(rw).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		frames := make([]byte, 4)
		_, _ = io.ReadFull(both, frames)
		got <- string(frames)
		if _, err := rw.Write([]byte("x")); err != http.ErrHijacked {
			t.Errorf("Write after Hijack: got %v, want http.ErrHijacked", err)
		}
	}, nil)
	upgrade := "GET / HTTP/1.1\r\n" + host + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
	c, answers := w.begin(upgrade + "\x82\x00")
	_, _ = io.WriteString(c, "\x82\x00")
	if frames := <-got; frames != "\x82\x00\x82\x00" {
		t.Errorf("frames: got %q, want both", frames)
	}
	ended(t, answers)
}

func TestRefusedUpgradeDoesNotOpenTheWay(t *testing.T) {
	w := open(t, echo, nil)
	got := w.send("GET /ws HTTP/1.1\r\n" + host + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\nGET /smuggled HTTP/1.1\nHost: a\r\n\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 200 ") || !strings.Contains(got, "HTTP/1.1 400 ") || strings.Contains(got, "GET /smuggled") {
		t.Errorf("got %q, want 200, then 400", got)
	}
}

func TestDeadlinesOfAHandlerStrikeAndAreLifted(t *testing.T) {
	w := open(t, func(rw http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(rw)
		_ = control.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if _, err := r.Body.Read(make([]byte, 1)); err == nil || !strings.Contains(err.Error(), "timeout") {
			t.Errorf("read of a stalled body: got %v, want a timeout", err)
		}
		_ = control.SetReadDeadline(time.Time{})
		_, _ = io.WriteString(rw, "late")
	}, nil)
	_, answers := w.begin("POST / HTTP/1.1\r\n" + host + "Content-Length: 2\r\n\r\n")
	expect(t, answers, "late")
}

func TestLimitsFarAwayAreTheSweepers(t *testing.T) {
	w := open(t, func(rw http.ResponseWriter, r *http.Request) {
		c := rw.(*response).c
		_ = rw.(*response).SetReadDeadline(time.Now().Add(time.Hour))
		c.clock.mu.Lock()
		if c.clock.readSet {
			t.Error("the kernel was told of a limit in an hour")
		}
		c.clock.read = 1 // as if the hour were over
		c.clock.mu.Unlock()
		if _, err := r.Body.Read(make([]byte, 1)); err == nil || !strings.Contains(err.Error(), "timeout") {
			t.Errorf("read: got %v, want a timeout", err)
		}
	}, nil)
	_, answers := w.begin("POST / HTTP/1.1\r\n" + host + "Content-Length: 2\r\nConnection: close\r\n\r\n")
	if res, err := http.ReadResponse(bufio.NewReader(answers), nil); err != nil || !res.Close {
		t.Errorf("got %v, %v, want an answer that ends the connection", res, err)
	}
}

func TestNoBufferIsHeldWhileAHandlerWaits(t *testing.T) {
	held := make(chan string, 4)
	look := func(w *response, when string) {
		if w.c.in != nil {
			held <- when + ": an inbox"
		}
		if w.lent != nil {
			held <- when + ": an outbox"
		}
	}
	w := open(t, func(w http.ResponseWriter, _ *http.Request) {
		answer := w.(*response)
		look(answer, "before the answer")
		_, _ = io.WriteString(w, "first")
		answer.Flush()
		look(answer, "after a piece was flushed")
		_, _ = io.WriteString(w, "second")
	}, nil)
	if got := w.send("GET / HTTP/1.1\r\nHost: shop.example.com\r\nConnection: close\r\n\r\n"); !strings.Contains(got, "first") || !strings.Contains(got, "second") {
		t.Errorf("got %q, want both pieces", got)
	}
	close(held)
	for what := range held {
		t.Errorf("a request holds memory that it does not need %s", what)
	}
}
