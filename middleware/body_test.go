package middleware

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
)

// reader is an app that reads the whole body and answers as the body's errors ask.
func reader(c *gin.Context) {
	n, err := io.Copy(io.Discard, c.Request.Body)
	if status := BodyStatus(err); status != 0 {
		Reject(c, "upstream", status, err.Error())
		return
	}
	c.String(http.StatusOK, "%d", n)
}

// upload is a stand whose app reads bodies.
func upload(t *testing.T, s Settings) *stand {
	t.Helper()
	gin.SetMode(gin.ReleaseMode)
	st := &stand{State: NewState(nil)}
	chain, err := Chain(s, Parts{State: st.State, OnReject: func(r Rejection) {
		st.mu.Lock()
		defer st.mu.Unlock()
		st.rejected = append(st.rejected, r)
	}})
	if err != nil {
		t.Fatal(err)
	}
	e := gin.New()
	e.Use(chain...)
	e.NoRoute(reader)
	st.Server = newServer(t, e)
	return st
}

// raw opens a connection and sends text.
func (st *stand) raw(t *testing.T, text string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", st.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	return conn, bufio.NewReader(conn)
}

// status reads one answer's status.
func status(t *testing.T, r *bufio.Reader) int {
	t.Helper()
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp.StatusCode
}

const chunkedPost = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"

func TestBodyAboveTheCapIs413HoweverItComes(t *testing.T) {
	s := quiet()
	s.BodyMax = 1000
	st := upload(t, s)
	for _, size := range []int{0, 1, 999, 1000} {
		resp := st.do(t, http.MethodPost, "/", strings.NewReader(strings.Repeat("x", size)))
		wantStatus(t, resp, http.StatusOK)
		chunked := st.do(t, http.MethodPost, "/", io.MultiReader(strings.NewReader(strings.Repeat("x", size))))
		wantStatus(t, chunked, http.StatusOK)
		if got := bodyOf(t, chunked); got != fmt.Sprint(size) {
			t.Errorf("the app read %s bytes, want %d", got, size)
		}
	}
	resp := st.do(t, http.MethodPost, "/", io.MultiReader(strings.NewReader(strings.Repeat("x", 1001))))
	wantStatus(t, resp, http.StatusRequestEntityTooLarge)
	wantOnce(t, resp, onceEach...)

	// The length alone is enough: not one byte of the body is sent here.
	_, r := st.raw(t, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n")
	if got := status(t, r); got != http.StatusRequestEntityTooLarge {
		t.Errorf("announced length: got %d, want 413", got)
	}
	for _, r := range st.rejections() {
		if r.Stage != stageBodySize {
			t.Errorf("got stage %q for %d, want body-size whoever was reading", r.Stage, r.Status)
		}
	}
	if got := st.State.TooLarge.Load(); got != 2 {
		t.Errorf("counted %d too large, want 2", got)
	}
}

func TestElevenMegabytesChunkedAre413ByDefault(t *testing.T) {
	st := upload(t, quiet())
	resp := st.do(t, http.MethodPost, "/", io.LimitReader(zeroes{}, 11_000_000))
	wantStatus(t, resp, http.StatusRequestEntityTooLarge)
}

// TestServerFindsItsOwnBodyAgain: net/http decides by it whether to linger before it closes, without which a client that
// still sends loses the 413 to a reset.
func TestServerFindsItsOwnBodyAgain(t *testing.T) {
	s := quiet()
	s.BodyMax = 10
	same := make(chan bool, 1)
	e := engine(t, s, Parts{State: NewState(nil)}, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	srv := newServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		own := r.Body
		e.ServeHTTP(w, r)
		same <- r.Body == own
	}))
	resp, err := srv.Client().Post(srv.URL, "text/plain", io.MultiReader(strings.NewReader("a body")))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if !<-same {
		t.Error("net/http finds our body in place of its own after the request")
	}
}

func TestMalformedChunkIs400(t *testing.T) {
	st := upload(t, quiet())
	_, r := st.raw(t, chunkedPost+"zz\r\nhello\r\n")
	if got := status(t, r); got != http.StatusBadRequest {
		t.Errorf("got %d, want 400", got)
	}
}

func TestClientThatLeavesIsOnlyLogged(t *testing.T) {
	st := upload(t, quiet())
	conn, _ := st.raw(t, chunkedPost+"5\r\nhel")
	_ = conn.Close()
	eventually(t, "rejection told", func() bool { return len(st.rejections()) == 1 })
	if got := st.rejections()[0].Status; got != statusClientGone {
		t.Errorf("got status %d, want 499", got)
	}
}

func TestStalledBodyIs408AndASteadyOnePasses(t *testing.T) {
	s := quiet()
	s.Timeouts.Idle = 2 * time.Second
	st := upload(t, s)
	began := time.Now()
	_, r := st.raw(t, chunkedPost+"1\r\nx\r\n")
	if got := status(t, r); got != http.StatusRequestTimeout {
		t.Errorf("stalled: got %d, want 408", got)
	}
	if r := st.rejections(); len(r) != 1 || r[0].Stage != stageDeadline {
		t.Errorf("stalled: got rejections %+v, want one by the deadline", r)
	}
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("stalled: took %s, want about the idle time", took)
	}
	conn, r := st.raw(t, chunkedPost)
	for range 10 {
		// The pause is what is tested here: each chunk comes well within the idle time, all of them beyond it.
		time.Sleep(250 * time.Millisecond)
		_, _ = io.WriteString(conn, "10\r\nsixteen letters!\r\n")
	}
	_, _ = io.WriteString(conn, "0\r\n\r\n")
	if got := status(t, r); got != http.StatusOK {
		t.Errorf("steady: got %d, want 200", got)
	}
}

func TestTricklingBodyIs408AtTheMinimumRate(t *testing.T) {
	c := newClock()
	conn := &deadlineLog{}
	p := &pace{conn: conn, now: c.now, idle: 30 * time.Second, rate: 5, began: c.now()}
	for i := range 100 {
		if !p.before() {
			if i < 2 {
				t.Fatalf("cut after %d bytes, before the first idle time was over", i)
			}
			return
		}
		p.after(1, nil)
		c.pass(29 * time.Second)
	}
	t.Error("a body of one byte in 29 s was never cut")
}

func TestDeadlineMovesOnlyWithProgressAndGoesAtTheEnd(t *testing.T) {
	c := newClock()
	conn := &deadlineLog{}
	p := &pace{conn: conn, now: c.now, idle: 8 * time.Second, began: c.now()}
	for range 100 {
		p.before()
		p.after(1000, nil)
		c.pass(100 * time.Millisecond)
	}
	if n := len(conn.read); n < 3 || n > 6 {
		t.Errorf("the deadline was moved %d times in 10 s of steady reads, want about once in 2 s", n)
	}
	p.after(0, io.EOF)
	if last := conn.read[len(conn.read)-1]; !last.IsZero() {
		t.Errorf("got deadline %v after the end, want none", last)
	}
	n := len(conn.read)
	p.before()
	p.detach()
	c.pass(time.Minute)
	p.before()
	if len(conn.read) != n {
		t.Error("the deadline was touched after the end")
	}
}

// deadlineLog records the deadlines that were set.
type deadlineLog struct{ read, write []time.Time }

func (d *deadlineLog) SetReadDeadline(t time.Time) error  { d.read = append(d.read, t); return nil }
func (d *deadlineLog) SetWriteDeadline(t time.Time) error { d.write = append(d.write, t); return nil }

func TestRefusedClientThatSendsNoBodyIsAnsweredAndCut(t *testing.T) {
	s := quiet()
	s.Timeouts.Idle = 4 * time.Second
	st := upload(t, s)
	st.State.Holds.Hold("127.0.0.1", time.Now().Add(time.Hour), "x")
	_, r := st.raw(t, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
	if got := status(t, r); got != http.StatusForbidden {
		t.Errorf("got %d, want 403", got)
	}
	if _, err := r.ReadByte(); err != io.EOF {
		t.Errorf("got %v after the answer, want the end of the connection", err)
	}
}

func TestSlowAppIsNotCutByTheBodysDeadline(t *testing.T) {
	s := quiet()
	s.Timeouts.Idle = 500 * time.Millisecond
	st := started(t, s, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-r.Context().Done():
		case <-time.After(1500 * time.Millisecond): // longer than the idle time: that is what is tested
			ok(w, r)
		}
	})
	resp := st.do(t, http.MethodPost, "/", strings.NewReader("body"))
	if got := bodyOf(t, resp); got != "ok" {
		t.Errorf("got %q, want the slow app's answer", got)
	}
	again := st.do(t, http.MethodPost, "/", strings.NewReader("body"))
	if got := bodyOf(t, again); got != "ok" {
		t.Errorf("second request on the connection: got %q, want the answer", got)
	}
}

func TestClientThatDoesNotReadIsCut(t *testing.T) {
	s := quiet()
	s.Timeouts.Idle = 200 * time.Millisecond
	ended := make(chan error, 1)
	st := started(t, s, func(w http.ResponseWriter, _ *http.Request) {
		_, err := io.Copy(w, io.LimitReader(zeroes{}, 1<<30))
		ended <- err
	})
	st.raw(t, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	select {
	case err := <-ended:
		if err == nil {
			t.Error("a gigabyte went to a client that reads nothing")
		}
	case <-time.After(30 * time.Second):
		t.Error("a client that reads nothing holds its handler after 30s")
	}
}

func TestQuietStreamLivesBeyondTheIdleTime(t *testing.T) {
	s := quiet()
	s.Timeouts.Idle = 500 * time.Millisecond
	st := started(t, s, func(w http.ResponseWriter, r *http.Request) {
		for i := range 3 {
			_, _ = fmt.Fprintf(w, "data: %d\n\n", i)
			w.(http.Flusher).Flush()
			select {
			case <-r.Context().Done():
				t.Error("the stream was cut")
				return
			case <-time.After(800 * time.Millisecond): // longer than the idle time: that is what is tested
			}
		}
	})
	if got := bodyOf(t, st.get(t, "/")); strings.Count(got, "data:") != 3 {
		t.Errorf("got %q, want three events", got)
	}
}

func TestTrailersForgeNothing(t *testing.T) {
	got := make(chan http.Header, 1)
	st := started(t, quiet(), func(w http.ResponseWriter, r *http.Request) {
		_, announced := r.Trailer["X-Client-Ip"]
		_, _ = io.Copy(io.Discard, r.Body)
		if announced {
			r.Trailer["Announced"] = nil
		}
		got <- r.Trailer
	})
	_, answers := st.raw(t, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Client-Ip, X-Sum\r\nConnection: close\r\n\r\n1\r\nx\r\n0\r\n"+
		"X-Client-Ip: 6.6.6.6\r\nx_forwarded_for: 6.6.6.6\r\nCF-Connecting-IP: 6.6.6.6\r\nRemote-User: root\r\nX-Http-Method-Override: DELETE\r\nX-Sum: 42\r\n\r\n")
	if _, err := io.Copy(io.Discard, answers); err != nil {
		t.Fatal(err)
	}
	if trailer := <-got; len(trailer) != 1 || trailer.Get("X-Sum") != "42" {
		t.Errorf("got trailers %v, want X-Sum alone: the others are names that only a trusted peer may say, in the head", trailer)
	}
}
