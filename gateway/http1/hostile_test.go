package http1

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"sallyport/gateway/ingress"
)

// What a hostile client or app can do that a stranger looked for; each of these was wrong once.

func TestAnswerToABodyThatIsNotReadToItsEndArrives(t *testing.T) {
	w := open(t, func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/unread" {
			rw.WriteHeader(http.StatusTooManyRequests)
			return
		}
		_, err := io.Copy(io.Discard, r.Body)
		if _, ok := errors.AsType[*ingress.Refusal](err); !ok {
			t.Errorf("%s: got %v, want the refusal of a broken chunk", r.URL.Path, err)
		}
		rw.WriteHeader(http.StatusBadRequest)
	}, nil)
	for _, tc := range []struct {
		path, body string
		status     int
		announced  bool
	}{
		{"/broken", "5\r\nhelloX\r\n" + strings.Repeat("x", 100_000), 400, true},
		{"/unread", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", 400_000, strings.Repeat("x", 400_000)), 429, false},
	} {
		_, answers := w.begin("POST " + tc.path + " HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n" + tc.body)
		res, err := http.ReadResponse(answers, nil)
		if err != nil || res.StatusCode != tc.status || res.Close != tc.announced {
			t.Errorf("%s: got %+v, %v, want %d and its end announced: %v", tc.path, res, err, tc.status, tc.announced)
			continue
		}
		// A reset instead of an orderly end takes the answer with it where it has not been read yet.
		if rest, err := io.ReadAll(answers); err != nil || len(rest) > 0 {
			t.Errorf("%s: after the answer: %q, %v, want the end", tc.path, rest, err)
		}
	}
}

func TestPathOfAStalledHeadIsItsOwnWhereverTheBytesLie(t *testing.T) {
	w := open(t, echo, func(s *Server) { s.Head.HeaderTimeout = 100 * time.Millisecond })
	// Together they fill the buffer, and the second is moved to its beginning to make room.
	first := "GET /" + strings.Repeat("a", 1800) + " HTTP/1.1\r\n" + host + "\r\n"
	second := "GET /second?token=x HTTP/1.1\r\n" + host + "Cookie: " + strings.Repeat("geheim", 1000)
	c, answers := w.begin((first + second)[:inSize])
	if res, err := http.ReadResponse(answers, nil); err != nil || res.StatusCode != 200 {
		t.Fatalf("first: got %v, %v, want 200", res, err)
	} else if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Fatal(err)
	}
	if res, err := http.ReadResponse(answers, nil); err != nil || res.StatusCode != http.StatusRequestTimeout {
		t.Fatalf("second: got %v, %v, want 408", res, err)
	}
	_ = c.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.refused) != 1 || w.refused[0].Method != "GET" || w.refused[0].Path != "/second" {
		t.Errorf("told %+v, want GET /second", w.refused)
	}
}

func TestFieldThatIsAlsoAnnouncedAsATrailerStaysInTheHead(t *testing.T) {
	w := open(t, func(rw http.ResponseWriter, _ *http.Request) {
		h := rw.Header()
		h.Set("Trailer", "X-Frame-Options, Server-Timing, Content-Length") // the last is a client's reason to refuse it all
		h.Set("X-Frame-Options", "DENY")
		_, _ = io.WriteString(rw, "page")
		h.Set("Server-Timing", "db;dur=1")
	}, nil)
	_, answers := w.begin("GET / HTTP/1.1\r\n" + host + "\r\n")
	res := expect(t, answers, "page")
	if got := res.Header.Get("X-Frame-Options"); got != "DENY" {
		t.Errorf("head: got X-Frame-Options %q, want DENY: nobody looks for it in a trailer", got)
	}
	if got := res.Trailer.Get("Server-Timing"); got != "db;dur=1" {
		t.Errorf("trailer: got Server-Timing %q, want the handler's", got)
	}
}

func TestAbortOfAnAnswerThatTheEndWouldCompleteIsAReset(t *testing.T) {
	w := open(t, func(rw http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(rw, strings.Repeat("x", heldMax+1))
		rw.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}, nil)
	c, _ := w.begin("GET / HTTP/1.0\r\n\r\n")
	if b, err := io.ReadAll(c); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got %d bytes and %v, want a reset: an orderly end makes them a whole answer", len(b), err)
	}
}

func TestConnectionThatComesAsTheServerClosesIsClosed(t *testing.T) {
	s := &Server{Handler: http.HandlerFunc(echo), Head: ingress.Defaults()}
	s.begin(nil)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	late := script([]byte("GET / HTTP/1.1\r\n"+host+"\r\n"), nil)
	s.start(late)
	s.running.Wait()
	select {
	case <-late.closed:
	default:
		t.Error("the connection is open, and nobody will close it")
	}
	if late.out.Len() > 0 {
		t.Errorf("it was answered %q after Close", late.out.Bytes())
	}
}

func TestServerOutlivesErrorsOfSingleConnections(t *testing.T) {
	for _, no := range []syscall.Errno{syscall.EMFILE, syscall.ECONNABORTED, syscall.ECONNRESET, syscall.EPROTO, syscall.ENETDOWN, syscall.EHOSTUNREACH, syscall.EPERM} {
		l := &failingListener{first: &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", no)}}
		s := &Server{Handler: http.HandlerFunc(echo), Head: ingress.Defaults()}
		if err := s.Serve(l); err == nil || !strings.Contains(err.Error(), "the second") {
			t.Errorf("after %v: Serve returned %v, want it to accept again", no, err)
		}
	}
}

// failingListener fails once with first, and then for good.
type failingListener struct {
	first error
	one
}

func (l *failingListener) Accept() (net.Conn, error) {
	if err := l.first; err != nil {
		l.first = nil
		return nil, err
	}
	return nil, errors.New("the second")
}

func (l *failingListener) Close() error { return nil }
