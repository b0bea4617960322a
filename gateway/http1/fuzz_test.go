package http1

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/gateway/ingress"
)

// scripted is a client's end of a connection: what it sends comes in pieces, then its direction ends.
type scripted struct {
	net.Conn
	mu     sync.Mutex
	pieces [][]byte
	out    bytes.Buffer
	closed chan struct{}
	once   sync.Once
}

func script(stream []byte, splits []byte) *scripted {
	s := &scripted{closed: make(chan struct{})}
	for _, n := range splits {
		if k := min(int(n)+1, len(stream)); k > 0 {
			s.pieces = append(s.pieces, stream[:k])
			stream = stream[k:]
		}
	}
	if len(stream) > 0 {
		s.pieces = append(s.pieces, stream)
	}
	return s
}

func (s *scripted) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pieces) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.pieces[0])
	if s.pieces[0] = s.pieces[0][n:]; len(s.pieces[0]) == 0 {
		s.pieces = s.pieces[1:]
	}
	return n, nil
}

func (s *scripted) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Write(p)
}

func (s *scripted) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

func (s *scripted) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }
func (s *scripted) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 2} }
func (s *scripted) SetDeadline(time.Time) error      { return nil }
func (s *scripted) SetReadDeadline(time.Time) error  { return nil }
func (s *scripted) SetWriteDeadline(time.Time) error { return nil }

// one is a listener that has one connection.
type one struct {
	conn  chan net.Conn
	ended chan struct{}
	once  sync.Once
}

func (o *one) Accept() (net.Conn, error) {
	select {
	case c := <-o.conn:
		return c, nil
	case <-o.ended:
		return nil, net.ErrClosed
	}
}

func (o *one) Close() error {
	o.once.Do(func() { close(o.ended) })
	return nil
}
func (o *one) Addr() net.Addr { return &net.TCPAddr{} }

// tell answers a request with all that the handler can know of it, in one of the ways that handlers answer.
func tell(w http.ResponseWriter, r *http.Request) {
	body, err := []byte("unread"), error(nil)
	trailer := r.Trailer // as announced: what follows the body is told to whoever reads to its end, to others perhaps
	switch {
	case strings.HasPrefix(r.URL.Path, "/half"):
		trailer = nil
		_, err = io.ReadFull(r.Body, body[:1])
		if err == io.EOF {
			err = nil
		}
	case !strings.HasPrefix(r.URL.Path, "/unread"):
		body, err = io.ReadAll(r.Body)
		trailer = r.Trailer
	}
	if err != nil {
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %q %q host %q proto %s %d.%d length %d coding %q close %v\n", r.Method, r.RequestURI, r.URL.String(), strings.ToLower(r.Host), r.Proto, r.ProtoMajor, r.ProtoMinor, r.ContentLength, r.TransferEncoding, r.Close)
	fmt.Fprintf(&b, "path %q %q query %q %v url host %q remote %q\n", r.URL.Path, r.URL.RawPath, r.URL.RawQuery, r.URL.ForceQuery, strings.ToLower(r.URL.Host), r.RemoteAddr)
	for _, fields := range []http.Header{r.Header, trailer} {
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			if name == "Cache-Control" && len(fields["Pragma"]) > 0 {
				continue // Go's server makes one of Pragma; an app is to see what came
			}
			fmt.Fprintf(&b, "%s: %q\n", name, fields[name])
		}
	}
	fmt.Fprintf(&b, "%q", body)
	answer(w, r, b.String())
}

func answer(w http.ResponseWriter, r *http.Request, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain")
	h.Set("X-By", "the handler")
	if answerOddly(w, r.URL.Path, text) {
		return
	}
	switch path := r.URL.Path; {
	case strings.HasPrefix(path, "/length"):
		h.Set("Content-Length", fmt.Sprint(len(text)))
	case strings.HasPrefix(path, "/early") && r.ProtoMinor == 1: // Go sends these to HTTP/1.0 too, which does not know them
		h.Set("Link", "</a>")
		w.WriteHeader(http.StatusEarlyHints)
		h.Del("Link")
	case strings.HasPrefix(path, "/flush"):
		h.Set("Trailer", "X-After")
		_, _ = io.WriteString(w, text[:1])
		w.(http.Flusher).Flush()
		text = text[1:]
		h.Set("X-After", "1")
		h.Set(http.TrailerPrefix+"X-Late", "2")
	case strings.HasPrefix(path, "/none"):
		w.WriteHeader(http.StatusNoContent)
		return
	case strings.HasPrefix(path, "/same"):
		w.WriteHeader(http.StatusNotModified)
		return
	case strings.HasPrefix(path, "/many"):
		text = strings.Repeat(text, 20)
	}
	_, _ = io.WriteString(w, text)
}

// ours returns what our server says to stream.
func ours(stream, splits []byte) []byte {
	s := &Server{Handler: http.HandlerFunc(tell), Head: ingress.Defaults()}
	c := script(stream, splits)
	s.begin(nil)
	newConn(s, c).serve()
	return c.out.Bytes()
}

// theirs returns what net/http's says.
func theirs(stream []byte) []byte {
	l := &one{conn: make(chan net.Conn, 1), ended: make(chan struct{})}
	c := script(stream, nil)
	srv := &http.Server{Handler: http.HandlerFunc(tell), DisableGeneralOptionsHandler: true, ErrorLog: log.New(io.Discard, "", 0)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l)
	}()
	l.conn <- c
	<-c.closed
	_ = srv.Close()
	<-done
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.out.Bytes()
}

// said reads the answers to requests with these methods. What follows answers requests that we refuse: it is nobody's matter
// what Go makes of those, and without the method nobody can read it.
func said(t *testing.T, out []byte, methods []string) (all []string) {
	r := bufio.NewReader(bytes.NewReader(out))
	for i := 0; i < len(methods); {
		res, err := http.ReadResponse(r, &http.Request{Method: methods[i]})
		if errors.Is(err, io.ErrUnexpectedEOF) && r.Buffered() == 0 {
			return all
		}
		if err != nil {
			t.Fatalf("answer %d of %q: %v", i, out, err)
		}
		body, err := io.ReadAll(res.Body)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			body = append(body, " and breaks off"...)
		} else if err != nil {
			t.Fatalf("body of answer %d of %q: %v", i, out, err)
		}
		res.Header.Del("Date")
		res.Header.Del("Trailer")    // of an answer that can have none
		res.Header.Del("Connection") // Go finds keep-alive inside other words of HTTP/1.0; the answers that follow are compared
		if res.StatusCode != http.StatusContinue {
			all = append(all, fmt.Sprintf("%d %v %v %v length %d %s", res.StatusCode, res.Header, res.Trailer, res.TransferEncoding, res.ContentLength, body))
		}
		if res.StatusCode >= 200 {
			i++
		}
	}
	return all
}

// heads returns the methods of the requests that stream begins with, as the parser sees them.
func heads(stream []byte) (methods []string) {
	p := ingress.NewParser(ingress.Defaults())
	for {
		n, r := p.Feed(stream)
		if n == 0 || r != nil {
			return methods
		}
		h := p.Head()
		methods = append(methods, string(h.Method))
		stream = stream[n:]
		if h.Chunked {
			var c ingress.Chunks
			used, done, r := c.Feed(stream)
			if !done || r != nil {
				return methods
			}
			stream = stream[used:]
		} else if h.Length > int64(len(stream)) {
			return methods
		} else {
			stream = stream[h.Length:]
		}
	}
}

// FuzzWeAnswerAsNetHTTPDoes sends whole connections, cut anywhere. What we serve, Go's server must serve too, having
// understood the same and with the same answer.
func FuzzWeAnswerAsNetHTTPDoes(f *testing.F) {
	for _, s := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /length HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
		"POST /early?a=%zz HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET /many HTTP/1.1\r\nhost: a\r\ncookie: a\r\nCookie: b\r\n\r\n",
		"POST /flush HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n5\r\nhello\r\n0\r\nX: 1\r\nY: 2\r\n\r\nHEAD /many HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabcGET /none HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
		"POST /unread HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nGET /same HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /a%20b//c HTTP/1.0\r\nConnection: keep-alive\r\n\r\nPUT http://a/x?y HTTP/1.1\r\nHost: A\r\nContent-Length: 0\r\n\r\n",
		"HEAD /length HTTP/1.1\r\nHost: a\r\n\r\nHEAD /flush HTTP/1.0\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabcOPTIONS /? HTTP/1.1\r\nHost: a\r\n\r\n",
	} {
		f.Add([]byte(s), []byte{3, 20, 1, 200, 0, 0})
	}
	f.Fuzz(func(t *testing.T, stream, splits []byte) {
		methods := heads(stream)
		compare(t, stream, splits, methods)
	})
}

func compare(t *testing.T, stream, splits []byte, methods []string) {
	want := said(t, theirs(stream), methods)
	for i, got := range said(t, ours(stream, splits), methods) {
		if !strings.Contains(got, "X-By:[the handler]") {
			return // we refuse: so may Go, or not
		}
		if i >= len(want) || got != want[i] {
			t.Fatalf("answer %d to %q:\nwe say  %q\nGo says %q", i, stream, got, want[min(i, len(want)-1):])
		}
	}
}
