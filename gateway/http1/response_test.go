package http1

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAnswersAreFramed(t *testing.T) {
	w := open(t, func(rw http.ResponseWriter, r *http.Request) {
		h := rw.Header()
		h["Date"] = nil
		switch r.URL.Path {
		case "/short":
			_, _ = io.WriteString(rw, "short")
		case "/long":
			_, _ = io.WriteString(rw, strings.Repeat("x", heldMax+1))
		case "/told":
			h.Set("Content-Length", "4")
			if _, err := io.WriteString(rw, "12345"); err != http.ErrContentLength {
				t.Errorf("more than was announced: got %v, want http.ErrContentLength", err)
			}
			_, _ = io.WriteString(rw, "1234")
		case "/empty":
			rw.WriteHeader(http.StatusNotFound)
		case "/204":
			h.Set("Content-Length", "3")
			rw.WriteHeader(http.StatusNoContent)
			if _, err := io.WriteString(rw, "x"); err != http.ErrBodyNotAllowed {
				t.Errorf("204 with a body: got %v, want http.ErrBodyNotAllowed", err)
			}
		case "/trailer":
			h.Set("Trailer", "X-Sum")
			_, _ = io.WriteString(rw, "a")
			h.Set("X-Sum", "1")
			h.Set(http.TrailerPrefix+"X-Late", "2")
		case "/split":
			h["X-Bad"] = []string{"a\r\nSet-Cookie: b"}
			h["X Bad"] = []string{"c"}
			h.Set("Transfer-Encoding", "gzip")
		}
	}, nil)
	for _, tc := range []struct{ request, want string }{
		{"GET /short HTTP/1.1", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nshort"},
		{"HEAD /short HTTP/1.1", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"},
		{"GET /long HTTP/1.1", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n801\r\n" + strings.Repeat("x", heldMax+1) + "\r\n0\r\n\r\n"},
		{"GET /long HTTP/1.0", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + strings.Repeat("x", heldMax+1)},
		{"HEAD /long HTTP/1.1", "HTTP/1.1 200 OK\r\n\r\n"},
		{"GET /told HTTP/1.1", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n1234"},
		{"GET /empty HTTP/1.1", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"},
		{"GET /204 HTTP/1.1", "HTTP/1.1 204 No Content\r\n\r\n"},
		{"GET /trailer HTTP/1.1", "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Late: 2\r\nX-Sum: 1\r\n\r\n"},
		{"GET /split HTTP/1.1", "HTTP/1.1 200 OK\r\nX-Bad: a  Set-Cookie: b\r\nContent-Length: 0\r\n\r\n"},
	} {
		got := w.send(tc.request + "\r\n" + host + "\r\n")
		if strings.HasPrefix(tc.request, "GET /trailer") && strings.HasSuffix(got, "X-Sum: 1\r\nX-Late: 2\r\n\r\n") {
			got = tc.want // either order is good
		}
		if got != tc.want {
			t.Errorf("%s:\ngot  %q\nwant %q", tc.request, got, tc.want)
		}
	}
}

func TestAnswerShorterThanAnnouncedEndsTheConnection(t *testing.T) {
	w := open(t, func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Length", "10")
		_, _ = io.WriteString(rw, "half")
	}, nil)
	_, answers := w.begin("GET / HTTP/1.1\r\n" + host + "\r\n")
	res, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(res.Body); err != io.ErrUnexpectedEOF || string(b) != "half" {
		t.Errorf("got %q, %v, want half and io.ErrUnexpectedEOF", b, err)
	}
}

func TestOldClientsConnectionIsKeptWhereItAsks(t *testing.T) {
	w := open(t, echo, nil)
	_, answers := w.begin("GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
	if res := expect(t, answers, "GET /1 "); res.Header.Get("Connection") != "keep-alive" {
		t.Errorf("got %v, want Connection: keep-alive", res.Header)
	}
	c, answers := w.begin("GET /2 HTTP/1.0\r\n\r\n")
	expect(t, answers, "GET /2 ")
	ended(t, c)
}

func TestLeaveToSendIsGivenWhenTheBodyIsWanted(t *testing.T) {
	w := open(t, func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/no" {
			rw.WriteHeader(http.StatusForbidden)
			return
		}
		echo(rw, r)
	}, nil)
	c, answers := w.begin("POST /yes HTTP/1.1\r\n" + host + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
	if res, err := http.ReadResponse(answers, nil); err != nil || res.StatusCode != http.StatusContinue {
		t.Fatalf("got %v, %v, want 100", res, err)
	}
	_, _ = io.WriteString(c, "ab")
	expect(t, answers, "POST /yes ab")
	_, _ = io.WriteString(c, "POST /no HTTP/1.1\r\n"+host+"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
	if res, err := http.ReadResponse(answers, nil); err != nil || res.StatusCode != http.StatusForbidden || !res.Close {
		t.Fatalf("got %v, %v, want 403 and the end", res, err)
	}
}

func TestUnreadBodyDelaysNoAnswer(t *testing.T) {
	w := open(t, func(rw http.ResponseWriter, r *http.Request) { rw.WriteHeader(http.StatusTooManyRequests) }, nil)
	for _, tc := range []struct {
		framing string
		rest    string
		closes  bool
	}{
		{"Content-Length: 5\r\n\r\n", "hello", false},
		{"Transfer-Encoding: chunked\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", false},
		{"Content-Length: 1000000\r\n\r\n", strings.Repeat("x", 1000000), true},
	} {
		c, answers := w.begin("POST / HTTP/1.1\r\n" + host + tc.framing)
		res := expect(t, answers, "") // before any of the body was sent
		if res.Close != tc.closes {
			t.Errorf("%.20q: close %v, want %v", tc.framing, res.Close, tc.closes)
		}
		_, err := io.WriteString(c, tc.rest+"GET /next HTTP/1.1\r\n"+host+"\r\n")
		if tc.closes {
			ended(t, answers)
			continue
		}
		if expect(t, answers, ""); err != nil {
			t.Errorf("%.20q: %v", tc.framing, err)
		}
	}
}

func TestTrailersOfARequestReachTheHandler(t *testing.T) {
	w := open(t, func(rw http.ResponseWriter, r *http.Request) {
		_, announced := r.Trailer["X-Sum"]
		_, _ = io.Copy(io.Discard, r.Body)
		fmt.Fprint(rw, announced, r.Trailer)
	}, nil)
	_, answers := w.begin("POST / HTTP/1.1\r\n" + host + "Trailer: x-sum\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 1\r\nx-late:  2 \r\n\r\n")
	expect(t, answers, "true map[X-Late:[2] X-Sum:[1]]")
}

func TestKernelMovesLargeBodies(t *testing.T) {
	file := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(file, []byte(strings.Repeat("x", 3<<20)), 0o600); err != nil {
		t.Fatal(err)
	}
	w := open(t, func(rw http.ResponseWriter, r *http.Request) {
		f, err := os.Open(file)
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		if r.URL.Path == "/told" {
			rw.Header().Set("Content-Length", fmt.Sprint(3<<20))
		}
		n, err := rw.(io.ReaderFrom).ReadFrom(&io.LimitedReader{R: f, N: 3 << 20})
		if n != 3<<20 || err != nil {
			t.Errorf("ReadFrom: %d, %v, want 3 MB", n, err)
		}
		if c := rw.(*response).c; r.URL.Path == "/told" && len(c.turn.answer.out) != 0 {
			t.Error("the body went through the buffer")
		}
	}, nil)
	for _, path := range []string{"/told", "/chunked"} {
		_, answers := w.begin("GET " + path + " HTTP/1.1\r\n" + host + "\r\n")
		expect(t, answers, strings.Repeat("x", 3<<20))
	}
}

func TestClientThatTakesNothingEndsTheRequest(t *testing.T) {
	failed := make(chan error, 1)
	w := open(t, func(rw http.ResponseWriter, r *http.Request) {
		for range 10_000 {
			if _, err := rw.Write(make([]byte, 64<<10)); err != nil {
				failed <- r.Context().Err()
				return
			}
		}
		failed <- nil
	}, nil)
	c, _ := w.begin("GET / HTTP/1.1\r\n" + host + "\r\n")
	_ = c.SetLinger(0)
	_ = c.Close()
	if err := <-failed; err == nil {
		t.Error("the request's context still ran after a write had failed")
	}
}
